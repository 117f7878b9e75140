"""Annotation bundles in the store: a queue as a bundle, and what a bundle brings into it, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeVar

from sapo_studio.errors import InputError
from sapo_studio.store.bundle_records import (
    ActRecord,
    Bundle,
    CommentRecord,
    Done,
    ItemRecord,
    JudgementRecord,
    QueueRecord,
    ResolutionRecord,
    StateRecord,
)
from sapo_studio.store.bundle_runs import origins, places_of
from sapo_studio.store.bundle_union import closing_acts, union
from sapo_studio.store.codec import row_number, unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.resolutions import filled_of, steps_text
from sapo_studio.store.traces import parse_steps

D = TypeVar("D", bound=Done)

_STATUS = {"save": "saved", "skip": "skipped"}
_ITEMS = "(SELECT trajectory_id FROM queue_items WHERE queue_id = ?)"


@dataclass(frozen=True)
class Merged:
    """What a merge has brought into the queue of this uid: how many of each were new here, and how many were taken back
    elsewhere."""

    uid: str
    queue: str
    judgements: int
    comments: int
    resolutions: int
    acts: int
    undone: int
    run_id: str = ""
    """The run that was made for the trajectories; '' where they were here already."""
    with_items: bool = False
    """The queue was made here, or got its items again."""

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, by name."""
        return {
            "judgements": self.judgements,
            "comments": self.comments,
            "resolutions": self.resolutions,
            "acts": self.acts,
            "undone": self.undone,
        }

    @property
    def anything(self) -> bool:
        """Whether the store is another one than before."""
        return self.with_items or any(self.counts.values())

    def told(self) -> str:
        """In a sentence."""
        if not self.anything:
            return f"Nothing new for the queue {self.queue}"
        found = ", ".join(f"{count:,} {name}" for name, count in self.counts.items() if count)
        return f"New in the queue {self.queue}: {found or 'its items'}"


def read_queue(store: Store, queue_id: int, *, with_scores: bool = False) -> Bundle:
    """A queue with its items and all that people did with them. `with_scores`: verifiers' scores and the task's own
    truth, too. Raises InputError where nothing is in the queue."""
    row = store.row(
        "SELECT uid, name, created_at, created_by, rule, seed, overlap, gold_rate, source FROM queues WHERE id = ?",
        (queue_id,),
    )
    if row is None:
        raise InputError("There is no such queue (any more)")
    name = row[1]
    places: dict[int, int] = dict(
        store.rows("SELECT trajectory_id, place FROM queue_items WHERE queue_id = ?", (queue_id,))
    )
    if not places:
        raise InputError(f"The queue {name!r} has no items (any more)", why="Their run was deleted.")
    with reading(store.path, f"the queue {name!r}"):
        return Bundle(
            queue=QueueRecord(**dict(zip(QueueRecord.model_fields, row, strict=True))),
            items=_items(store, queue_id, with_scores=with_scores),
            judgements=_judgements(store, queue_id, places),
            comments=tuple(
                CommentRecord(uid=uid, place=places[one], step=step, annotator=who, at=at, text=text, undone_at=undone)
                for uid, one, step, who, at, text, undone in store.rows(
                    "SELECT uid, trajectory_id, step, annotator, at, text, undone_at FROM comments"
                    f" WHERE trajectory_id IN {_ITEMS} ORDER BY at, uid",
                    (queue_id,),
                )
            ),
            acts=tuple(
                ActRecord(uid=uid, place=place, annotator=who, at=at, verb=verb, undone_at=undone)
                for uid, place, who, at, verb, undone in store.rows(
                    "SELECT a.uid, i.place, a.annotator, a.at, a.verb, a.undone_at FROM queue_acts a"
                    " JOIN queue_items i ON i.id = a.item_id WHERE i.queue_id = ? ORDER BY a.at, a.uid",
                    (queue_id,),
                )
            ),
            states=tuple(
                StateRecord(place=place, annotator=who, seconds=seconds, blind=bool(blind))
                for place, who, seconds, blind in store.rows(
                    "SELECT i.place, s.annotator, s.seconds, s.blind FROM item_states s"
                    " JOIN queue_items i ON i.id = s.item_id WHERE i.queue_id = ? AND (s.seconds > 0 OR s.blind)"
                    " ORDER BY i.place, s.annotator",
                    (queue_id,),
                )
            ),
            resolutions=_resolutions(store, queue_id, places),
        )


