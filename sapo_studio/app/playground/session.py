"""The engine of a playground, as the window and `sapo try` hold it: started, asked, listened to, ended.

One process, spoken to over its input and output; no port. Two threads of this process do the waiting: one starts the
engine, looks whether there is memory for it and hands requests on, the other reads what comes back. Nothing here blocks
whoever asks, and nothing needs a store that is not given.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import subprocess
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Self

from sapo_studio import engines, processes
from sapo_studio.app.playground.endings import how_it_ended, of_another_release
from sapo_studio.app.playground.room import NoRoomError, Spot
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.requests.client import ENGINE_ARGUMENTS
from sapo_studio.requests.limits import IDLE_SECONDS
from sapo_studio.requests.play import (
    PROTOCOL,
    SIDES,
    Answer,
    Cancel,
    Close,
    Done,
    Failed,
    GiveBack,
    Load,
    Loaded,
    MemoryGivenBack,
    Message,
    Ready,
    Request,
    Side,
    encode,
    read_answer,
)

MODULE = "sapo_engine.service.playground"
CLOSE_SECONDS = 3.0
"""An engine that was asked to end and has not after so long is ended."""
KEPT_LINES = 20
"""Of what the engine prints, for the sentence about its end."""
REMINDED = ".again"
"""Ends the id of a Load that an engine is told anew, since the one that was told it is no more."""

Listener = Callable[[Answer], None]
Room = Callable[[Load, Load | None, int | None], Spot]
"""Asked before something is loaded into a side: the `Load`, that of the other side where it has one, and the engine's
process where there is one. Says where to compute; raises NoRoomError where there is no memory beside what is running.
`room.MemoryCheck` is one."""


def anywhere(load: Load, other: Load | None, pid: int | None) -> Spot:
    """A Room that refuses nothing: on the card there is, else on the CPU."""
    del load, other, pid
    return Spot()


class PlaygroundSession:
    """One engine, started with the first request and again after it has died; it ends with this process.

    Every answer goes to `listener`, from a thread of this session's, and without a listener to `events`. Of what
    happened to the engine itself it tells by `Ready`, `MemoryGivenBack` and `Ended`. `close` it.
    """

    def __init__(
        self,
        room: Room = anywhere,
        *,
        listener: Listener | None = None,
        idle_seconds: float = IDLE_SECONDS.default,
    ) -> None:
        self._room = room
        self._idle_seconds = idle_seconds
        self._heard: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._listener = listener or self._heard.put
        self._waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        """Around everything below."""
        self._open: dict[str, Request] = {}  # asked and not answered to the end
        self._given_up: set[str] = set()  # cancelled before they reached the engine
        self._sides: dict[Side, Load] = {}
        self._engine: _Engine | None = None
        self._closing = False
        self._hand = threading.Thread(target=self._hand_on, name="playground requests", daemon=True)
        # Started at once and alive until `close`: Linux ends the engine with the thread that has started it.
        self._hand.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def busy(self) -> bool:
        """Whether something was asked that is not answered to the end."""
        with self._lock:
            return bool(self._open)

    def new_id(self) -> str:
        """An id that no request of this session has had."""
        return f"r{next(self._numbers)}"

    def send(self, message: Message) -> None:
        """Ask, or cancel. Returns at once; what is wrong is answered by `Failed`. Raises EngineError after `close`."""
        with self._lock:
            if self._closing:
                raise EngineError("The playground is closed", fix="Open it again.")
            if isinstance(message, Cancel):
                self._cancel(message)
                return
            if not isinstance(message, Close):
                if message.id in self._open:
                    raise InputError(f"There is a request {message.id} already", fix="Give each request its own id.")
                self._open[message.id] = message
                self._waiting.put(message)
                return
        self.close()

    def cancel(self, request: str | None = None) -> None:
        """End a request, or all: within one step of decoding where it is being worked on."""
        self.send(Cancel(id=request))

    def events(self, seconds: float | None = None) -> Iterator[Answer]:
        """What is answered, as it comes, until the session is closed, or until nothing has come for `seconds`. For a
        session without a listener."""
        while True:
            try:
                answer = self._heard.get(timeout=seconds)
            except queue.Empty:
                return
            if answer is None:
                return
            yield answer

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """End the engine, whatever it is doing: it is killed where it has not ended after `seconds`. May be called
        twice."""
        with self._lock:
            self._closing = True
            engine = self._engine
        self._waiting.put(None)
        if engine is not None:
            engine.end(seconds)
        self._hand.join(seconds)
        self._heard.put(None)

    # -- The thread that hands requests on

    def _hand_on(self) -> None:
        while (request := self._waiting.get()) is not None:
            try:
                while not self._pass(request):
                    pass
            except NoRoomError as error:
                self._tell(Failed.of(request.id, error, refused=True, run=error.run))
            except SapoError as error:
                self._tell(Failed.of(request.id, error))
            except Exception as error:  # the last resort of a thread: whoever asked must hear of it
                traceback.print_exc()
                why = f"{type(error).__name__}: {error}"
                self._tell(Failed.of(request.id, EngineError("The question cannot be handed on", why=why)))

    def _pass(self, request: Request) -> bool:
        """Have the engine work on a request. False where the engine has ended meanwhile: then once more. Raises what
        stands in the way of it."""
        with self._lock:
            if isinstance(request, Load):
                # Now, and not when it was asked for: what was asked before it is for the one before.
                self._sides[request.side] = request
            cancelled = request.id in self._given_up
            engine, sides = self._engine, dict(self._sides)
        if not cancelled and isinstance(request, GiveBack) and engine is None:
            self._tell(MemoryGivenBack(request=request.id, freed=0))
            self._tell(Done(request=request.id, seconds=0.0))
            return True
        if not cancelled:
            engine = self._engine_for(request, engine, sides)
        with self._lock:
            # It may have been cancelled while it was looked whether there is room.
            cancelled = request.id in self._given_up
            if not cancelled and engine is not None:
                if self._engine is not engine:
                    return False
                # With the lock held, so that a Cancel comes behind it.
                engine.passed.add(request.id)
                if not isinstance(request, GiveBack | Load):
                    engine.remind(sides[request.side])
                engine.write(request)
        if cancelled:
            self._tell(Done(request=request.id, seconds=0.0, cancelled=True))
        return True

    def _engine_for(self, request: Request, engine: _Engine | None, sides: dict[Side, Load]) -> _Engine:
        """The engine that is to work on a request, started where there is none. Raises InputError where there is no
        checkpoint to ask, NoRoomError where there is no memory for it."""
        spot = Spot()
        if not isinstance(request, GiveBack):
            load = request if isinstance(request, Load) else sides.get(request.side)
            if load is None:
                raise InputError("There is no checkpoint to ask", fix="Choose one first.")
            if engine is None or not engine.holds(load):
                spot = self._room(load, _other(sides, load.side), engine.process.pid if engine else None)
                if engine is not None and spot != engine.spot and engine.idle:
                    # It is to compute elsewhere now: there is memory there, or none any more where it was.
                    engine.end(CLOSE_SECONDS)
                    engine = None
        return engine or self._start(spot)

    def _start(self, spot: Spot) -> _Engine:
        """Raises EngineError where no process can be started."""
        engine = _Engine(spot, self._idle_seconds)
        with self._lock:
            closing = self._closing
            if not closing:
                self._engine = engine
        if closing:
            engine.end(0.0)
            raise EngineError("The playground is closed")
        threading.Thread(target=self._listen, args=(engine,), name="playground answers", daemon=True).start()
        return engine

    # -- The thread that reads

    def _listen(self, engine: _Engine) -> None:
        for line in engine.output:
            try:
                answer = read_answer(line)
            except InputError:
                engine.said.append(line.decode("utf-8", "replace").strip())
                continue
            self._hear(engine, answer)
        status = engine.process.wait()
        with self._lock:
            if self._engine is engine:
                self._engine = None
            lost = [self._open.pop(request, None) for request in engine.passed]
            asked = self._closing or engine.ending
        ended = how_it_ended(status, tuple(engine.said), asked=asked)
        if engine.speaks != PROTOCOL:
            ended = of_another_release(engine.python)
        for request in lost:
            if request is not None:
                self._listener(Failed(request=request.id, what=ended.what, why=ended.why, fix=ended.fix))
        self._listener(ended)

    def _hear(self, engine: _Engine, answer: Answer) -> None:
        if isinstance(answer, Done) and answer.request.endswith(REMINDED):
            return
        if isinstance(answer, Loaded):
            engine.loaded[answer.side] = engine.loads.get(answer.request) or engine.asked.get(answer.side)
        elif isinstance(answer, MemoryGivenBack):
            engine.loaded.clear()
        elif isinstance(answer, Ready):
            engine.speaks = answer.protocol
            if answer.protocol != PROTOCOL:
                engine.end(0.0)
                return
        elif isinstance(answer, Done | Failed):
            with self._lock:
                engine.passed.discard(answer.request)
                if isinstance(answer, Failed) or answer.cancelled:
                    engine.forget(answer.request)
        self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        if isinstance(answer, Done | Failed):
            with self._lock:
                self._open.pop(answer.request, None)
                self._given_up.discard(answer.request)
        self._listener(answer)

    def _cancel(self, message: Cancel) -> None:
        """With the lock held."""
        wanted = list(self._open) if message.id is None else [message.id]
        for request in wanted:
            if request not in self._open:
                continue
            if self._engine is not None and request in self._engine.passed:
                self._engine.write(Cancel(id=request))
            else:
                self._given_up.add(request)


def _other(sides: dict[Side, Load], side: Side) -> Load | None:
    return next((sides[other] for other in SIDES if other != side and other in sides), None)


class _Engine:
    """A process that serves requests, and what is known of it. Raises EngineError where it cannot be started."""

    def __init__(self, spot: Spot, idle_seconds: float) -> None:
        engines.check_there()
        python = self.python = engines.python_of()
        options = [f"--idle-seconds={idle_seconds:g}", f"--device={spot.device}", f"--called={spot.words}"]
        command = [str(python), *ENGINE_ARGUMENTS, MODULE, *options]
        card = {"CUDA_VISIBLE_DEVICES": spot.card} if spot.card else {}
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **card, processes.PARENT_VARIABLE: str(os.getpid())},
                # A terminal's Ctrl+C is for whoever asks: the engine hears of it by a Cancel.
                start_new_session=True,
                creationflags=processes.own_group_flags(),
            )
        except OSError as error:
            raise EngineError("The engine could not be started", why=str(error)) from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._input: IO[bytes] = self.process.stdin
        self.output: IO[bytes] = self.process.stdout
        self._job = processes.KillOnCloseJob()
        self._job.add(self.process)
        self._writing = threading.Lock()
        self.spot = spot
        self.speaks = PROTOCOL
        self.ending = False
        self.said: deque[str] = deque(maxlen=KEPT_LINES)
        """The last lines that it printed."""
        self.passed: set[str] = set()
        """Requests that it has and has not answered."""
        self.asked: dict[Side, Load] = {}
        """What it was asked to have on each side."""
        self.loads: dict[str, Load] = {}
        """The same by request."""
        self.loaded: dict[Side, Load | None] = {}
        """What it has told to have there."""
        threading.Thread(target=self._read_errors, name="playground prints", daemon=True).start()

    @property
    def idle(self) -> bool:
        """Whether it works on nothing, and holds no weights, as far as it has told."""
        return not self.loaded and not self.passed

    def holds(self, load: Load) -> bool:
        """Whether what `load` asks for lies in its memory."""
        there = self.loaded.get(load.side)
        return there is not None and _same(there, load)

    def remind(self, load: Load) -> None:
        """Have it know what a side is to hold, where it is another engine than the one that was told."""
        known = self.asked.get(load.side)
        if known is None or not _same(known, load):
            self.write(load.model_copy(update={"id": f"{load.id}{REMINDED}", "lazy": True}))

    def forget(self, request: str) -> None:
        """Of a Load that was cancelled nobody knows whether the engine has noted it: it is told anew."""
        load = self.loads.pop(request, None)
        if load is not None and self.asked.get(load.side) is load:
            del self.asked[load.side]

    def write(self, message: Message) -> None:
        """Send a message. One that has ended already says so by its end."""
        if isinstance(message, Load):
            self.asked[message.side] = self.loads[message.id] = message
        with self._writing, contextlib.suppress(OSError, ValueError):
            self._input.write(encode(message))
            self._input.flush()

    def end(self, seconds: float) -> None:
        """Ask it to end, wait for `seconds`, and kill it with all that it has started if it is still there."""
        self.ending = True
        self.write(Close())
        with contextlib.suppress(OSError, ValueError):
            self._input.close()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                processes.kill_tree(processes.identify(self.process.pid))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text := line.decode("utf-8", "replace").strip():
                self.said.append(text)


def _same(one: Load, other: Load) -> bool:
    return (one.checkpoint, one.verifier) == (other.checkpoint, other.verifier)
