"""What the parent has asked for, and what a step boundary makes of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from enum import IntEnum
from typing import Any

from sapo_studio.domain.runs import Verb

SAVING_SHARE = 0.05
"""Most of a training's time that goes into writing down its position, where it is not asked for."""


STOP_GRACE_SECONDS = 10.0
"""How long a step may still take once the run is to stop, so that its end is kept, before it is left where it is."""


class BoundaryAction(IntEnum):
    """What is done at a step boundary, as the leader decides for all ranks."""

    GO = 0
    SAVE = 1
    PAUSE = 2
    STOP = 3


class ControlState:
    """What the parent has asked for. Set from the thread that listens, read at step boundaries."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop = False
        self._stop_asked = 0.0
        self._after_phase = False
        self._checkpoint = False
        self._judged: dict[int, dict[int, bool]] | None = None
        self._labeling: dict[str, Any] | None = None
        self._on: bool | None = None

    def take(self, verb: Verb) -> None:
        """Note a command."""
        with self._changed:
            match verb:
                case Verb.PAUSE:
                    self._paused = True
                case Verb.RESUME:
                    self._paused = False
                case Verb.STOP:
                    self._stop_asked = self._stop_asked if self._stop else time.monotonic()
                    self._stop = True
                case Verb.STOP_AFTER_PHASE:
                    self._after_phase = True
                case Verb.KEEP_GOING:
                    self._after_phase = False
                case Verb.CHECKPOINT:
                    self._checkpoint = True
                case Verb.RECONFIGURE:
                    pass  # what is another now comes by `take_label_settings`
            self._changed.notify_all()

    def take_judgements(self, judged: dict[int, dict[int, bool]]) -> None:
        """Note what people say, as the parent has sent it."""
        with self._changed:
            self._judged = judged
            self._changed.notify_all()

    def take_label_settings(self, labeling: dict[str, Any]) -> None:
        """Note what decides from now on which labels are trained on, as the parent has sent it."""
        with self._changed:
            self._labeling = labeling

    @property
    def label_settings(self) -> dict[str, Any] | None:
        """The run's section `labeling` as it was last changed; None where it was not since this process began."""
        with self._changed:
            return self._labeling

    def wait_for_judgements(self) -> dict[int, dict[int, bool]]:
        """What people say, once the parent has sent it: at once, or this process ends with the parent."""
        with self._changed:
            self._changed.wait_for(lambda: self._judged is not None)
            judged, self._judged = self._judged, None
            return judged or {}

    def take_go_on(self, on: bool) -> None:
        """Note whether the next iteration is to begin, as the parent has sent it."""
        with self._changed:
            self._on = on
            self._changed.notify_all()

    def wait_for_go_on(self) -> bool:
        """Whether the next iteration is to begin, once the parent has said it."""
        with self._changed:
            self._changed.wait_for(lambda: self._on is not None)
            on, self._on = self._on, None
            return on is not False

    @property
    def stop(self) -> bool:
        """Whether to end at the next step boundary."""
        return self._stop

    @property
    def stop_now(self) -> bool:
        """Whether to end in the midst of a step, since the next boundary is too far off."""
        return self._stop and time.monotonic() - self._stop_asked >= STOP_GRACE_SECONDS

    @property
    def paused(self) -> bool:
        """Whether to wait at the next step boundary."""
        return self._paused and not self._stop

    @property
    def stop_after_phase(self) -> bool:
        """Whether to end when the phase under way is done."""
        return self._after_phase

    def take_checkpoint(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        asked, self._checkpoint = self._checkpoint, False
        return asked

    def wait_while_paused(self, timeout: float) -> bool:
        """Wait until the run may go on, or is to stop, `timeout` seconds at most. Whether it is still paused."""
        with self._changed:
            return not self._changed.wait_for(lambda: not self.paused, timeout)


class CheckpointTimer:
    """When a training's position is to be written down again: `seconds` after the last time, and later where writing
    takes so long that it would have more than `SAVING_SHARE` of the time. `clock`: seconds, never going back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next: float | None = None

    def due(self) -> bool:
        """Whether it is time. The first call begins to count."""
        if self._next is None:
            self._next = self._clock() + self._seconds
        return self._clock() >= self._next

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """The position is written in this block."""
        began = self._clock()
        yield
        ended = self._clock()
        self._next = ended + max(self._seconds, (ended - began) * (1 / SAVING_SHARE - 1))