def _items(store: Store, queue_id: int, *, with_scores: bool) -> tuple[ItemRecord, ...]:
    scores: dict[int, dict[str, tuple[float, ...]]] = {}
    if with_scores:
        for identity, verifier, blob in store.rows(
            f"SELECT trajectory_id, verifier, scores FROM scores WHERE trajectory_id IN {_ITEMS} ORDER BY verifier",
            (queue_id,),
        ):
            values = tuple(round(float(value), 6) for value in unpack_scores(blob))
            scores.setdefault(identity, {})[str(verifier)] = values
    found = store.rows(
        "SELECT t.id, i.place, i.shared, i.gold, t.run_id, q.split, q.text, q.solution, q.answer, t.iteration,"
        " t.sample, t.source, t.steps, t.correct, t.answer, t.tokens, t.copies, t.truth FROM queue_items i"
        " JOIN trajectories t ON t.id = i.trajectory_id JOIN questions q ON q.id = t.question_id"
        " WHERE i.queue_id = ? ORDER BY i.place",
        (queue_id,),
    )
    copied = origins(store, [row[0] for row in found])
    return tuple(
        ItemRecord(
            place=row[1],
            shared=bool(row[2]),
            gold=row[3],
            **dict(zip(("run", "row"), copied.get(row[0], (row[4], row_number(row[0]))), strict=True)),
            **dict(zip(("split", "question", "solution", "reference"), row[5:9], strict=True)),
            **dict(zip(("iteration", "sample", "source"), row[9:12], strict=True)),
            steps=tuple(parse_steps(store, row[12], row[0])),
            correct=bool(row[13]),
            **dict(zip(("answer", "tokens", "copies"), row[14:17], strict=True)),
            truth=row[17] if with_scores else None,
            scores=scores.get(row[0], {}),
        )
        for row in found
    )


def _judgements(store: Store, queue_id: int, places: dict[int, int]) -> tuple[JudgementRecord, ...]:
    acts: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for row in store.rows(
        "SELECT trajectory_id, act, uid, annotator, at, undone_at, step, judgement, filled FROM annotations"
        f" WHERE trajectory_id IN {_ITEMS} ORDER BY step, id",
        (queue_id,),
    ):
        acts.setdefault(row[:2], []).append(row)
    found: list[JudgementRecord] = []
    for (trajectory_id, _), rows in acts.items():
        uid, annotator, at, undone_at = rows[0][2:6]
        steps = tuple((step, said, bool(filled)) for step, said, filled in (row[6:] for row in rows))
        found.append(
            JudgementRecord(
                uid=uid or _uid_of_old(annotator, at, steps),
                place=places[trajectory_id],
                annotator=annotator,
                at=at,
                steps=steps,
                undone_at=undone_at,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.at, one.uid)))


def _uid_of_old(*content: object) -> str:
    """A uid for an act of a version that gave none: the same wherever the act has come to."""
    return sha256(json.dumps(content).encode()).hexdigest()[:32]


def _resolutions(store: Store, queue_id: int, places: dict[int, int]) -> tuple[ResolutionRecord, ...]:
    found = store.rows(
        "SELECT uid, trajectory_id, resolver, at, judgements, first_error, taken, why, filled, undone_at"
        f" FROM resolutions WHERE trajectory_id IN {_ITEMS} ORDER BY at, uid",
        (queue_id,),
    )
    return tuple(
        ResolutionRecord(
            uid=uid,
            place=places[trajectory_id],
            annotator=resolver,
            at=at,
            steps=tuple((int(step), said) for step, said in json.loads(judgements).items()),
            first_error=error,
            taken=taken,
            why=why,
            filled=tuple(sorted(filled_of(filled))),
            undone_at=undone_at,
        )
        for uid, trajectory_id, resolver, at, judgements, error, taken, why, filled, undone_at in found
    )


def merge(store: Store, bundle: Bundle) -> Merged:
    """Bring what `bundle` has into the queue of the same uid: all of it or nothing.

    Raises InputError where there is no such queue here, where its items are others, or where one uid means two
    different things.
    """
    with store.atomic():
        queue_id = _known(store, bundle)
        if queue_id is None:
            raise InputError(
                f"The queue {bundle.queue.name!r} of this bundle is not in this store",
                why="A merge brings work home; a queue comes to a new store by an import.",
                fix="`sapo bundle import FILE` makes it here.",
            )
        here = read_queue(store, queue_id)
        _check_items(here, bundle)
        both = union(here, bundle)
        _Writer(store, queue_id).write(here, both)
        return _merged(here, both)


