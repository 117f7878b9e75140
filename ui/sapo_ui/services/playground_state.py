"""What stands on a playground's two sides: an immutable picture, and how each answer of the engine changes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.readable import sentences
from sapo_studio.requests.play import (
    GREEDY,
    Answer,
    Asking,
    Continue,
    ContinueResult,
    Done,
    Failed,
    Load,
    Loaded,
    Loading,
    Piece,
    Sample,
    Side,
    SolutionDone,
    Started,
    StepDone,
    StepScored,
    Verdict,
    Verdicts,
    solution_id,
)
from sapo_ui.wording import in_window

Phase = Literal["waiting", "live", "done", "stopped"]
"""`waiting`: nothing of it is written; `stopped`: it was cancelled, or its engine died; what was written stays."""

BEST: tuple[Aggregation, ...] = ("mean", "min", "last")
"""How the scores of a solution's steps become the one that best-of-N goes by."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution, or a rollout, as far as it is written. `steps` are complete ones; `scores` has as many entries, None
    where the verifier has not read that far. `covered`: characters of `text` that those steps take."""

    id: str
    phase: Phase = "waiting"
    text: str = ""
    covered: int = 0
    steps: tuple[str, ...] = ()
    scores: tuple[float | None, ...] = ()
    tokens: int = 0
    end: SolutionDone | None = None

    @property
    def greedy(self) -> bool:
        """Whether it is the most likely solution, not a sampled one."""
        return self.id.endswith(f"/{GREEDY}")

    @property
    def tail(self) -> str:
        """What is written of the step that is not complete."""
        return self.text[self.covered :].lstrip()

    @property
    def answer(self) -> str:
        """The final answer; empty where there is none, or not yet."""
        return self.end.answer if self.end is not None else ""

    @property
    def correct(self) -> bool | None:
        """None: not known, or not yet."""
        return self.end.correct if self.end is not None else None

    def score(self, by: Aggregation) -> float | None:
        """The scores of its steps as one; None where nothing is scored, or not to the end."""
        end = self.end
        return None if end is None else {"mean": end.mean, "min": end.min, "last": end.last}.get(by)


def failure_words(failed: Failed) -> str:
    """Why something was not done, in sentences."""
    return in_window(sentences(failed.what, failed.why, failed.fix))


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Rollouts from a step of a solution that somebody has changed to `text`."""

    request: str
    solution: str
    step: int
    text: str
    rollouts: tuple[Solution, ...] = ()
    result: ContinueResult | None = None
    done: Done | None = None
    trouble: Failed | None = None

    @property
    def going(self) -> bool:
        """Whether rollouts are still to come."""
        return self.done is None and self.trouble is None


@dataclass(frozen=True, slots=True)
class SideState:
    """One side. `asked`: what its solutions answer; None before anything was asked. `going`: some of them are still to
    come; `started`: the engine is at them. `speed`: tokens a second, of all its streams together."""

    side: Side
    asked: Sample | None = None
    loading: Loading | None = None
    loaded: Loaded | None = None
    going: bool = False
    started: bool = False
    solutions: tuple[Solution, ...] = ()
    verdicts: Verdicts | None = None
    done: Done | None = None
    trouble: Failed | None = None
    what_ifs: tuple[WhatIf, ...] = ()
    speed: float | None = None

    @property
    def busy(self) -> bool:
        """Whether solutions, or rollouts of changed steps, are still to come."""
        return self.going or any(one.going for one in self.what_ifs)

    @property
    def question(self) -> Asking | None:
        """What its solutions answer."""
        return self.asked.question if self.asked is not None else None

    @property
    def written(self) -> int:
        """Solutions that are done, the greedy one not counted."""
        return sum(1 for one in self.solutions if one.phase == "done" and not one.greedy)

    def solution(self, name: str) -> Solution | None:
        """The solution or rollout of this name."""
        rollouts = (one for what_if in self.what_ifs for one in what_if.rollouts)
        return next((one for one in (*self.solutions, *rollouts) if one.id == name), None)

    def what_if(self, solution: str) -> WhatIf | None:
        """What was changed in a solution."""
        return next((one for one in self.what_ifs if one.solution == solution), None)

    def best(self, by: Aggregation) -> Verdict | None:
        """What best-of-N comes to; None where nothing is scored, or not yet."""
        found = self.verdicts
        if found is None:
            return None
        return {"mean": found.best_mean, "min": found.best_min, "last": found.best_last}.get(by)


