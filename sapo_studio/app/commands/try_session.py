"""A trial of checkpoints from the terminal: what is asked one after the other, and who shows what comes back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from sapo_studio.app.commands.following import Interrupts
from sapo_studio.app.playground.room import MemoryCheck
from sapo_studio.app.playground.session import PlaygroundSession
from sapo_studio.errors import EngineError, InputError
from sapo_studio.requests.play import (
    SIDES,
    Answer,
    Asking,
    Checkpoint,
    Continue,
    Done,
    Ended,
    Failed,
    Load,
    Request,
    Sample,
    Scorer,
    SolutionDone,
    encode,
)
from sapo_studio.store.db import Store

CANCELLED = 3
"""The exit code of what Ctrl+C has ended."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Side:
    """A checkpoint that is asked: what it is called, who scores it, and the run it is of, if it is of one."""

    name: str
    checkpoint: Checkpoint
    verifier: Scorer | None
    scored_by: str
    run_id: str = ""
    learns: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Step `step`, from 1, of the greedy solution is `text` instead."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What is asked of whom. `edit`: go on from a changed step, `solutions` times, instead of sampling."""

    sides: tuple[Side, ...]
    question: Asking
    solutions: int
    greedy: bool
    temperature: float
    seed: int
    max_tokens: int
    edit: Edit | None


class TryView(Protocol):
    """Shows a trial. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, side: Side, request: Request) -> None:
        """From now on it is about this side, and this is asked of it."""
        ...

    def heard(self, answer: Answer) -> None:
        """Something has come back."""
        ...


def run_trial(store: Path, trial: Trial, device: str, *, as_json: bool, say_json: Callable[[object], None]) -> int:
    """Ask, show, and return the exit code: 0, or 3 where Ctrl+C ended it. Raises what the engine tells."""
    view: TryView
    if as_json:
        view = JsonView(say_json)
    elif sys.stdout.isatty():
        from sapo_studio.app.commands.try_live import LiveTryView  # rich is slow to load, and a program needs none

        view = LiveTryView()
    else:
        from sapo_studio.app.commands.try_lines import LinesTryView

        view = LinesTryView()
    check = MemoryCheck(lambda: Store.open(store, create=False), device)
    with Interrupts() as interrupts, PlaygroundSession(check) as session, view:
        ask = _Asker(session, view, interrupts)
        for letter, side in zip(SIDES, trial.sides, strict=False):
            ask.one(side, Load(id=session.new_id(), side=letter, checkpoint=side.checkpoint, verifier=side.verifier))
            told: dict[str, Any] = {
                "side": letter,
                "question": trial.question,
                "temperature": trial.temperature,
                "seed": trial.seed,
                "max_tokens": trial.max_tokens,
            }
            if trial.edit is None:
                request = Sample(id=session.new_id(), solutions=trial.solutions, greedy=trial.greedy, **told)
                ask.one(side, request)
            else:
                (greedy,) = ask.one(side, Sample(id=session.new_id(), solutions=0, greedy=True, **told)) or (None,)
                steps = _edited(greedy, trial.edit) if greedy else ()
                if steps:
                    request = Continue(id=session.new_id(), steps=steps, rollouts=trial.solutions, **told)
                    ask.one(side, request)
            if ask.cancelled:
                return CANCELLED
    return 0


def _edited(greedy: SolutionDone, edit: Edit) -> tuple[str, ...]:
    """The greedy solution up to the changed step. Raises InputError where it has fewer."""
    if edit.step > len(greedy.steps) + 1:
        raise InputError(
            f"The greedy solution has no step {edit.step}",
            why=f"It has {len(greedy.steps)}.",
            fix="Go on from one of these, or from the one behind the last.",
        )
    return (*greedy.steps[: edit.step - 1], edit.text)


class _Asker:
    """Asks one request after the other and waits for its end."""

    def __init__(self, session: PlaygroundSession, view: TryView, interrupts: Interrupts) -> None:
        self.session = session
        self.view = view
        self.interrupts = interrupts
        self.cancelled = False

    def one(self, side: Side, request: Request) -> list[SolutionDone]:
        """Its solutions; none once something was cancelled. A second Ctrl+C does not wait for the engine. Raises the
        error that the engine told, EngineError where the engine is no more."""
        solutions: list[SolutionDone] = []
        if self.cancelled:
            return solutions
        self.view.begin(side, request)
        self.session.send(request)
        heeded = False
        while True:
            if self.interrupts.count and not heeded:
                heeded = True
                self.session.cancel()
            if self.interrupts.count > 1:
                self.cancelled = True
                return []
            for answer in self.session.events(LOOK_SECONDS):
                self.view.heard(answer)
                if isinstance(answer, SolutionDone):
                    solutions.append(answer)
                elif isinstance(answer, Failed):
                    kind = InputError if answer.exit_code == InputError.exit_code else EngineError
                    raise kind(answer.what, why=answer.why, fix=answer.fix)
                elif isinstance(answer, Ended) and not answer.asked:
                    raise EngineError(answer.what, why=answer.why, fix=answer.fix)
                elif isinstance(answer, Done) and answer.request == request.id:
                    self.cancelled = answer.cancelled or bool(self.interrupts.count)
                    return solutions
                if self.interrupts.count and not heeded:
                    break


class JsonView:
    """Everything that the engine tells, an object a line. Implements TryView."""

    def __init__(self, say: Callable[[object], None]) -> None:
        self._say = say

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def begin(self, side: Side, request: Request) -> None:
        """See TryView."""
        self._say({**_plain(request), "called": side.name, "scored_by": side.scored_by})

    def heard(self, answer: Answer) -> None:
        """See TryView."""
        self._say(_plain(answer))


def _plain(message: Request | Answer) -> dict[str, Any]:
    return json.loads(encode(message))
