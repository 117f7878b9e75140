"""What the store knows of queues of trajectories to judge: how one is made, and what its queries give back.

Step numbers are 1-based, times are seconds since 1970, a first error is 0 where no step is wrong and -1 where it is not
known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sapo_studio.store.records import UNKNOWN, TraceFilter

Rule = Literal["disagreement", "uncertain", "random", "question"]

RULES: dict[Rule, str] = {
    "disagreement": "Most disagreement first",
    "uncertain": "Most uncertain first",
    "random": "Random order",
    "question": "One question at a time",
}
"""What decides which trajectories come into a queue, and in which order."""

Status = Literal["open", "claimed", "saved", "skipped"]

DONE: tuple[Status, ...] = ("saved", "skipped")
"""A person who has saved or skipped an item is done with it. Only then is open to them what might sway them: what
models and the task say of it, and whether it is a gold item. (Who does not judge blind sees what models say while
judging, too.) What other people said is open on the pages that compare people, and nowhere else.
"""


@dataclass(frozen=True)
class QueueSpec:
    """How a queue is to be made: the same of the same trajectories with the same seed.

    `filter` says which trajectories may come into it: those of a run, of an imported file (source `import`) or of a
    process benchmark (source `process`); its order does not matter. `size`: at most so many items. `overlap`: share of
    them that everybody gets; each of the others goes to whoever comes first. `gold_rate`: share of them whose first
    error is known beforehand.
    """

    name: str
    filter: TraceFilter
    rule: Rule = "disagreement"
    size: int = 100
    seed: int = 0
    overlap: float = 1.0
    gold_rate: float = 0.0


@dataclass(frozen=True)
class QueueInfo:
    """A queue. `source`: what it was made from (the fields of a `TraceFilter`, and `size`: how many were asked for).

    `saved`: items that each person has saved, by name.
    """

    id: int
    uid: str
    name: str
    created_at: float
    created_by: str
    rule: Rule
    seed: int
    overlap: float
    gold_rate: float
    source: dict[str, Any]
    size: int
    gold: int
    saved: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class QueueItem:
    """One trajectory of a queue, as one person sees it: `status` is theirs, `taken_by` whoever else has it now ('':
    nobody), which for another window of the same person is that person. `done_by_other`: it is nobody else's any more.
    """

    id: int
    queue_id: int
    place: int
    trajectory_id: int
    question_id: int
    question: str
    iteration: int
    sample: int
    source: str
    shared: bool
    status: Status
    taken_by: str
    done_by_other: bool
    seconds: float

    @property
    def done(self) -> bool:
        """Whether this person is done with it."""
        return self.status in DONE


@dataclass(frozen=True, eq=False)
class SavedItem:
    """An item that a person has saved, with what the models said of it. `scores` is empty where no verifier scored it,
    `verifier` then -1; `verified` is the first error by rollouts, `judged` that of this person.
    """

    id: int
    trajectory_id: int
    question_id: int
    sample: int
    scores: NDArray[np.float32]
    verifier: int
    verified: int
    judged: int

    @property
    def called(self) -> int:
        """The first error as the verifier has it: the first step that scores below one half; 0 for none, -1 where it
        scored nothing."""
        low = np.flatnonzero(self.scores < 0.5)
        return UNKNOWN if not len(self.scores) else int(low[0]) + 1 if len(low) else 0


@dataclass(frozen=True)
class Progress:
    """How far a person is in a queue. `left`: items that they can still get. `pace`: seconds an item takes them,
    breaks left out; None before the first. `others`: items that each other person has saved, and of those how many both
    have.
    """

    size: int
    saved: int
    skipped: int
    left: int
    pace: float | None
    others: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take. None where nobody can know yet."""
        return None if self.pace is None else self.pace * self.left


Verb = Literal["judge", "comment", "save", "skip"]


@dataclass(frozen=True)
class Undone:
    """What was taken back, and on which item."""

    verb: Verb
    item_id: int
