"""A table as the command line and a Markdown page both show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sapo_studio.app.reports.fitted_table import FittedTable


@dataclass(frozen=True)
class Sheet:
    """Rows of text under heads; the first column is words, the others are numbers (but the last one, with `prose`). No
    heads: a list of two columns. `note` stands below."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    prose: bool = False

    def markdown(self) -> str:
        """With the title as a heading of the second level."""
        heads = self.heads or ("", "")
        sides = ["---", *["---:"] * (len(heads) - 1)]
        if self.prose:
            sides[-1] = "---"
        lines = [f"## {self.title}\n", _line(heads), "|" + "|".join(sides) + "|"]
        lines += [_line(row) for row in self.rows]
        return "\n".join(lines + ([f"\n{self.note}"] if self.note else [])) + "\n"

    def table(self) -> FittedTable:
        """For the console, of whatever width."""
        from sapo_studio.app.reports.fitted_table import FittedTable

        return FittedTable(self.title, self.heads, self.rows, self.note, self.prose)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
