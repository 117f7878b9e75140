"""A trial as a person likes to watch it: a row for each solution while it is written, then the best one's steps."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sapo_studio.app.commands.safe_console import SafeConsole
from sapo_studio.app.commands.try_session import Side
from sapo_studio.app.commands.try_text import chosen, facts, name_of, outcome, steps, success_rate, title
from sapo_studio.requests.play import (
    Answer,
    ContinueResult,
    Done,
    Load,
    Loading,
    Piece,
    Request,
    Sample,
    SolutionDone,
    Started,
    StepScored,
    Verdicts,
)

A_SECOND = 12
"""Pictures, at most."""
TAIL = 60
"""Characters of a text that is being written."""
_STYLES = {"right": "green", "wrong": "red", "": "dim"}


class _Row:
    def __init__(self) -> None:
        self.text = ""
        self.scores: dict[int, float] = {}
        self.done: SolutionDone | None = None


class LiveTryView:
    """Draws in place, and leaves the last picture of each request standing. Implements TryView."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or SafeConsole(highlight=False)
        self._live: Live | None = None
        self._rows: dict[str, _Row] = {}
        self._note = ""
        self._verdicts: Verdicts | None = None
        self._continued: ContinueResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def begin(self, side: Side, request: Request) -> None:
        """See TryView."""
        self._stop()
        self._rows, self._verdicts, self._continued, self._note = {}, None, None, ""
        if isinstance(request, Load):
            self._console.print(Text.assemble("\n  ", (title(side), "bold")))
            self._note = "Starting the engine ..."
        elif isinstance(request, Sample):
            self._console.print(Text.assemble("  ", (request.question.text, "dim"), "\n"))
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=A_SECOND,
            transient=isinstance(request, Load),
            vertical_overflow="crop",
        )
        self._live.start()

    def heard(self, answer: Answer) -> None:
        """See TryView."""
        match answer:
            case Loading():
                self._note = f"{answer.what} ..."
            case Started():
                self._note = ""
                self._rows = {name: _Row() for name in answer.solutions}
            case Piece():
                row = self._rows[answer.solution]
                row.text = row.text[: answer.at] + answer.text
            case StepScored():
                self._rows[answer.solution].scores[answer.step] = answer.score
            case SolutionDone():
                self._rows[answer.solution].done = answer
            case Verdicts():
                self._verdicts = answer
            case ContinueResult():
                self._continued = answer
            case Done():
                self._note = "Ended by Ctrl+C" if answer.cancelled else ""
                self._stop()
                self._show_best()
            case _:
                pass

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._rows:
            table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
            for _ in range(3):
                table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
            for name, row in list(self._rows.items()):
                table.add_row(f"  {name_of(name)}", *_cells(row))
            parts.append(table)
        if self._verdicts is not None and self._verdicts.of:
            parts.append(Text())
            parts += [Text.assemble("  ", (f"{way:<13}", "dim"), said) for way, said in chosen(self._verdicts)]
        if self._continued is not None:
            parts += [Text(), Text(f"  {success_rate(self._continued)}")]
        if self._note:
            parts.append(Text(f"  {self._note}", style="dim"))
        return Group(*parts)

    def _show_best(self) -> None:
        """The steps of the one that the verifier likes best, or of the first."""
        done = [row.done for row in self._rows.values() if row.done is not None]
        if not done:
            return
        best = max(done, key=lambda one: one.mean if one.mean is not None else 0.0)
        self._console.print(Text.assemble("\n  ", (name_of(best.solution), "bold"), f"  {facts(best)}"))
        for line in steps(best):
            self._console.print(Text(f"  {line}"))


def _cells(row: _Row) -> tuple[Text, Text, Text]:
    scores = " ".join(f"{row.scores[step]:.2f}"[1 if row.scores[step] < 1 else 0 :] for step in sorted(row.scores))
    if row.done is None:
        tail = row.text[-TAIL:].replace("\n", " ")
        return Text("..."), Text("", style="dim"), Text.assemble((scores, "cyan"), "  " if scores else "", tail)
    word = outcome(row.done.correct)
    mean = "" if row.done.mean is None else f"{row.done.mean:.2f}"
    return Text(row.done.answer or "-", style=_STYLES[word]), Text(mean or word), Text(scores, style="cyan")