@dataclass
class _Run:
    """A request for texts that is being answered."""

    side: Side
    texts: dict[str, Solution]
    begun: float | None = None
    what_if: WhatIf | None = None
    ended: bool = False


@dataclass
class Board:
    """Both sides. Told what is asked, and what is answered; answers of requests that were dropped meanwhile change
    nothing."""

    sides: dict[Side, SideState] = field(default_factory=dict[Side, SideState])
    _loads: dict[str, Side] = field(default_factory=dict[str, Side])
    _runs: dict[str, _Run] = field(default_factory=dict[str, _Run])

    def __getitem__(self, side: Side) -> SideState:
        return self.sides.get(side) or SideState(side)

    # -- What is asked

    def ask_load(self, load: Load) -> None:
        """A side's checkpoint is to be loaded: what it had is no longer there."""
        self._loads[load.id] = load.side
        self.sides[load.side] = replace(self[load.side], loaded=None, loading=None, trouble=None)

    def ask_sample(self, sample: Sample) -> None:
        """Solutions are asked for, in place of those before."""
        names: list[int | str] = [GREEDY] if sample.greedy else []
        names += range(sample.solutions)
        texts = {name: Solution(name) for name in (solution_id(sample.id, one) for one in names)}
        self._runs = {name: run for name, run in self._runs.items() if run.side != sample.side}
        self._runs[sample.id] = _Run(sample.side, texts)
        before = self[sample.side]
        self.sides[sample.side] = SideState(
            sample.side, sample, before.loading, before.loaded, going=True, solutions=tuple(texts.values())
        )

    def ask_continue(self, request: Continue, solution: str) -> None:
        """Rollouts from the last of `request.steps` are asked for, which is that step of `solution`, changed."""
        texts = {name: Solution(name) for name in (solution_id(request.id, at) for at in range(request.rollouts))}
        step = len(request.steps)
        made = WhatIf(request.id, solution, step, request.steps[-1], tuple(texts.values()))
        self._runs[request.id] = _Run(request.side, texts, what_if=made)
        self._put_what_if(request.side, made)

    def undo(self, side: Side, solution: str) -> None:
        """A solution is to be as it was: rollouts from its changed step are dropped."""
        state = self[side]
        dropped = state.what_if(solution)
        if dropped is not None:
            self._runs.pop(dropped.request, None)
            kept = tuple(one for one in state.what_ifs if one is not dropped)
            self.sides[side] = replace(state, what_ifs=kept)

    @property
    def loading(self) -> bool:
        """Whether a checkpoint is being loaded, or is to be."""
        return bool(self._loads)

    def lose_engine(self) -> None:
        """There is no engine any more: nothing is loaded. What it told before it went stays."""
        self._loads.clear()
        for side, state in self.sides.items():
            self.sides[side] = replace(state, loaded=None, loading=None)

    def end_all(self, now: float) -> None:
        """Nothing more will be answered of what is asked."""
        for name, run in self._runs.items():
            begun = run.begun if run.begun is not None else now
            self._end(run, Done(request=name, seconds=now - begun, cancelled=True))
            self._settle(run, now)
        self._runs.clear()

    # -- What is answered

    def take(self, answers: Iterable[Answer], now: float) -> set[Side]:
        """Let answers change the picture. `now`: seconds, from any moment on. Returns the sides that look otherwise."""
        touched: set[str] = set()
        changed: set[Side] = set()
        for answer in answers:
            request = getattr(answer, "request", "")
            if isinstance(answer, Loading | Loaded):
                self._take_load(answer)
                changed.add(answer.side)
            elif request in self._loads and isinstance(answer, Failed | Done):
                changed.add(self._end_load(request, answer))
            elif request in self._runs:
                self._take_text(self._runs[request], answer, now)
                touched.add(request)
        for request in touched:
            run = self._runs[request]
            self._settle(run, now)
            changed.add(run.side)
            if run.ended:
                del self._runs[request]
        return changed

    def _take_load(self, answer: Loading | Loaded) -> None:
        state = self[answer.side]
        if isinstance(answer, Loading):
            self.sides[answer.side] = replace(state, loading=answer)
        else:
            self.sides[answer.side] = replace(state, loading=None, loaded=answer)

    def _end_load(self, request: str, answer: Failed | Done) -> Side:
        side = self._loads.pop(request)
        state = replace(self[side], loading=None)
        self.sides[side] = replace(state, trouble=answer) if isinstance(answer, Failed) else state
        return side

    def _take_text(self, run: _Run, answer: Answer, now: float) -> None:
        if isinstance(answer, Started):
            run.begun = now
            run.texts = {name: run.texts.get(name, Solution(name)) for name in answer.solutions}
        elif isinstance(answer, Piece | StepDone | StepScored | SolutionDone):
            before = run.texts.get(answer.solution, Solution(answer.solution))
            run.texts[answer.solution] = _grown(before, answer)
        elif isinstance(answer, Verdicts):
            self.sides[run.side] = replace(self[run.side], verdicts=answer)
        elif isinstance(answer, ContinueResult) and run.what_if is not None:
            run.what_if = replace(run.what_if, result=answer)
        elif isinstance(answer, Done | Failed):
            self._end(run, answer)

    def _end(self, run: _Run, answer: Done | Failed) -> None:
        run.ended = True
        for name, one in run.texts.items():
            if one.phase != "done":
                run.texts[name] = replace(one, phase="stopped")
        if run.what_if is not None:
            done = answer if isinstance(answer, Done) else None
            run.what_if = replace(run.what_if, done=done, trouble=answer if isinstance(answer, Failed) else None)
        elif isinstance(answer, Done):
            self.sides[run.side] = replace(self[run.side], done=answer, going=False)
        else:
            state = self[run.side]  # why it could not be loaded says more than that it is not there
            self.sides[run.side] = replace(state, trouble=state.trouble or answer, going=False)

    def _settle(self, run: _Run, now: float) -> None:
        """Put what a request has come to into the picture."""
        texts = tuple(run.texts.values())
        if run.what_if is not None:
            run.what_if = replace(run.what_if, rollouts=texts)
            self._put_what_if(run.side, run.what_if)
            return
        state = self[run.side]
        seconds = state.done.seconds if state.done is not None else now - run.begun if run.begun is not None else 0.0
        tokens = sum(one.tokens for one in texts)
        self.sides[run.side] = replace(
            state,
            started=run.begun is not None,
            solutions=texts,
            speed=tokens / seconds if seconds > 0 and tokens else state.speed,
        )

    def _put_what_if(self, side: Side, made: WhatIf) -> None:
        state = self[side]
        others = tuple(one for one in state.what_ifs if one.solution != made.solution)
        self.sides[side] = replace(state, what_ifs=(*others, made))


