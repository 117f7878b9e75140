"""How ranks have ended, and which of them did first: the others only lost it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from sapo_engine.parent.exit_reasons import LOST_PEERS, rank_line
from sapo_studio.events.kinds import Failed


@dataclass(frozen=True)
class RankEnd:
    """A rank's end: its exit status (None: nobody could take it, `lost` says why), what it wrote down itself, and when
    that was noticed (seconds; any clock that all share)."""

    rank: int
    code: int | None
    told: Failed | None = None
    at: float = 0.0
    lost: str = ""

    @property
    def lost_peers(self) -> bool:
        """Whether it ended because another did."""
        return self.code == LOST_PEERS

    def report(self, size: int) -> Failed | None:
        """What to tell the parent, of one among `size`. Where it left no words, its exit status goes into the log, from
        which the parent reads the reason."""
        if self.told is not None:
            where = f"In engine worker {self.rank + 1} of {size} (rank {self.rank})."
            return self.told.model_copy(update={"why": f"{where} {self.told.why}".strip()})
        print(rank_line(self.rank, size, self.code or 0), file=sys.stderr, flush=True)
        return None


def first_end(ends: Iterable[RankEnd]) -> RankEnd:
    """The end that is the reason for the others."""
    return min(ends, key=lambda end: (_blame(end.code), end.at, end.rank))


def _blame(code: int | None) -> int:
    """How likely a rank with this exit status is not the first: some end because another did."""
    if code == 0:
        return 3
    if code == LOST_PEERS:
        return 2
    return 1 if code == -signal.SIGTERM else 0


def last_words(text: str) -> Failed | None:
    """What a rank has written down for its launcher; None where it could not."""
    try:
        return Failed.model_validate(json.loads(text)["failed"])
    except (ValueError, KeyError, TypeError):
        return None
