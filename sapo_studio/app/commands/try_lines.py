"""A trial as plain lines, for a file or a pipe: each solution once it is done, the verdicts in the end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sapo_studio.app.commands.printing import say
from sapo_studio.app.commands.try_session import Side
from sapo_studio.app.commands.try_text import chosen, facts, name_of, steps, success_rate, title
from sapo_studio.requests.play import Answer, ContinueResult, Done, Load, Request, Sample, SolutionDone, Verdicts


class LinesTryView:
    """Implements TryView."""

    def __init__(self) -> None:
        self._verdicts: Verdicts | None = None
        self._continued: ContinueResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def begin(self, side: Side, request: Request) -> None:
        """See TryView."""
        self._verdicts = self._continued = None
        if isinstance(request, Load):
            say(title(side))
        elif isinstance(request, Sample):
            say(request.question.text)

    def heard(self, answer: Answer) -> None:
        """See TryView."""
        if isinstance(answer, SolutionDone):
            say(f"{name_of(answer.solution)}:  {facts(answer)}")
            for line in steps(answer):
                say(line)
        elif isinstance(answer, Verdicts):
            self._verdicts = answer
        elif isinstance(answer, ContinueResult):
            self._continued = answer
        elif isinstance(answer, Done):
            self._end(answer)

    def _end(self, done: Done) -> None:
        if self._verdicts is not None and self._verdicts.of:
            for way, said in chosen(self._verdicts):
                say(f"{way}:  {said}")
        if self._continued is not None:
            say(success_rate(self._continued))
        if done.cancelled:
            say("Ended by Ctrl+C")