def _grown(one: Solution, answer: Piece | StepDone | StepScored | SolutionDone) -> Solution:
    """A solution with one answer more."""
    if isinstance(answer, Piece):
        text = one.text[: answer.at] + answer.text
        return replace(one, phase="live", text=text, covered=min(one.covered, answer.at), tokens=answer.tokens)
    if isinstance(answer, StepDone):
        steps = (*one.steps[: answer.step - 1], answer.text)
        found = one.text.find(answer.text.strip(), one.covered)
        covered = one.covered if found < 0 else found + len(answer.text.strip())
        return replace(one, phase="live", steps=steps, scores=_fitted(one.scores, len(steps)), covered=covered)
    if isinstance(answer, StepScored):
        scores = list(_fitted(one.scores, max(len(one.steps), answer.step)))
        scores[answer.step - 1] = answer.score
        return replace(one, scores=tuple(scores))
    scores = answer.scores if answer.scores is not None else (None,) * len(answer.steps)
    return replace(
        one,
        phase="done",
        text=answer.text,
        covered=len(answer.text),
        steps=answer.steps,
        scores=tuple(scores),
        tokens=answer.tokens,
        end=answer,
    )


def _fitted(scores: tuple[float | None, ...], n: int) -> tuple[float | None, ...]:
    return scores[:n] + (None,) * (n - len(scores))
