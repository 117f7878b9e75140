"""Requests worked off in their order, those of both sides by turns, with what was loaded kept between them and given
back when nobody asks."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import psutil
import torch

from sapo_engine.service.playground import writing
from sapo_engine.service.playground.cancelling import Apart, Cancelled, Wanted
from sapo_engine.service.playground.models import Key, Models, Writer
from sapo_engine.service.playground.scoring import StepScorer, load_scorer
from sapo_engine.service.playground.streaming import Telling
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.requests.play import (
    Answer,
    Cancel,
    Continue,
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
)

SMALL = 10_000_000
"""Weights up to which more than one thread makes a network slower."""
SMALLER = "Ask for fewer solutions or fewer tokens at a time, or choose a smaller checkpoint."


@dataclass(frozen=True)
class Ready:
    """What a side has loaded."""

    writer: Writer
    scorer: StepScorer | None


@dataclass(frozen=True)
class Going:
    """A request that is being worked on."""

    request: Request
    telling: Telling
    work: writing.Work


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
        self._waiting: deque[Request] = deque()
        self._wanted: dict[str, Wanted] = {}
        self._lock = threading.Lock()
        self._comes = threading.Condition(self._lock)
        self._quiet_since = clock()

    # -- From any thread

    def take(self, message: Request | Cancel) -> None:
        """Take in a message: what is to be cancelled is so at once, everything else waits for its turn."""
        if isinstance(message, Cancel):
            self.cancel(message.id)
            return
        with self._comes:
            self._wanted[message.id] = Wanted()
            self._waiting.append(message)
            self._comes.notify()

    def cancel(self, request: str | None = None) -> None:
        """End a request, or all, within one step of decoding."""
        with self._lock:
            for one, wanted in self._wanted.items():
                if request is None or one == request:
                    wanted.cancel()

    # -- From the thread that works

    def work(self, seconds: float | None = None) -> None:
        """Answer what comes next, or give the memory back where nothing comes for long enough; wait for either, but for
        `seconds` at most. What is asked of the other side meanwhile is worked on by turns with it."""
        left = self._idle_left()
        limits = [limit for limit in (left, seconds) if limit is not None]
        with self._comes:
            self._comes.wait_for(lambda: self._waiting, max(0.0, min(limits)) if limits else None)
            request = self._waiting.popleft() if self._waiting else None
        if request is None:
            left = self._idle_left()
            if left is not None and left <= 0:
                self._give_back("", self._idle_seconds)
            return
        going = [self._begin(request)]
        while going:
            going = [one for one in going if self._step(one)]
            if going and (more := self._goes_along(going)) is not None:
                going.append(self._begin(more))
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

    def _begin(self, request: Request) -> Going:
        with self._lock:
            wanted = self._wanted[request.id]
        telling = Telling(request.id, self._send, wanted, self._clock(), self._clock)
        return Going(request, telling, self._do(request, telling))

    def _goes_along(self, going: Sequence[Going]) -> Request | None:
        """The next request, where it can be worked on by turns with those: it writes for a side that nothing is written
        for, and that is loaded."""
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            if not isinstance(following, Sample | Continue | Score) or following.side not in self._ready:
                return None
            if not all(isinstance(one.request, Sample | Continue | Score) for one in going):
                return None
            if any(getattr(one.request, "side", None) == following.side for one in going):
                return None
            return self._waiting.popleft()

    def _step(self, going: Going) -> bool:
        """Work a little on a request. False once it has been answered to the end."""
        request, telling = going.request, going.telling
        try:
            telling.wanted.check()
            next(going.work)
        except StopIteration as end:
            self._send(Done(request=request.id, seconds=telling.seconds, tokens=cast("int", end.value)))
        except Cancelled:
            self._send(Done(request=request.id, seconds=telling.seconds, cancelled=True))
        except SapoError as error:
            self._send(Failed.of(request.id, error))
        except Exception as error:  # the last resort: one request's end is not the engine's
            self._send(Failed.of(request.id, self._told(error)))
        else:
            return True
        with self._lock:
            self._wanted.pop(request.id, None)
        return False

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

    def _do(self, request: Request, telling: Telling) -> writing.Work:
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
                return (yield from writing.sample(request, self._put(request, telling), telling, self._graders))
            case Continue():
                return (yield from writing.go_on(request, self._put(request, telling), telling, self._graders))
            case Score():
                return (yield from writing.read(request, self._put(request, telling), telling, self._graders))

    def _put(self, request: Sample | Continue | Score, telling: Telling) -> writing.Put:
        """The request's question, put to its side; what the side has is loaded again where it was given back."""
        load = self._noted.get(request.side)
        if load is None:
            raise InputError("There is no checkpoint to ask", fix="Choose one first.")
        ready = self._ready.get(request.side) or self._load(load, telling)
        torch.set_num_threads(_threads(ready.writer))
        return writing.Put.of(request.question, ready.writer, ready.scorer)

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
            # Cancelled while another one was at work, it has loaded nothing, and what was loaded since is not its own.
            telling.wanted.check()
            whole = False
            try:
                writer = self._models.writer(load.checkpoint, tell)
                scorer = None if load.verifier is None else load_scorer(self._models, load.verifier, tell)
                telling.wanted.check()
                whole = True
            finally:
                if not whole:  # whoever asked may be gone: nobody else lets go of what is loaded already
                    self._models.keep(self._needed())
            return Ready(writer, scorer)

        # First what nobody needs any more, so that there is room.
        self._models.keep(self._needed())
        ready = Apart(work).result(telling.wanted)
        self._ready[side] = ready
        self._tell_loaded(load, ready, telling)
        return ready

    def _needed(self) -> set[Key]:
        needed: set[Key] = set()
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


def _threads(writer: Writer) -> int:
    small = writer.reasoner.parameters_in_all() < SMALL
    return 1 if small else psutil.cpu_count(logical=False) or 1
