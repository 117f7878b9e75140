"""Two bundles of the same queue as one: whatever either of them knows. Pure.

The order does not matter, and merging something twice is merging it once: acts are told apart by their uid and never
change but for being taken back, which holds once it was done anywhere. Time spent is the longer one of both, since what
came back includes what went out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from sapo_studio.errors import InputError
from sapo_studio.store.bundle_records import ActRecord, Bundle, Done, StateRecord

D = TypeVar("D", bound=Done)


def union(here: Bundle, coming: Bundle) -> Bundle:
    """`here` with everything that `coming` adds; queue and items are those of `here`.

    Raises InputError where one uid means two different things.
    """
    return here.model_copy(
        update={
            "judgements": _united("judgement", here.judgements, coming.judgements),
            "comments": _united("comment", here.comments, coming.comments),
            "acts": _united("act", here.acts, coming.acts),
            "resolutions": _united("resolution", here.resolutions, coming.resolutions),
            "states": _states(here.states, coming.states),
        }
    )


def closing_acts(acts: Iterable[ActRecord]) -> dict[tuple[int, str], ActRecord]:
    """By place and person: the save or skip that holds. Who has none is not done with the item (any more)."""
    closing = [act for act in acts if act.verb in ("save", "skip") and act.undone_at is None]
    return {(act.place, act.annotator): act for act in sorted(closing, key=_when)}


def _when(record: Done) -> tuple[float, str]:
    return record.at, record.uid


def _united(kind: str, here: Iterable[D], coming: Iterable[D]) -> tuple[D, ...]:
    found = {one.uid: one for one in here}
    for one in coming:
        known = found.setdefault(one.uid, one)
        if known.content != one.content:
            raise InputError(
                f"{kind.capitalize()} {one.uid} is not the same here and in the file: nothing was merged",
                why=f"Here: {_told(known)}\nIn the file: {_told(one)}",
                fix="What was done once never changes: one of the two was edited or damaged. Export the file again.",
            )
        undone = [at for at in (known.undone_at, one.undone_at) if at is not None]
        if undone and known.undone_at != min(undone):
            found[one.uid] = known.model_copy(update={"undone_at": min(undone)})
    return tuple(sorted(found.values(), key=_when))


def _told(record: Done) -> str:
    return record.model_dump_json(exclude={"uid", "undone_at"})[:400]


def _states(here: Iterable[StateRecord], coming: Iterable[StateRecord]) -> tuple[StateRecord, ...]:
    found = {(one.place, one.annotator): one for one in here}
    for one in coming:
        key = one.place, one.annotator
        known = found.setdefault(key, one)
        found[key] = StateRecord(
            place=one.place,
            annotator=one.annotator,
            seconds=max(known.seconds, one.seconds),
            blind=known.blind or one.blind,
        )
    return tuple(found[key] for key in sorted(found))
