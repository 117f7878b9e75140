"""Requests worked off one after the other, with what was loaded kept between them, and given back when nobody asks."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import torch

from sapo_engine.rollouts import HfBackend
from sapo_engine.rollouts.base import Request as Rollout
from sapo_engine.rollouts.keys import key_of
from sapo_engine.service.playground.cancelling import Apart, Cancelled, Wanted
from sapo_engine.service.playground.desk import Desk, typed
from sapo_engine.service.playground.models import Models, Writer
from sapo_engine.service.playground.scoring import StepScorer, load_scorer
from sapo_engine.service.playground.streaming import Asked, Stream, Telling
from sapo_engine.service.playground.verdicts import verdicts
from sapo_engine.text.prompts import MIN_ROOM, plain_prompt
from sapo_studio.domain.step_evidence import Tries
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.requests.play import (
    GREEDY,
    Answer,
    Asking,
    Cancel,
    Continue,
    ContinueResult,
    Done,
    Failed,
    GiveBack,
    Load,
    Loaded,
    Loading,
    MemoryGivenBack,
    Request,
    Sample,
    Score,
    Side,
    SolutionDone,
    Started,
    solution_id,
)

SMALL = 10_000_000
"""Weights up to which more than one thread makes a network slower."""
PURPOSE = "playground"
"""In the keys of random numbers."""
SMALLER = "Ask for fewer solutions or fewer tokens at a time, or choose a smaller checkpoint."


@dataclass(frozen=True)
class Ready:
    """What a side has loaded."""

    writer: Writer
    scorer: StepScorer | None


class Server:
    """Answers messages by `send`.

    `take` is called by whoever reads them, at any moment; `work` by the one thread that works them off. Memory is given
    back once nothing was asked for `idle_seconds` of `clock`.
    """

    def __init__(
        self,
        send: Callable[[Answer], None],
        device: torch.device,
        *,
        called: str = "",
        idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._device = device
        self._called = called or str(device)
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._models = Models(device)
        self._noted: dict[Side, Load] = {}
        self._ready: dict[Side, Ready] = {}
        self._graders = ThreadPoolExecutor(1, "grading")
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._wanted: dict[str, Wanted] = {}
        self._lock = threading.Lock()
        self._quiet_since = clock()

    # -- From any thread

    def take(self, message: Request | Cancel) -> None:
        """Take in a message: what is to be cancelled is so at once, everything else waits for its turn."""
        if isinstance(message, Cancel):
            self.cancel(message.id)
            return
        with self._lock:
            self._wanted[message.id] = Wanted()
        self._waiting.put(message)

    def cancel(self, request: str | None = None) -> None:
        """End a request, or all, within one step of decoding."""
        with self._lock:
            for one, wanted in self._wanted.items():
                if request is None or one == request:
                    wanted.cancel()

    # -- From the thread that works

    def work(self, seconds: float | None = None) -> None:
        """Answer the next message, or give the memory back where nothing comes for long enough; wait for either, but
        for `seconds` at most."""
        left = self._idle_left()
        limits = [limit for limit in (left, seconds) if limit is not None]
        try:
            message = self._waiting.get(timeout=max(0.0, min(limits)) if limits else None)
        except queue.Empty:
            left = self._idle_left()
            if left is not None and left <= 0:
                self._give_back("", self._idle_seconds)
            return
        self._answer(message)
        self._quiet_since = self._clock()

    def close(self) -> None:
        """Let go of everything."""
        self.cancel()
        self._graders.shutdown(wait=False, cancel_futures=True)
        self._ready.clear()
        self._models.keep(set())

    def _idle_left(self) -> float | None:
        """Seconds until the memory is given back; None where there is none to give."""
        return self._quiet_since + self._idle_seconds - self._clock() if self._ready else None

    def _answer(self, request: Request) -> None:
        with self._lock:
            wanted = self._wanted[request.id]
        telling = Telling(request.id, self._send, wanted, self._clock(), self._clock)
        try:
            wanted.check()
            tokens = self._do(request, telling)
        except Cancelled:
            self._send(Done(request=request.id, seconds=telling.seconds, cancelled=True))
        except SapoError as error:
            self._send(Failed.of(request.id, error))
        except Exception as error:  # the last resort: one request's end is not the engine's
            self._send(Failed.of(request.id, self._told(error)))
        else:
            self._send(Done(request=request.id, seconds=telling.seconds, tokens=tokens))
        finally:
            with self._lock:
                self._wanted.pop(request.id, None)

    def _told(self, error: Exception) -> SapoError:
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "out of memory" in text.lower()
        if short or "can't allocate memory" in text.lower():
            error.__traceback__ = None  # it holds what there was no memory for
            self._models.keep(self._needed())
            return EngineError(f"{self._place} ran out of memory", why=text, fix=SMALLER)
        return EngineError("The engine has met something unexpected", why=text, fix="Please report it.")

    @property
    def _place(self) -> str:
        return "The card" if self._device.type == "cuda" else "The engine"

    def _do(self, request: Request, telling: Telling) -> int:
        """Returns how many tokens were written."""
        match request:
            case Load():
                self._note(request)
                if not request.lazy:
                    self._load(request, telling)
                return 0
            case GiveBack():
                self._give_back(request.id, 0.0)
                return 0
            case Sample():
                return self._sample(request, telling)
            case Continue():
                return self._continue(request, telling)
            case Score():
                return self._score(request, telling)

    # -- Loading

    def _note(self, load: Load) -> None:
        before = self._noted.get(load.side)
        self._noted[load.side] = load
        if before is None or (before.checkpoint, before.verifier) != (load.checkpoint, load.verifier):
            self._ready.pop(load.side, None)

    def _load(self, load: Load, telling: Telling) -> Ready:
        side = load.side
        if (ready := self._ready.get(side)) is not None:
            self._tell_loaded(load, ready, telling)
            return ready

        def tell(what: str, done: float) -> None:
            telling.wanted.check()
            self._send(Loading(request=telling.request, side=side, what=what, done=done))

        def work() -> Ready:
            try:
                writer = self._models.writer(load.checkpoint, tell)
                scorer = None if load.verifier is None else load_scorer(self._models, load.verifier, tell)
                telling.wanted.check()
            except Cancelled:
                # Whoever asked is gone: nobody else lets go of what is loaded already.
                self._models.keep(self._needed())
                raise
            return Ready(writer, scorer)

        # First what nobody needs any more, so that there is room.
        self._models.keep(self._needed())
        ready = Apart(work).result(telling.wanted)
        self._ready[side] = ready
        self._tell_loaded(load, ready, telling)
        return ready

    def _needed(self) -> set[tuple[object, ...]]:
        needed: set[tuple[object, ...]] = set()
        for ready in list(self._ready.values()):
            needed |= ready.writer.keys
            needed |= ready.scorer.keys if ready.scorer else frozenset()
        return needed

    def _tell_loaded(self, load: Load, ready: Ready, telling: Telling) -> None:
        desk = ready.writer.desk(code=False)
        networks = [one.writer.reasoner.network for one in self._ready.values()]
        self._send(
            Loaded(
                request=telling.request,
                side=load.side,
                device=self._called,
                parameters=ready.writer.reasoner.parameters_in_all(),
                memory=self._models.memory(),
                shared=len({id(network) for network in networks}) < len(networks),
                verifier=ready.scorer is not None,
                graded_by="tests" if desk.task.is_code else "answer",
                task=desk.config.task.kind,
                max_tokens=desk.task.max_new_tokens,
                context=desk.context,
                seconds=telling.seconds,
            )
        )

    def _give_back(self, request: str, idle_seconds: float) -> None:
        freed = self._models.memory()
        self._ready.clear()
        self._models.keep(set())
        self._send(MemoryGivenBack(request=request, freed=freed, idle_seconds=idle_seconds))

    def _side(self, side: Side, telling: Telling) -> Ready:
        """What the side has, loaded again where it was given back."""
        load = self._noted.get(side)
        if load is None:
            raise InputError("There is no checkpoint to ask", fix="Choose one first.")
        return self._ready.get(side) or self._load(load, telling)

    # -- Writing

    @staticmethod
    def _threads(writer: Writer) -> int:
        small = writer.reasoner.parameters_in_all() < SMALL
        return 1 if small else psutil.cpu_count(logical=False) or 1

    def _asked(self, side: Side, question: Asking, telling: Telling) -> tuple[Asked, tuple[int, ...], Writer]:
        ready = self._side(side, telling)
        torch.set_num_threads(self._threads(ready.writer))
        desk = ready.writer.desk(code=bool(question.tests))
        asked, prompt = desk.ask(typed(question))
        return Asked(typed(question), asked, desk, ready.scorer, ready.writer.reasoner), prompt, ready.writer

    @staticmethod
    def _write(stream: Stream, writer: Writer, desk: Desk, rollout: Rollout, temperature: float) -> None:
        backend = HfBackend(writer.reasoner, eos=desk.eos, pad=desk.pad, precision=writer.precision, listener=stream)
        backend.generate([rollout], temperature=temperature)
        stream.end()

    def _sample(self, request: Sample, telling: Telling) -> int:
        asked, prompt, writer = self._asked(request.side, request.question, telling)
        names = [solution_id(request.id, k) for k in range(request.solutions)]
        greedy_name = solution_id(request.id, GREEDY)
        self._send(Started(request=request.id, solutions=(*([greedy_name] * request.greedy), *names)))
        greedy: list[SolutionDone] = []
        sampled: list[SolutionDone] = []

        def done(solution: SolutionDone) -> None:
            (greedy if solution.solution == greedy_name else sampled).append(solution)
            self._send(verdicts(request.id, next(iter(greedy), None), sampled, request.solutions))

        tokens = 0
        for some, temperature in (([greedy_name] * request.greedy, 0.0), (names, request.temperature)):
            if some:
                stream = Stream(telling, asked, some, self._graders, done)
                rollout = _rollout(asked.desk, prompt, _keys(request, len(some)), request.max_tokens)
                self._write(stream, writer, asked.desk, rollout, temperature)
                tokens += stream.tokens
        return tokens

    def _continue(self, request: Continue, telling: Telling) -> int:
        asked, prompt, writer = self._asked(request.side, request.question, telling)
        desk = asked.desk
        begun: list[int] = []
        for step in request.steps:
            desk.check_step(step)
            begun += plain_prompt(desk.tokenizer, step.rstrip("\n") + "\n", special=False)
        names = [solution_id(request.id, k) for k in range(request.rollouts)]
        self._send(Started(request=request.id, solutions=tuple(names)))
        found: list[SolutionDone] = []
        gradable = desk.task.gradable(asked.question)

        def done(solution: SolutionDone) -> None:
            found.append(solution)
            right = sum(bool(one.correct) for one in found)
            low, high = Tries(right, len(found)).interval()
            self._send(
                ContinueResult(
                    request=request.id,
                    done=len(found),
                    of=request.rollouts,
                    successes=right if gradable else None,
                    low=low if gradable else None,
                    high=high if gradable else None,
                )
            )

        rollout = _rollout(desk, prompt, _keys(request, request.rollouts), request.max_tokens, tuple(begun))
        stream = Stream(telling, asked, names, self._graders, done, tuple(begun))
        self._write(stream, writer, desk, rollout, request.temperature)
        return stream.tokens

    def _score(self, request: Score, telling: Telling) -> int:
        asked, _, _ = self._asked(request.side, request.question, telling)
        desk = asked.desk
        desk.check_step(request.text)
        written = (*plain_prompt(desk.tokenizer, request.text, special=False), desk.eos)
        names = [solution_id(request.id, 0)]
        self._send(Started(request=request.id, solutions=tuple(names)))
        Stream(telling, asked, names, self._graders, lambda _: None, written).end()
        return 0


def _keys(request: Sample | Continue, count: int) -> list[int]:
    """One for each solution: by seed, question and number alone, so that both sides draw the same numbers."""
    about = request.question.text.strip()
    steps = "\n".join(request.steps) if isinstance(request, Continue) else ""
    return [key_of(request.seed, PURPOSE, about, steps, k) for k in range(count)]


def _rollout(
    desk: Desk, prompt: tuple[int, ...], keys: list[int], longest: int, begun: tuple[int, ...] = ()
) -> Rollout:
    """As a run's sampler asks for it: what was begun may be ended, however long it is; never beyond what the model can
    read. Raises InputError where there is no room for anything more."""
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
