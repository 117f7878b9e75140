"""Solutions told while they are written: their texts, their steps, the scores of these, and what each comes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from sapo_engine.grading.base import Grade
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.service.playground.cancelling import Wanted
from sapo_engine.service.playground.desk import Desk
from sapo_engine.service.playground.following import Change, Follower
from sapo_engine.service.playground.scoring import Draft, StepScorer
from sapo_engine.tasks.base import Question
from sapo_engine.tasks.typed import Typed
from sapo_studio.domain.aggregation import aggregate
from sapo_studio.domain.labels import detect
from sapo_studio.requests.play import Answer, Piece, SolutionDone, StepDone, StepScored

PIECE_SECONDS = 0.02
"""Pieces of a text are told no more often; a model that writes faster than anybody reads is told in larger ones."""
SCORE_EVERY = 8
"""Steps of decoding after which complete steps are scored, together; at once where a solution has ended."""
GRADING_SECONDS = 0.01
"""How long it is waited for a grade before somebody else has a turn."""

Scores = tuple[float, ...] | None


@dataclass(frozen=True)
class Telling:
    """Whom a request is told to, and whether it is still wanted. `clock` in seconds."""

    request: str
    tell: Callable[[Answer], None]
    wanted: Wanted
    began: float
    clock: Callable[[], float] = time.monotonic

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return self.clock() - self.began


@dataclass(frozen=True)
class Asked:
    """A question as it is put: to the task, and to a verifier, where there is one."""

    typed: Typed
    question: Question
    desk: Desk
    scorer: StepScorer | None
    reasoner: Reasoner


@dataclass
class _Solution:
    name: str
    follower: Follower
    told_steps: tuple[str, ...] = ()
    told_scores: tuple[float, ...] = ()
    draft: Draft | None = None
    """To be scored."""
    ended: bool = False
    finished: bool = False
    text: str = ""
    tokens: int = 0
    grade: Future[list[Grade]] | None = None
    done: bool = False


class Stream:
    """Hears what a back end writes for one question, `names` after each other. Implements rollouts.base.Listener.

    `begun`: tokens of the solution that were there before. Each solution that is done is handed to `done`, once, after
    all else about it was told. Grading goes on beside the writing, in `graders`.
    """

    def __init__(
        self,
        telling: Telling,
        asked: Asked,
        names: Sequence[str],
        graders: ThreadPoolExecutor,
        done: Callable[[SolutionDone], None],
        begun: tuple[int, ...] = (),
    ) -> None:
        self._telling = telling
        self._asked = asked
        self._graders = graders
        self._done = done
        self._solutions = [_Solution(name, Follower(asked.desk.builder, begun)) for name in names]
        self._known: dict[Draft, Scores] = {}
        self._told_at = float("-inf")
        self._since_scored = 0
        for solution in self._solutions if begun else ():
            self._tell_progress(solution)
        self._score()

    @property
    def tokens(self) -> int:
        """Written so far, in all."""
        return sum(one.follower.written for one in self._solutions)

    def heard(self, sequences: Sequence[int], tokens: Sequence[int], going: Sequence[bool]) -> None:
        """See Listener. Raises Cancelled where nobody wants it any more."""
        self._telling.wanted.check()
        ended = False
        for number, token, goes_on in zip(sequences, tokens, going, strict=True):
            self._solutions[number].follower.add(token)
            if not goes_on:
                self._end(self._solutions[number])
                ended = True
        now = self._telling.clock()
        if now - self._told_at >= PIECE_SECONDS:
            self._told_at = now
            for number in sequences:
                self._tell_progress(self._solutions[number])
        self._since_scored += 1
        if ended or self._since_scored >= SCORE_EVERY:
            self._score()
        self._finish_graded()

    def end(self) -> Generator[None]:
        """What was written is all there will be: comes back now and then until all of it is graded. Raises Cancelled as
        `heard`."""
        for solution in self._solutions:
            if not solution.ended:
                self._end(solution)
        self._score()
        self._finish_graded()
        while not self._graded(GRADING_SECONDS):
            self._telling.wanted.check()
            yield

    # -- A solution

    def _tell_progress(self, solution: _Solution) -> None:
        if not solution.ended:
            self._tell_text(solution)
            if solution.follower.new_steps():
                self._tell_steps(solution, solution.follower.steps)

    def _tell_text(self, solution: _Solution, whole: str | None = None) -> None:
        follower = solution.follower
        change: Change | None = follower.change() if whole is None else follower.end(whole)
        if change is not None:
            request = self._telling.request
            self._tell(
                Piece(request=request, solution=solution.name, at=change.at, text=change.text, tokens=follower.written)
            )

    def _tell_steps(self, solution: _Solution, steps: tuple[str, ...]) -> None:
        """`steps` are those that are complete."""
        before, solution.told_steps = solution.told_steps, steps
        for place, step in enumerate(steps):
            if before[place : place + 1] != (step,):
                self._tell(StepDone(request=self._telling.request, solution=solution.name, step=place + 1, text=step))
        if any(steps):
            solution.draft = Draft(steps, solution.ended)

    def _end(self, solution: _Solution) -> None:
        builder = self._asked.desk.builder
        whole = solution.follower.tokens
        tokens = builder.first_answer(whole)
        solution.ended = True
        solution.finished = self._asked.desk.eos in tokens or len(tokens) < len(whole)
        solution.text = builder.text_of(tokens)
        solution.tokens = len(tokens) - solution.follower.begun
        _, steps = builder.cut(tokens, solution.text)
        self._tell_text(solution, solution.text)
        solution.draft = None
        self._tell_steps(solution, steps)
        asked = self._asked
        solution.grade = self._graders.submit(asked.desk.task.grade, [(asked.question, solution.text)])

    # -- Scores

    def _score(self) -> None:
        self._since_scored = 0
        scorer = self._asked.scorer
        if scorer is None:
            return
        waiting = [(one, one.draft) for one in self._solutions if one.draft is not None and not one.done]
        new = list(dict.fromkeys(draft for _, draft in waiting if draft not in self._known))
        if new:
            found = scorer.scores(self._asked.typed, new, self._telling.wanted.check)
            self._known.update(zip(new, found, strict=True))
            # The verifier may be adapters on the same weights: from here on the reasoner's are on again.
            self._asked.reasoner.activate()
        for solution, draft in waiting:
            self._tell_scores(solution, self._known[draft] or ())

    def _tell_scores(self, solution: _Solution, scores: tuple[float, ...]) -> None:
        before = solution.told_scores
        for place, score in enumerate(scores):
            if place >= len(before) or abs(before[place] - score) > 1e-4:
                self._tell(
                    StepScored(request=self._telling.request, solution=solution.name, step=place + 1, score=score)
                )
        solution.told_scores = scores

    # -- The end of it

    def _graded(self, seconds: float) -> bool:
        for solution in self._solutions:
            if solution.grade is not None and not solution.done:
                wait([solution.grade], timeout=seconds)
                self._finish_graded()
        return all(solution.done for solution in self._solutions)

    def _finish_graded(self) -> None:
        for solution in self._solutions:
            if not solution.done and solution.grade is not None and solution.grade.done():
                solution.done = True
                self._done(self._whole(solution, solution.grade.result()[0]))

    def _whole(self, solution: _Solution, grade: Grade) -> SolutionDone:
        task = self._asked.desk.task
        scores = self._known.get(solution.draft) if solution.draft is not None else None
        gradable = task.gradable(self._asked.question)
        made = SolutionDone(
            request=self._telling.request,
            solution=solution.name,
            text=solution.text,
            steps=solution.told_steps,
            answer=grade.answer,
            correct=grade.correct if gradable else None,
            why=grade.reason if gradable else "",
            truth=task.first_error(self._asked.question, solution.told_steps),
            scores=scores,
            predicted=detect(scores) if scores else None,
            mean=aggregate("mean", scores) if scores else None,
            min=aggregate("min", scores) if scores else None,
            last=aggregate("last", scores) if scores else None,
            tokens=solution.tokens,
            finished=solution.finished,
            seconds=self._telling.seconds,
        )
        self._tell(made)
        return made

    def _tell(self, answer: Answer) -> None:
        self._telling.tell(answer)