def bring_in(store: Store, bundle: Bundle, file: str) -> Merged:
    """Make the bundle's queue in a store that has it not, over its trajectories where they are here, and over a run of
    kind `import` made for the others; then `merge`. A queue gets those items again that went with a run. `file`: what
    the bundle was read from, for the run.

    Raises InputError as `merge` does.
    """
    with store.atomic():
        run_id, queue_id = "", _known(store, bundle)
        there = {place for (place,) in store.rows("SELECT place FROM queue_items WHERE queue_id = ?", (queue_id,))}
        gone = bundle.model_copy(update={"items": tuple(item for item in bundle.items if item.place not in there)})
        if queue_id is None or gone.items:
            ids, run_id = places_of(store, gone, file)
            _put_items(store, _make_queue(store, bundle) if queue_id is None else queue_id, gone, ids)
        return replace(merge(store, bundle), run_id=run_id, with_items=bool(gone.items))


def _known(store: Store, bundle: Bundle) -> int | None:
    return store.value("SELECT id FROM queues WHERE uid = ?", (bundle.queue.uid,))


def _make_queue(store: Store, bundle: Bundle) -> int:
    queue = bundle.queue
    name, number = queue.name, 1
    while store.value("SELECT 1 FROM queues WHERE name = ?", (name,)):
        number += 1
        name = f"{queue.name} ({number})"
    store.execute(
        "INSERT INTO queues (uid, name, created_at, created_by, rule, seed, overlap, gold_rate, source)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(queue.uid, name, queue.created_at, queue.created_by, queue.rule, queue.seed),
            *(queue.overlap, queue.gold_rate, queue.source),
        ),
    )
    return int(store.value("SELECT last_insert_rowid()"))


def _put_items(store: Store, queue_id: int, bundle: Bundle, ids: list[int]) -> None:
    store.execute_many(
        "INSERT INTO queue_items (queue_id, place, trajectory_id, shared, gold) VALUES (?, ?, ?, ?, ?)",
        [
            (queue_id, item.place, identity, int(item.shared), item.gold)
            for item, identity in zip(bundle.items, ids, strict=True)
        ],
    )


def _check_items(here: Bundle, coming: Bundle) -> None:
    """Raises InputError where an item of `coming` is not the one that this store has in its place."""
    known = {item.place: item for item in here.items}
    for item in coming.items:
        mine = known.get(item.place)
        why = (
            f"There is no item {item.place} here (any more)."
            if mine is None
            else f"Here it is: {_excerpt(mine)}\nIn the file: {_excerpt(item)}"
            if _identity(mine) != _identity(item)
            else ""
        )
        if why:
            raise InputError(
                f"Item {item.place} of the queue {here.queue.name!r} is another trajectory in this bundle",
                why=why,
                fix="Take the bundle that was exported from this queue.",
            )


def _identity(item: ItemRecord) -> object:
    return item.question, item.steps, item.shared, item.gold


def _excerpt(item: ItemRecord) -> str:
    gold = "no gold item" if item.gold is None else f"gold item, first error {item.gold}"
    return f"{len(item.steps)} steps, {gold}, {item.question[:120]!r}: {item.steps[0][:120]!r}"


def _merged(here: Bundle, both: Bundle) -> Merged:
    def new(part: str) -> int:
        return len(getattr(both, part)) - len(getattr(here, part))

    undone = sum(
        _undone(getattr(both, part)) - _undone(getattr(here, part))
        for part in ("judgements", "comments", "acts", "resolutions")
    )
    queue = here.queue
    return Merged(queue.uid, queue.name, new("judgements"), new("comments"), new("resolutions"), new("acts"), undone)


def _undone(done: Iterable[Done]) -> int:
    return sum(one.undone_at is not None for one in done)


