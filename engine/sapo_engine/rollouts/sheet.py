"""What the program's own sampler has written so far, and which sequences go on: the host's side of its loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sapo_engine.rollouts.base import CHECK_EVERY, Completion, Request


class Sheet:
    """Sequences of `requests`, one a key, counted over requests and keys. They begin together, a row of the batch each;
    after that only the rows of some are left."""

    def __init__(self, requests: Sequence[Request], eos: int) -> None:
        self._requests = requests
        self._eos = eos
        each = [request for request in requests for _ in request.keys]
        total, longest = len(each), max(request.max_new_tokens for request in requests)
        self._watches = [request.watch() if request.watch else None for request in each]
        self._watched = any(self._watches)
        self._asked = np.array([request.log_probs for request in each])
        self._limits = np.array([request.max_new_tokens for request in each])
        self._written = np.zeros((longest, total), dtype=np.int64)
        self._log_probs = np.zeros((longest if self._asked.any() else 0, total), dtype=np.float32)
        self._sizes = np.zeros(total, dtype=np.int64)
        self._finished = np.zeros(total, dtype=bool)
        self.rows = np.arange(total)
        """Which sequence each row is."""
        self.going = np.ones(total, dtype=bool)
        """Whether each row's sequence goes on."""
        self._limit = self._limits  # of each row

    @property
    def asked(self) -> np.ndarray:
        """Rows whose next token is to come with its log-probability."""
        return np.flatnonzero(self.going & self._asked[self.rows]) if len(self._log_probs) else self.rows[:0]

    def take(self, position: int, tokens: np.ndarray) -> None:
        """The token at `position` of each row's sequence. What is written behind an end does not count."""
        self._written[position, self.rows] = tokens
        ends = tokens == self._eos
        self._finished[self.rows[self.going & ends]] = True
        self._sizes[self.rows] += self.going
        self.going &= ~ends & (self._limit > position + 1)
        if self._watched and (position + 1) % CHECK_EVERY == 0:
            self._look(position + 1)

    def tell(self, position: int, rows: np.ndarray, log_probs: np.ndarray) -> None:
        """Log-probabilities of the tokens at `position` in these rows."""
        self._log_probs[position, self.rows[rows]] = log_probs

    def leave(self) -> np.ndarray:
        """Rows of sequences that have ended are gone. The places of the others, in order."""
        kept = np.flatnonzero(self.going)
        self.rows, self.going, self._limit = self.rows[kept], self.going[kept], self._limit[kept]
        return kept

    def completions(self) -> list[list[Completion]]:
        """By request, as far as they are written."""
        texts, sizes, finished = self._written.T.tolist(), self._sizes.tolist(), self._finished.tolist()
        found: list[list[Completion]] = []
        sequence = 0
        for request in self._requests:
            mine: list[Completion] = []
            for _ in request.keys:
                size = sizes[sequence]
                told = tuple(self._log_probs[:size, sequence].tolist()) if request.log_probs else ()
                mine.append(Completion(tuple(texts[sequence][:size]), finished[sequence], told))
                sequence += 1
            found.append(mine)
        return found

    def _look(self, end: int) -> None:
        """Ask the watches of sequences that go on about their latest tokens."""
        for row in np.flatnonzero(self.going).tolist():
            sequence = self.rows[row]
            watch = self._watches[sequence]
            if watch is not None and watch.ended(self._written[end - CHECK_EVERY : end, sequence].tolist()):
                self.going[row] = False
