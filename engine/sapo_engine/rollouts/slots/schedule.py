"""Which text is written in which slot: the host's side of the slot loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sapo_engine.rollouts.base import CHECK_EVERY, Completion, Request, Watch
from sapo_engine.rollouts.slots.step import Entry
from sapo_engine.rollouts.slots.table import Look

GROUP = 8
"""Ended slots are refilled once there is one in so many of them: prompts are not read one by one."""


@dataclass(frozen=True, slots=True)
class Part:
    """Keys of a request that begin together, `count` from number `first` on, so that its prompt is read once for all
    of them."""

    request: int
    first: int
    count: int


@dataclass(slots=True)
class Seat:
    """The text in a slot: key number `number` of the request `request`. `watched`: tokens that its watch has seen."""

    request: int
    number: int
    watch: Watch | None
    watched: int = 0


class Schedule:
    """Deals `requests` out to `slots` slots, long prompts first, and puts together what is written in them. `new`: the
    most tokens that any of them asks for."""

    def __init__(self, requests: Sequence[Request], slots: int, new: int) -> None:
        self.requests = requests
        # A request with more keys than there are slots comes in several parts.
        parts = [
            Part(number, first, min(slots, len(request.keys) - first))
            for number, request in enumerate(requests)
            if request.max_new_tokens > 0
            for first in range(0, len(request.keys), slots)
        ]
        self._queue = deque(sorted(parts, key=lambda part: -len(requests[part.request].prompt)))
        self._free = list(range(slots))
        self._seats: dict[int, Seat] = {}
        self._group = max(1, slots // GROUP)
        self._written = np.zeros((slots, new), dtype=np.int32)
        self._log_probs = np.zeros((slots, new), dtype=np.float32)
        # An entry a slot: tokens so far, the most of them, tokens of the prompt, whether there is a text, and whether
        # a watch follows it.
        self._done = np.zeros(slots, dtype=np.int64)
        self._limit = np.zeros(slots, dtype=np.int64)
        self._prompt = np.zeros(slots, dtype=np.int64)
        self._taken = np.zeros(slots, dtype=bool)
        self._watched = np.zeros(slots, dtype=bool)
        self.completions: list[list[Completion]] = [[Completion((), False)] * len(r.keys) for r in requests]

    @property
    def seated(self) -> list[int]:
        """Slots with a text that may go on."""
        return sorted(self._seats)

    @property
    def waiting(self) -> bool:
        """Whether there are texts that have not begun."""
        return bool(self._queue)

    @property
    def steps_left(self) -> int:
        """After so many steps all texts in slots are at their limits, if nothing ends them before."""
        return int((self._limit - self._so_far())[self._taken].max(initial=0))

    @property
    def longest(self) -> int:
        """Positions of the longest text in a slot, the token included that has not been read yet."""
        return int((self._prompt + self._so_far())[self._taken].max(initial=0))

    def group(self, prompts: int, tokens: int) -> tuple[list[tuple[int, ...]], list[Entry]]:
        """What begins now: at most so many `prompts`, which together have so many `tokens` (or one prompt). Nothing
        while few slots are free and others are at work."""
        found: list[tuple[int, ...]] = []
        entries: list[Entry] = []
        while self._queue and len(found) < prompts:
            part = self._queue[0]
            request = self.requests[part.request]
            enough = part.count if found or not self._seats else max(part.count, self._group)
            if len(self._free) < enough or (found and sum(map(len, found)) + len(request.prompt) > tokens):
                break
            self._queue.popleft()
            for number in range(part.first, part.first + part.count):
                slot = self._free.pop(0)
                self._watched[slot] = request.watch is not None
                self._seats[slot] = Seat(part.request, number, request.watch() if request.watch else None)
                self._done[slot], self._limit[slot] = 0, request.max_new_tokens
                self._prompt[slot], self._taken[slot] = len(request.prompt), True
                entries.append(Entry(slot, len(found), request.keys[number], request.max_new_tokens))
            found.append(request.prompt)
        return found, entries

    def take(self, look: Look) -> tuple[list[Completion], list[int]]:
        """Take in what has been written since the last look. Returns the texts that have ended, and the slots where
        something is written that nobody wants."""
        self._keep(look)
        ended: list[Completion] = []
        unwanted: list[int] = []
        rows = len(look.alive)
        for slot in np.flatnonzero(self._taken[:rows] & (~look.alive | self._watched[:rows])).tolist():
            seat, alive = self._seats[slot], bool(look.alive[slot])
            cut = self._cut(slot, seat, alive)
            if alive and not cut:
                continue
            if alive:
                unwanted.append(slot)
            completion = self._completion(slot, seat, cut, finished=bool(look.ended[slot]) and not cut)
            self.completions[seat.request][seat.number] = completion
            ended.append(completion)
            del self._seats[slot]
            self._taken[slot] = False
            self._free.append(slot)
        return ended, unwanted

    def compact(self) -> list[int]:
        """Put the texts into the first slots, and leave all others; the slots that they were in, in order."""
        slots = self.seated
        states = (self._written, self._log_probs, self._done, self._limit, self._prompt, self._taken, self._watched)
        for state in states:
            state[: len(slots)] = state[slots]
        self._taken[len(slots) :] = False
        self._seats = {new: self._seats[old] for new, old in enumerate(slots)}
        self._free = []
        return slots

    def _keep(self, look: Look) -> None:
        rows, width = look.tokens.shape
        done = self._done[:rows]
        # The first column is news of a text that has just begun alone.
        number = np.arange(width)[None, :] - (done > 0)[:, None]
        news = (number >= 0) & (number < (look.done - done)[:, None]) & self._taken[:rows, None]
        slots, columns = np.nonzero(news)
        places = (slots, done[slots] + number[slots, columns])
        self._written[places] = look.tokens[slots, columns]
        self._log_probs[places] = look.log_probs[slots, columns]
        self._done[:rows] = look.done

    def _cut(self, slot: int, seat: Seat, alive: bool) -> int:
        """After how many tokens its watch has ended the text; 0: it has not. As with the other back ends it is asked
        every CHECK_EVERY tokens, whenever these are looked at, and not about what ends there by itself."""
        done = int(self._done[slot])
        while seat.watch is not None and seat.watched + CHECK_EVERY <= done:
            begin, end = seat.watched, seat.watched + CHECK_EVERY
            if end == done and not alive:
                break
            seat.watched = end
            if seat.watch.ended(self._written[slot, begin:end].tolist()):
                return end
        return 0

    def _completion(self, slot: int, seat: Seat, cut: int, *, finished: bool) -> Completion:
        count = cut or int(self._done[slot])
        log_probs: list[float] = []
        if self.requests[seat.request].log_probs:
            log_probs = self._log_probs[slot, :count].tolist()
        return Completion(tuple(self._written[slot, :count].tolist()), finished, tuple(log_probs))

    def _so_far(self) -> np.ndarray:
        return np.maximum(self._done, 1)  # a prompt's reading draws the first token