class _Writer:
    """Makes the store what a union says. Rows of a trajectory on which something is new are written anew in the order
    of their times: the latest of several has the highest number, as if all had been done here."""

    def __init__(self, store: Store, queue_id: int) -> None:
        self._store = store
        found = store.rows("SELECT place, id, trajectory_id FROM queue_items WHERE queue_id = ?", (queue_id,))
        self._items: dict[int, int] = {place: item for place, item, _ in found}
        self._trajectories: dict[int, int] = {place: trajectory for place, _, trajectory in found}

    def write(self, here: Bundle, both: Bundle) -> None:
        """Write what `both` has and `here` has not."""
        for table, before, after in (
            ("annotations", here.judgements, both.judgements),
            ("comments", here.comments, both.comments),
            ("resolutions", here.resolutions, both.resolutions),
            ("queue_acts", here.acts, both.acts),
        ):
            self._check_uids(table, {one.uid for one in after} - {one.uid for one in before})
        act = 1 + int(self._store.value("SELECT coalesce(max(act), 0) FROM annotations"))
        for place, found in _changed(here.judgements, both.judgements):
            self._write_judgements(self._trajectories[place], found, act)
            act += len(found)
        for place, comments in _changed(here.comments, both.comments):
            self._write_comments(self._trajectories[place], comments)
        for place, resolutions in _changed(here.resolutions, both.resolutions):
            self._write_resolutions(self._trajectories[place], resolutions)
        if here.acts != both.acts:
            self._write_acts(both.acts)
        self._write_states(here, both)

    def _check_uids(self, table: str, new: set[str]) -> None:
        """Raises InputError where a uid that is new in this queue is something else's in the store."""
        taken = self._store.value(
            # The second condition is that of an index.
            f"SELECT uid FROM {table} WHERE uid IN (SELECT value FROM json_each(?)) AND uid != '' LIMIT 1",
            (json.dumps(sorted(new)),),
        )
        if taken is not None:
            raise InputError(
                f"{taken} is not the same here and in the file: nothing was merged",
                why="Here it was done with another trajectory or item.",
                fix="Export the bundle again.",
            )

    def _write_judgements(self, trajectory_id: int, found: list[JudgementRecord], first: int) -> None:
        self._store.execute("DELETE FROM annotations WHERE trajectory_id = ?", (trajectory_id,))
        self._store.execute_many(
            "INSERT INTO annotations (trajectory_id, annotator, at, act, step, judgement, filled, uid, undone_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (trajectory_id, one.annotator, one.at, act, step, said, int(filled), one.uid, one.undone_at)
                for act, one in enumerate(found, start=first)
                for step, said, filled in one.steps
            ],
        )

    def _write_comments(self, trajectory_id: int, found: list[CommentRecord]) -> None:
        self._store.execute("DELETE FROM comments WHERE trajectory_id = ?", (trajectory_id,))
        self._store.execute_many(
            "INSERT INTO comments (uid, trajectory_id, step, annotator, at, text, undone_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(one.uid, trajectory_id, one.step, one.annotator, one.at, one.text, one.undone_at) for one in found],
        )

    def _write_resolutions(self, trajectory_id: int, found: list[ResolutionRecord]) -> None:
        self._store.execute("DELETE FROM resolutions WHERE trajectory_id = ?", (trajectory_id,))
        self._store.execute_many(
            "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error, taken, why, filled,"
            " undone_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(one.uid, trajectory_id, one.annotator, one.at, steps_text(dict(one.steps)), one.first_error),
                    *(one.taken, one.why, json.dumps(one.filled), one.undone_at),
                )
                for one in found
            ],
        )

    def _write_acts(self, found: tuple[ActRecord, ...]) -> None:
        for item in self._items.values():
            self._store.execute("DELETE FROM queue_acts WHERE item_id = ?", (item,))
        self._store.execute_many(
            "INSERT INTO queue_acts (uid, item_id, annotator, at, verb, undone_at) VALUES (?, ?, ?, ?, ?, ?)",
            [(one.uid, self._items[one.place], one.annotator, one.at, one.verb, one.undone_at) for one in found],
        )

    def _write_states(self, here: Bundle, both: Bundle) -> None:
        known = {(one.place, one.annotator): one for one in here.states}
        for state in both.states:
            if state != known.get((state.place, state.annotator)):
                self._store.execute(
                    "INSERT INTO item_states (item_id, annotator, status, at, seconds, blind) VALUES (?, ?, 'claimed',"
                    " 0, ?, ?) ON CONFLICT DO UPDATE SET seconds = excluded.seconds, blind = excluded.blind",
                    (self._items[state.place], state.annotator, state.seconds, int(state.blind)),
                )
        before, after = closing_acts(here.acts), closing_acts(both.acts)
        for place, annotator in sorted({*before, *after}):
            act = after.get((place, annotator))
            if act == before.get((place, annotator)):
                continue
            status, at = ("claimed", 0.0) if act is None else (_STATUS[act.verb], act.at)
            self._store.execute(
                "INSERT INTO item_states (item_id, annotator, status, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET status = excluded.status, at = excluded.at, holder = ''",
                (self._items[place], annotator, status, at),
            )


def _changed(here: Iterable[D], both: Iterable[D]) -> list[tuple[int, list[D]]]:
    """By place: all that was done, where it is not what it was."""
    before = _by_place(here)
    return [(place, found) for place, found in _by_place(both).items() if found != before.get(place)]


def _by_place(done: Iterable[D]) -> dict[int, list[D]]:
    found: dict[int, list[D]] = {}
    for one in done:
        found.setdefault(one.place, []).append(one)
    return found
