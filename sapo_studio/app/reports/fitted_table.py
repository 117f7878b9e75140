"""A table on a console of any width: its figures are never cut, since half a number looks like another one.

Where the columns do not fit beside each other the table is turned over (a column a row), and where that does not fit
either, rows stand below each other, a figure a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.table import Table

_GAP = 2
"""Characters between two columns."""
_WORDS = 16
"""A column of words may become as narrow as this; it wraps."""


@dataclass(frozen=True)
class FittedTable:
    """`heads` over `rows`, `note` below, laid out when it is printed and the width is known. `prose`: the last column
    holds words, as the first does."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    prose: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        """The first layout that fits."""
        room = options.max_width
        turned = list(zip(*self.rows, strict=True))
        if not self.rows:
            yield _columns(self.title, self.note, self.heads, (), [cell_len(head) for head in self.heads], ())
            return
        words = [place == 0 or (self.prose and place == len(turned) - 1) for place in range(len(turned))]
        if not self.heads:
            yield _columns(self.title, self.note, (), self.rows, _widths((), turned, [True, True], room), words)
            return
        beside = _widths(self.heads, turned, words, room)
        if _total(beside) <= room:
            yield _columns(self.title, self.note, self.heads, self.rows, beside, words)
            return
        heads = (self.heads[0], *turned[0])
        lines = list(zip(self.heads, *self.rows, strict=True))[1:]
        figures = [line for line, prose in zip(lines, words[1:], strict=True) if not prose]
        of_words = [True] + [False] * len(self.rows)
        widths = _widths(heads, list(zip(*figures, strict=True)), of_words, room) if figures else [room + 1]
        if _total(widths) <= room:
            yield _columns(self.title, self.note, heads, lines, widths, of_words)
            return
        for place, row in enumerate(self.rows):
            pairs = list(zip(self.heads, row, strict=True))
            widths = _widths((), [self.heads, row], [True, True], room)
            last = place == len(self.rows) - 1
            note = self.note if last else ""
            yield _columns("" if place else self.title, note, (), pairs, widths, [True, True])
            if not last:
                yield ""


def _widths(heads: Sequence[str], columns: Sequence[Sequence[str]], words: Sequence[bool], room: int) -> list[int]:
    """Characters for each column: what its longest figure needs, or, of words, a few; and of what is left as much as
    it would like, from the first on."""
    least: list[int] = []
    liked: list[int] = []
    for place, (cells, wrapped) in enumerate(zip(columns, words, strict=True)):
        head = heads[place] if heads else ""
        longest = max(map(cell_len, cells))
        needed = max(longest, *map(cell_len, head.split()), 1) if head else max(longest, 1)
        least.append(min(needed, _WORDS) if wrapped else needed)
        liked.append(max(longest, cell_len(head), 1))
    spare = room - _total(least)
    for place, width in enumerate(least):
        more = max(0, min(spare, liked[place] - width))
        least[place] += more
        spare -= more
    return least


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _columns(
    title: str,
    note: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    words: Sequence[bool],
) -> Table:
    shown = Table(
        title=escape(title) or None,
        title_justify="left",
        caption=escape(note) or None,
        caption_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        show_header=bool(heads),
    )
    for place, width in enumerate(widths):
        side = "left" if not words or words[place] else "right"
        shown.add_column(escape(heads[place]) if heads else "", justify=side, overflow="fold", width=width)
    for row in rows:
        shown.add_row(*map(escape, row))
    return shown
