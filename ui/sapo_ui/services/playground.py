"""The playground's engine as the window holds it: asked, listened to in batches, and ended with the window.

Answers come from threads of the session's. They wait in a queue, which a timer empties on the GUI thread: many streams
of tokens then cost the window one update in 33 ms, and no signal crosses threads.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal
from shiboken6 import isValid

from sapo_studio.app.playground.checkpoints import CheckpointChoice, VerifierChoice, checkpoints
from sapo_studio.app.playground.keeping import Word, Written
from sapo_studio.app.playground.room import ANY, CPU, MemoryCheck, Spot
from sapo_studio.app.playground.session import Listener, PlaygroundSession
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.requests.play import (
    SIDES,
    Answer,
    Asking,
    Continue,
    Ended,
    Failed,
    GiveBack,
    Load,
    Loaded,
    Loading,
    MemoryGivenBack,
    Message,
    Ready,
    Sample,
    Side,
)
from sapo_studio.store.db import Store
from sapo_ui.services import tasks
from sapo_ui.services.playground_keeping import KeptSolution, SolutionKeeper
from sapo_ui.services.playground_state import Board

TICK_MS, IDLE_MS = 33, 500
"""Between two looks at what the engine has said, while it is asked something and while it is not."""

MOST = 2000
"""Answers taken at a look: what 64 streams write in a second. The rest waits for the next one."""

ROLLOUTS_AT = 1.0
"""The temperature of rollouts from a changed step where solutions are the most likely ones: at 0 all of them would be
the same."""

CLOSE_SECONDS = 0.5
"""What a window that closes waits for an engine to end by itself."""


class Session(Protocol):
    """What a `PlaygroundSession` is to the window."""

    def send(self, message: Message) -> None:
        """Ask. Returns at once."""
        ...

    def cancel(self, request: str | None = None) -> None:
        """End a request, or all."""
        ...

    def close(self, seconds: float = ...) -> None:
        """End the engine."""
        ...


@dataclass(frozen=True, slots=True)
class SideChoice:
    """Which checkpoint answers on a side, and which verifier scores it (None: none does)."""

    side: Side
    checkpoint: CheckpointChoice
    verifier: VerifierChoice | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How solutions are written. `max_tokens` 0: as long as the task allows."""

    solutions: int = 8
    temperature: float = 0.8
    max_tokens: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EngineState:
    """The process. `none`: there is none, or none yet; `starting`; `ready`; `given_back`: it has idled and holds
    nothing; `ended`: it has died, `ended` says how. `memory`: bytes of weights."""

    status: Literal["none", "starting", "ready", "given_back", "ended"] = "none"
    device: str = ""
    memory: int = 0
    ended: Ended | None = None


MakeSession = Callable[[Listener, Callable[[], bool], Callable[[str], None]], Session]
"""Its arguments: what hears the answers, what says whether to leave the cards alone, and what is told in words where
it computes. They are called from threads of the session's."""


