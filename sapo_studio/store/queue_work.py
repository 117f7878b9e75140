"""Working through a queue: who has which item, what was judged there, and taking it back.

Each act is one transaction, so that what was pressed stays, whatever becomes of the window. An item that is not for
everybody goes to one person: while one has claimed or saved it, others do not get it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from sapo_studio.domain.judgements import UNKNOWN
from sapo_studio.errors import InputError
from sapo_studio.store.act_times import queue_time
from sapo_studio.store.annotations import annotate, first_error_of, undo_act
from sapo_studio.store.comments import undo_comment, write_comment
from sapo_studio.store.db import Store
from sapo_studio.store.queue_items import Worker, get_item
from sapo_studio.store.queue_records import QueueItem, Undone, Verb

_FREE = (
    " AND (m.status IS NULL OR (m.status = 'claimed' AND (m.holder = :holder OR m.at NOT BETWEEN :since AND :until)))"
    " AND (i.shared OR NOT EXISTS (SELECT 1 FROM item_states o WHERE o.item_id = i.id AND o.annotator != :me"
    "  AND (o.status = 'saved' OR (o.status = 'claimed' AND o.at BETWEEN :since AND :until))))"
)
"""Items that a person can still get."""


def next_item(store: Store, queue_id: int, worker: Worker, *, but: Collection[int] = ()) -> QueueItem | None:
    """Claim the first item that this person can still get, one that their window holds already included; None where
    there is none left. `but`: items that are not meant.
    """
    with store.atomic():
        item_id = store.value(
            "SELECT i.id FROM queue_items i LEFT JOIN item_states m ON m.item_id = i.id AND m.annotator = :me"
            f" WHERE i.queue_id = :queue AND i.id NOT IN (SELECT value FROM json_each(:but)){_FREE}"
            " ORDER BY i.place LIMIT 1",
            worker.values(queue=queue_id, but=json.dumps(list(but))),
        )
        if item_id is None:
            return None
        _touch(store, item_id, worker)
        return get_item(store, item_id, worker)


def claim(store: Store, item_id: int, worker: Worker) -> QueueItem:
    """Claim this item; a saved or skipped one stays so. Raises InputError where somebody else has it, or another
    window.
    """
    with store.atomic():
        item = get_item(store, item_id, worker)
        _check_free(item, worker)
        if not item.done:
            _touch(store, item_id, worker)
        return get_item(store, item_id, worker)


def release(store: Store, worker: Worker) -> None:
    """Give back everything that this window has claimed. What was judged there stays."""
    with store.atomic():
        store.execute(
            "UPDATE item_states SET at = 0, holder = '' WHERE status = 'claimed' AND holder = ?", (worker.holder,)
        )


def judge(
    store: Store,
    item_id: int,
    worker: Worker,
    judgements: Mapping[int, int],
    *,
    filled: Collection[int] = (),
    seconds: float = 0.0,
) -> None:
    """Keep judgements of an item's steps, as `annotations.annotate` does. `seconds`: time at work since the last act.

    Raises InputError where the item is saved, or somebody else has it by now.
    """
    with _act(store, item_id, worker, "judge", seconds) as act:
        annotate(store, act.trajectory_id, worker.annotator, judgements, filled=filled, uid=act.uid)


def comment(store: Store, item_id: int, worker: Worker, step: int, text: str, *, seconds: float = 0.0) -> None:
    """Keep a comment on a step, as `comments.write_comment` does. Raises InputError as `judge` does."""
    with _act(store, item_id, worker, "comment", seconds) as act:
        write_comment(store, act.trajectory_id, step, worker.annotator, text, uid=act.uid)


def save_item(store: Store, item_id: int, worker: Worker, *, seconds: float = 0.0, blind: bool = False) -> None:
    """Mark an item as complete. `blind`: it was judged blind. That is kept where this person has not been done with
    the item before: what models say was open to them then.

    Raises InputError where the judgements do not say yet which step is the first wrong one, and as `judge` does.
    """
    with _act(store, item_id, worker, "save", seconds) as act:
        if first_error_of(store, act.trajectory_id, worker.annotator) == UNKNOWN:
            raise InputError(
                "Not every step is judged yet",
                why="No step is judged incorrect, and some are not judged at all.",
                fix="Press n where no step is incorrect, or s to skip.",
            )
        _close(store, item_id, worker, "saved", act.at, blind=blind and not _was_done(store, item_id, worker))


def skip_item(store: Store, item_id: int, worker: Worker, *, seconds: float = 0.0) -> None:
    """Pass an item over: it does not come again by itself. Raises InputError as `judge` does."""
    with _act(store, item_id, worker, "skip", seconds) as act:
        _close(store, item_id, worker, "skipped", act.at)


def reopen(store: Store, item_id: int, worker: Worker) -> QueueItem:
    """Take the save or the skip of an item back, whatever was done on others since. Raises InputError where it is
    neither saved nor skipped.
    """
    with store.atomic():
        item = get_item(store, item_id, worker)
        if not item.done:
            raise InputError("This item is open already")
        store.execute(
            "UPDATE queue_acts SET undone_at = ? WHERE id = (SELECT max(id) FROM queue_acts WHERE item_id = ?"
            " AND annotator = ? AND verb IN ('save', 'skip') AND undone_at IS NULL)",
            (queue_time(store, worker.annotator, item.trajectory_id), item_id, worker.annotator),
        )
        _touch(store, item_id, worker, anew=True)
        return get_item(store, item_id, worker)


def take_up_skipped(store: Store, queue_id: int, worker: Worker) -> None:
    """Let every item that this person has skipped wait for them again."""
    values = (worker.annotator, queue_id)
    with store.atomic():
        store.execute(
            "UPDATE queue_acts SET undone_at = ? WHERE annotator = ? AND verb = 'skip' AND undone_at IS NULL"
            " AND item_id IN (SELECT id FROM queue_items WHERE queue_id = ?)",
            (queue_time(store, worker.annotator), *values),
        )
        store.execute(
            "UPDATE item_states SET status = 'claimed', holder = '', at = 0 WHERE annotator = ? AND status = 'skipped'"
            " AND item_id IN (SELECT id FROM queue_items WHERE queue_id = ?)",
            values,
        )


def undo_last(store: Store, queue_id: int, worker: Worker) -> Undone | None:
    """Take back the last act of this person in a queue that still stands, on whichever item, in whichever window and at
    whatever time it was done; an item that was saved or skipped is open again. None where there is none.
    """
    with store.atomic():
        for act_id, uid, item_id, verb in store.rows(
            "SELECT a.id, a.uid, a.item_id, a.verb FROM queue_items i CROSS JOIN queue_acts a ON a.item_id = i.id"
            " AND a.annotator = ? WHERE i.queue_id = ? AND a.undone_at IS NULL ORDER BY a.id DESC",
            (worker.annotator, queue_id),
        ):
            item = get_item(store, item_id, worker)
            if item.done_by_other or item.taken_by:
                continue  # it is no longer this window's to open
            at = queue_time(store, worker.annotator, item.trajectory_id)
            store.execute("UPDATE queue_acts SET undone_at = ? WHERE id = ?", (at, act_id))
            stood = {"judge": undo_act, "comment": undo_comment}.get(verb)
            if stood is not None and not stood(store, uid, at):
                continue  # it was taken back elsewhere
            _touch(store, item_id, worker, anew=True)
            return Undone(verb, item_id)
    return None


@dataclass(frozen=True)
class _Act:
    """What is done to a trajectory: the name of the act, and when it is done."""

    trajectory_id: int
    uid: str
    at: float


@contextmanager
def _act(store: Store, item_id: int, worker: Worker, verb: Verb, seconds: float) -> Generator[_Act]:
    """One act on an item as one transaction."""
    with store.atomic():
        item = get_item(store, item_id, worker)
        _check_free(item, worker)
        if item.done:
            raise InputError(f"This item is {item.status}", fix="Open it again to change what you said.")
        uid, at = uuid4().hex, queue_time(store, worker.annotator, item.trajectory_id)
        _touch(store, item_id, worker, seconds=seconds)
        store.execute(
            "INSERT INTO queue_acts (uid, item_id, annotator, at, verb) VALUES (?, ?, ?, ?, ?)",
            (uid, item_id, worker.annotator, at, verb),
        )
        yield _Act(item.trajectory_id, uid, at)


def _check_free(item: QueueItem, worker: Worker) -> None:
    if item.done_by_other:
        raise InputError("Somebody else has saved this item", fix="Go on with the next one.")
    if item.taken_by:
        who = "Another window of yours" if item.taken_by == worker.annotator else item.taken_by
        raise InputError(f"{who} has this item", why="A claim that rests for ten minutes is given back.")


def _was_done(store: Store, item_id: int, worker: Worker) -> bool:
    """Whether this person has saved or skipped an item and taken that back since."""
    return bool(
        store.value(
            "SELECT count(*) FROM queue_acts WHERE item_id = ? AND annotator = ? AND verb IN ('save', 'skip')"
            " AND undone_at IS NOT NULL",
            (item_id, worker.annotator),
        )
    )


def _touch(store: Store, item_id: int, worker: Worker, *, seconds: float = 0.0, anew: bool = False) -> None:
    """Claim, and note the time spent. `anew`: whatever became of the item before."""
    guard = "" if anew else " WHERE status = 'claimed'"
    store.execute(
        "INSERT INTO item_states (item_id, annotator, status, holder, at, seconds) VALUES (?, ?, 'claimed', ?, ?, ?)"
        " ON CONFLICT (item_id, annotator) DO UPDATE SET status = 'claimed', holder = excluded.holder,"
        f" at = excluded.at, seconds = seconds + excluded.seconds{guard}",
        (item_id, worker.annotator, worker.holder, time.time(), seconds),
    )


def _close(store: Store, item_id: int, worker: Worker, status: str, at: float, *, blind: bool = False) -> None:
    store.execute(
        "UPDATE item_states SET status = ?, holder = '', at = ?, blind = ? WHERE item_id = ? AND annotator = ?",
        (status, at, int(blind), item_id, worker.annotator),
    )
