"""What is asked of a side: solutions of a question, rollouts from a changed step, scores of a written text."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from sapo_engine.rollouts import HfBackend
from sapo_engine.rollouts.base import Request as Rollout
from sapo_engine.rollouts.keys import key_of
from sapo_engine.service.playground.desk import Desk, typed
from sapo_engine.service.playground.models import Writer
from sapo_engine.service.playground.scoring import StepScorer
from sapo_engine.service.playground.streaming import Asked, Stream, Telling
from sapo_engine.service.playground.verdicts import verdicts
from sapo_engine.text.prompts import MIN_ROOM, plain_prompt
from sapo_studio.domain.step_evidence import Tries
from sapo_studio.errors import InputError
from sapo_studio.requests.play import (
    GREEDY,
    Asking,
    Continue,
    ContinueResult,
    Sample,
    Score,
    SolutionDone,
    Started,
    solution_id,
)

PURPOSE = "playground"
"""In the keys of random numbers."""

Work = Generator[None, None, int]
"""A request at work: it comes back after each step, and returns in the end how many tokens it has written."""


@dataclass(frozen=True)
class Put:
    """A question, put to a checkpoint: `prompt` are its tokens."""

    asked: Asked
    prompt: tuple[int, ...]
    writer: Writer

    @classmethod
    def of(cls, question: Asking, writer: Writer, scorer: StepScorer | None) -> Self:
        """Raises InputError where the checkpoint cannot hold the question."""
        desk = writer.desk(code=bool(question.tests))
        told = typed(question)
        asked, prompt = desk.ask(told)
        return cls(Asked(told, asked, desk, scorer, writer.reasoner), prompt, writer)

    @property
    def desk(self) -> Desk:
        """What reads and grades what is written."""
        return self.asked.desk


def sample(request: Sample, put: Put, telling: Telling, graders: ThreadPoolExecutor) -> Work:
    """Solutions of a question, the greedy one first."""
    names = [solution_id(request.id, k) for k in range(request.solutions)]
    greedy_name = solution_id(request.id, GREEDY)
    first = [greedy_name] if request.greedy else []
    telling.tell(Started(request=request.id, solutions=(*first, *names)))
    greedy: list[SolutionDone] = []
    sampled: list[SolutionDone] = []

    def done(solution: SolutionDone) -> None:
        (greedy if solution.solution == greedy_name else sampled).append(solution)
        telling.tell(verdicts(request.id, next(iter(greedy), None), sampled, request.solutions))

    tokens = 0
    for some, temperature in ((first, 0.0), (names, request.temperature)):
        if some:
            stream = Stream(telling, put.asked, some, graders, done)
            yield from _write(stream, put, rollout(put, keys(request, len(some)), request.max_tokens), temperature)
            tokens += stream.tokens
    return tokens


def go_on(request: Continue, put: Put, telling: Telling, graders: ThreadPoolExecutor) -> Work:
    """Rollouts from steps that somebody has changed. Raises InputError where the checkpoint cannot hold them."""
    desk = put.desk
    begun: list[int] = []
    for step in request.steps:
        desk.check_step(step)
        begun += plain_prompt(desk.tokenizer, step.rstrip("\n") + "\n", special=False)
    names = [solution_id(request.id, k) for k in range(request.rollouts)]
    telling.tell(Started(request=request.id, solutions=tuple(names)))
    found: list[SolutionDone] = []
    gradable = desk.task.gradable(put.asked.question)

    def done(solution: SolutionDone) -> None:
        found.append(solution)
        right = sum(bool(one.correct) for one in found)
        low, high = Tries(right, len(found)).interval()
        telling.tell(
            ContinueResult(
                request=request.id,
                done=len(found),
                of=request.rollouts,
                successes=right if gradable else None,
                low=low if gradable else None,
                high=high if gradable else None,
            )
        )

    asked = rollout(put, keys(request, request.rollouts), request.max_tokens, tuple(begun))
    stream = Stream(telling, put.asked, names, graders, done, tuple(begun))
    yield from _write(stream, put, asked, request.temperature)
    return stream.tokens


def read(request: Score, put: Put, telling: Telling, graders: ThreadPoolExecutor) -> Work:
    """A written text, cut into steps, scored and graded. Raises InputError where the checkpoint cannot hold it."""
    desk = put.desk
    desk.check_step(request.text)
    written = (*plain_prompt(desk.tokenizer, request.text, special=False), desk.eos)
    names = [solution_id(request.id, 0)]
    telling.tell(Started(request=request.id, solutions=tuple(names)))
    yield from Stream(telling, put.asked, names, graders, lambda _: None, written).end()
    return 0


def _write(stream: Stream, put: Put, asked: Rollout, temperature: float) -> Generator[None]:
    desk, writer = put.desk, put.writer
    backend = HfBackend(writer.reasoner, eos=desk.eos, pad=desk.pad, precision=writer.precision, listener=stream)
    yield from backend.steps([asked], temperature=temperature)
    yield from stream.end()


def keys(request: Sample | Continue, count: int) -> list[int]:
    """One for each solution: by seed, question and number alone, so that both sides draw the same numbers."""
    about = request.question.text.strip()
    steps = "\n".join(request.steps) if isinstance(request, Continue) else ""
    return [key_of(request.seed, PURPOSE, about, steps, k) for k in range(count)]


def rollout(put: Put, keys: list[int], longest: int, begun: tuple[int, ...] = ()) -> Rollout:
    """As a run's sampler asks for it: what was begun may be ended, however long it is; never beyond what the model can
    read. Raises InputError where there is no room for anything more."""
    desk, prompt = put.desk, put.prompt
    limit = longest or desk.task.max_new_tokens
    wanted = max(limit - len(begun), MIN_ROOM) if begun else limit
    room = desk.context - len(prompt) - len(begun)
    if room < 1:
        raise InputError(
            f"A question and steps of {len(prompt) + len(begun):,} tokens leave no room for more",
            why=f"The model reads {desk.context:,} tokens, question and solution together.",
            fix="Go on from an earlier step, or shorten the question.",
        )
    return Rollout(prompt + begun, tuple(keys), min(wanted, room), desk.builder.watch(prompt, begun))