class Playground(QObject):
    """See the module's docstring. What it shows stays while its page is not in front."""

    changed = Signal(object)
    """(SideState) A side looks otherwise."""
    engine_changed = Signal(object)
    """(EngineState)"""

    def __init__(
        self,
        make_session: MakeSession | None = None,
        find: Callable[[Store], list[CheckpointChoice]] = checkpoints,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.checkpoints = find
        """What can be asked, the newest run first. To be called in the background."""
        self.board = Board()
        self.engine = EngineState()
        self.choices: dict[Side, SideChoice] = {}
        """What each side was last asked with."""
        self.keeper = SolutionKeeper(self)
        self.keeper.kept.connect(self._show_kept)
        self.cpu = False
        """Whether the cards are left alone."""
        self._make = make_session or _own_session
        self._where = ""
        self._numbers = itertools.count(1)
        self._session: Session | None = None
        self._heard: deque[Answer] = deque()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.listen)

    # -- What is asked

    def sample(self, question: Asking, sides: Sequence[SideChoice], how: Sampling, of_run: str = "") -> None:
        """Have each of these sides write solutions, in place of those that it has. What is going on is ended.

        `of_run`: the run whose question it is, where it has a number.
        """
        self.stop()
        session = self._open()
        without_number = question.model_copy(update={"number": None})
        for choice in sides:
            self._have(session, choice)
        for choice in sides:  # once both are loaded, they write by turns
            self._send(
                Sample(
                    id=self._new_id(),
                    side=choice.side,
                    question=question if choice.checkpoint.run_id == of_run else without_number,
                    temperature=how.temperature,
                    max_tokens=how.max_tokens,
                    seed=how.seed,
                    solutions=how.solutions,
                )
            )
        self._tell_all()

    def continue_from(self, side: Side, solution: str, step: int, text: str, rollouts: int) -> None:
        """What if step `step` of a solution were `text`: so many rollouts from there, in place of those that the
        solution has. Does nothing where there is no such step."""
        state, choice = self.board[side], self.choices.get(side)
        one = state.solution(solution)
        if one is None or state.asked is None or choice is None or not 1 <= step <= len(one.steps):
            return
        self.undo(side, solution)
        session = self._open()
        self._have(session, choice)
        asked = state.asked
        request = Continue(
            id=self._new_id(),
            side=side,
            question=asked.question,
            temperature=asked.temperature or ROLLOUTS_AT,
            max_tokens=asked.max_tokens,
            seed=asked.seed,
            steps=(*one.steps[: step - 1], text),
            rollouts=rollouts,
        )
        session.send(request)
        self.board.ask_continue(request, solution)
        self.changed.emit(self.board[side])

    def undo(self, side: Side, solution: str) -> None:
        """A solution is to be as it was before a step of it was changed."""
        changed = self.board[side].what_if(solution)
        if changed is not None:
            if changed.going and self._session is not None:
                self._session.cancel(changed.request)
            self.board.undo(side, solution)
            self.changed.emit(self.board[side])

    def stop(self) -> None:
        """End what is being written or loaded. What is written stays."""
        if self._session is not None and self.busy:
            self._session.cancel()

    @property
    def busy(self) -> bool:
        """Whether something is asked that is not answered to the end."""
        return self.board.loading or any(self.board[side].busy for side in SIDES)

    def give_back(self) -> None:
        """Give the memory back now."""
        if self._session is not None:
            self._session.send(GiveBack(id=self._new_id()))

    def restart(self) -> None:
        """Have an engine ready again after the last one died: with what it had loaded."""
        session = self._open()
        for choice in self.choices.values():
            self._have(session, choice, again=True)
            self.changed.emit(self.board[choice.side])

    def compute_on_cpu(self, cpu: bool) -> None:
        """Whether to leave the cards alone."""
        if cpu != self.cpu:
            self.cpu = cpu
            self.end_engine()  # what is loaded lies where it was

    def end_engine(self) -> None:
        """End the engine; the next question starts another one."""
        session, self._session = self._session, None
        if session is None:
            return
        self._heard = deque()  # what it still has to say means nothing to the next one
        self.board.end_all(time.monotonic())
        self.board.lose_engine()
        self.engine = EngineState()
        tasks.run(self, lambda _: session.close(), lambda _: None)
        self._tell_all()

    def end(self, seconds: float = CLOSE_SECONDS) -> None:
        """End the engine, and listen no longer: the window closes. Waits for at most about `seconds`."""
        self._timer.stop()
        session, self._session = self._session, None
        self._heard = deque()
        if session is not None:
            session.close(seconds)

    def _tell_all(self) -> None:
        self.engine_changed.emit(self.engine)
        for side in SIDES:
            self.changed.emit(self.board[side])

    # -- What is kept

    def keep(self, side: Side, solution: str, word: Word) -> None:
        """Keep a solution, or a rollout, as a good or a bad trace. One that is not done cannot be kept."""
        state, choice = self.board[side], self.choices.get(side)
        one = state.solution(solution)
        if one is None or one.end is None or state.asked is None or choice is None:
            return
        changed = next((what_if for what_if in state.what_ifs if one in what_if.rollouts), None)
        temperature = state.asked.temperature
        written = Written(
            solution=one.end,
            question=state.asked.question,
            checkpoint=choice.checkpoint,
            verifier=choice.verifier,
            seed=state.asked.seed,
            temperature=temperature if changed is None else temperature or ROLLOUTS_AT,
            edited=changed.step if changed is not None else None,
        )
        self.keeper.keep(side, written, word)

    def _show_kept(self, kept: object) -> None:
        if isinstance(kept, KeptSolution):
            self.changed.emit(self.board[kept.side])

    # -- What is answered

    def listen(self) -> None:
        """Take what the engine has said. The timer calls it."""
        batch: list[Answer] = []
        while self._heard and len(batch) < MOST:
            batch.append(self._heard.popleft())
        before = self.engine
        changed = self.board.take(batch, time.monotonic())
        for answer in batch:
            self._follow(answer)
            if isinstance(answer, Failed):
                self._give_up(answer)
        if self.engine.status == "starting" and not self.busy:
            self.engine = replace(self.engine, status="ready" if self.engine.device else "none")
        if self.engine != before:
            self.engine_changed.emit(self.engine)
            changed |= set(SIDES)
        for side in changed:
            self.changed.emit(self.board[side])
        self._pace()

    def _follow(self, answer: Answer) -> None:
        """What an answer says of the engine."""
        if isinstance(answer, Ready):
            self.engine = EngineState("starting", self._where or answer.device)
        elif isinstance(answer, Loading):
            self.engine = replace(self.engine, status="starting", ended=None)
        elif isinstance(answer, Loaded):
            self.engine = EngineState("ready", self._where or answer.device, answer.memory)
        elif isinstance(answer, MemoryGivenBack):
            self.engine = EngineState("given_back", self.engine.device)
        elif isinstance(answer, Ended):
            self.engine = EngineState() if answer.asked else EngineState("ended", ended=answer)
            self.board.lose_engine()

    def _give_up(self, failed: Failed) -> None:
        """What was to be written by a checkpoint that could not be loaded is not to be tried."""
        for side in SIDES:
            asked = self.board[side].asked
            useless = self.board[side].trouble is failed and asked is not None and asked.id != failed.request
            if self._session is not None and asked is not None and useless:
                self._session.cancel(asked.id)

    def _have(self, session: Session, choice: SideChoice, *, again: bool = False) -> None:
        """Have a side's checkpoint loaded, unless it is."""
        state = self.board[choice.side]
        same = self.choices.get(choice.side) == choice and state.loaded is not None
        self.choices[choice.side] = choice
        if same and not again:
            return
        verifier = choice.verifier.ref if choice.verifier is not None else None
        load = Load(id=self._new_id(), side=choice.side, checkpoint=choice.checkpoint.ref, verifier=verifier)
        session.send(load)
        self.board.ask_load(load)
        if self.engine.status in ("none", "ended"):
            self.engine = EngineState("starting")
            self.engine_changed.emit(self.engine)

    def _new_id(self) -> str:
        """Unlike that of any request before, whichever session it went to: solutions are known by it."""
        return f"w{next(self._numbers)}"

    def _note_where(self, words: str) -> None:
        self._where = words  # a thread of the session's calls this

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._make(self._heard.append, lambda: self.cpu, self._note_where)
        self._timer.start(TICK_MS)
        return self._session

    def _send(self, sample: Sample) -> None:
        assert self._session is not None
        self._session.send(sample)
        self.board.ask_sample(sample)

    def _pace(self) -> None:
        if self._session is None:
            self._timer.stop()
            return
        interval = TICK_MS if self.busy or self._heard or self.engine.status == "starting" else IDLE_MS
        if self._timer.interval() != interval:
            self._timer.setInterval(interval)


def writes_programs(checkpoint: CheckpointChoice) -> bool:
    """Whether its solutions are programs, as far as that is known before it is loaded."""
    kind = TASK_KINDS.get(checkpoint.learns)
    return kind is not None and kind.solutions == "programs"


def _own_session(listener: Listener, on_cpu: Callable[[], bool], say_where: Callable[[str], None]) -> Session:
    path = tasks.pool().path

    def opened() -> Store:
        return Store.open(path, create=False, checkpointer=False)

    def room(load: Load, other: Load | None, pid: int | None) -> Spot:
        found = MemoryCheck(opened, CPU if on_cpu() else ANY)(load, other, pid)
        say_where(found.words)
        return found

    return PlaygroundSession(room, listener=listener)


_of_window: list[Playground] = []


def of_window() -> Playground:
    """The window's playground: it goes on whichever page is open. `end_of_window` ends it."""
    if not _of_window or not isValid(_of_window[0]):
        _of_window[:] = [Playground(parent=QCoreApplication.instance())]
    return _of_window[0]


def end_of_window() -> None:
    """The window closes."""
    for one in _of_window:
        if isValid(one):
            one.end()
            one.deleteLater()
    _of_window.clear()
