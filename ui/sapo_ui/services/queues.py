"""Working at a queue: what lies on the desk, what is done to it, and what comes next.

Acts are written one after the other: whoever asks while one is under way (`busy`) is to wait for `ready`. An act is
usually in the store before the call that asked for it returns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal

from sapo_studio.app.annotation.queues import make as make_queue
from sapo_studio.domain.pace import time_at_work
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import annotations, queries, queue_holders, queue_work, queues
from sapo_studio.store.comments import comments
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.queue_items import Worker, get_item, waiting
from sapo_studio.store.queue_progress import progress, saved_items
from sapo_studio.store.queue_records import Progress, QueueItem, QueueSpec, SavedItem
from sapo_studio.store.records import UNKNOWN, CommentInfo, TraceDetail
from sapo_ui.services import tasks
from sapo_ui.services.annotations import JudgeAction, act_of, annotation_events, annotator_name
from sapo_ui.services.settings import Settings

PATIENCE = 0.04
"""Seconds that a press waits for the store to have it, before the window goes on and tells later."""

AHEAD, BEHIND = 80, 20
"""Items listed: that wait, and that are saved."""


@dataclass(frozen=True, eq=False)
class OpenItem:
    """An item on the desk, with all that is known of its trajectory."""

    item: QueueItem
    detail: TraceDetail
    comments: list[CommentInfo]


@dataclass(frozen=True, eq=False)
class QueueView:
    """The queue around the desk."""

    queue_id: int
    waiting: list[QueueItem]
    saved: list[SavedItem]
    progress: Progress


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What an act came to: what lies on the desk now, and whether that is another item than before."""

    item: OpenItem | None
    another: bool
    fault: StoreError | None = None


class QueueDesk(QObject):
    """One person at one queue in one window."""

    opened = Signal(object)
    """(OpenItem | None) Another item lies on the desk; None: nothing is left to judge."""

    changed = Signal(object)
    """(OpenItem) The same item, after something was written about it."""

    looked = Signal(object)
    """(QueueView) The queue as it is now."""

    refused = Signal(object)
    """(InputError) What was asked for was not done."""

    writable = Signal(object)
    """(StoreError | None) Why nothing can be kept at the moment; None when it can be again."""

    ready = Signal()
    """The last act is done; the next one may come."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holder = queue_holders.new_holder()
        self._name = annotator_name()
        self._queue_id: int | None = None
        self._open: OpenItem | None = None
        self._next: OpenItem | None = None
        self._ahead: tasks.Task | None = None  # reads `_next`
        self._busy = self._late = False
        self._fault: StoreError | None = None
        self._pressed_at = time.monotonic()
        self._seconds = 0.0

    @property
    def queue_id(self) -> int | None:
        """The queue that is worked at."""
        return self._queue_id

    @property
    def open_item(self) -> OpenItem | None:
        """What lies on the desk."""
        return self._open

    @property
    def busy(self) -> bool:
        """Whether an act is still being written."""
        return self._busy

    @property
    def late(self) -> bool:
        """Whether the store has kept the act that is being written waiting for longer than `PATIENCE`."""
        return self._late

    @property
    def fault(self) -> StoreError | None:
        """Why nothing can be kept at the moment."""
        return self._fault

    @property
    def name(self) -> str:
        """Under which name judgements are kept here: that of the last `show_queue`, so that what was pressed before it
        was changed stays that person's."""
        return self._name

    @property
    def _worker(self) -> Worker:
        return Worker(self._name, self._holder)

    # -- which queue, which item

    def show_queue(self, queue_id: int | None) -> None:
        """Work at this queue, under the name that judgements are kept under now."""
        self._queue_id, self._open, self._next = queue_id, None, None
        self._stop_prefetching()
        self._name = annotator_name()
        me, holder = self._worker, self._holder
        if queue_id is None:
            self.release()
            return

        def work(store: Store) -> _Outcome:
            try:
                queue_holders.release_dead(store)
                queue_work.release(store, Worker(me.annotator, holder))
                return _Outcome(_taken(store, queue_id, me, None), another=True)
            except StoreError as fault:  # what can still be read is shown
                first = waiting(store, queue_id, me, 1)
                return _Outcome(_read(store, first[0]) if first else None, another=True, fault=fault)

        self._write(work)

    def release(self) -> None:
        """Give back what this window has claimed."""
        me = self._worker
        self._stop_prefetching()
        tasks.change(self, lambda store: queue_work.release(store, me), _nothing, failed=_nothing)

    def open(self, item_id: int) -> None:
        """Put this item on the desk; a saved one to be looked at."""
        me = self._worker
        self._write(lambda store: _Outcome(_read(store, queue_work.claim(store, item_id, me)), another=True))

    def look(self) -> None:
        """Read the queue around the desk again."""
        queue_id, me = self._queue_id, self._worker
        if queue_id is None:
            return

        def work(store: Store) -> QueueView:
            return QueueView(
                queue_id,
                waiting(store, queue_id, me, AHEAD),
                saved_items(store, queue_id, me.annotator, BEHIND),
                progress(store, queue_id, me.annotator),
            )

        tasks.run(self, work, self._looked, key="look", keep_running=True)

    def _looked(self, view: QueueView) -> None:
        if view.queue_id == self._queue_id:
            self.looked.emit(view)

    # -- what is done to the item on the desk

    def noticed(self) -> None:
        """Something was pressed: the time since the last press was time at work, unless it was a break."""
        now = time.monotonic()
        self._seconds += time_at_work(now - self._pressed_at)
        self._pressed_at = now

    def judge(self, action: JudgeAction) -> None:
        """Keep a judgement of the open item."""

        def act(store: Store, at: OpenItem, me: Worker, seconds: float) -> None:
            by_hand = annotations.by_hand(store, at.item.trajectory_id, me.annotator)
            said, filled = act_of(action, len(at.detail.steps), by_hand)
            if said:
                queue_work.judge(store, at.item.id, me, said, filled=filled, seconds=seconds)

        self._act(act)

    def comment(self, step: int, text: str) -> None:
        """Keep a comment on a step of the open item."""
        self._act(lambda store, at, me, seconds: queue_work.comment(store, at.item.id, me, step, text, seconds=seconds))

    def reopen(self) -> None:
        """Open the saved or skipped item on the desk again, to be judged anew."""
        self._act(lambda store, at, me, seconds: queue_work.reopen(store, at.item.id, me))

    def save(self, *, blind: bool) -> None:
        """Mark the open item as complete, and go on to the next."""
        self._go_on(
            lambda store, at, me, seconds: queue_work.save_item(store, at.item.id, me, seconds=seconds, blind=blind)
        )

    def skip(self) -> None:
        """Pass the open item over, and go on to the next."""
        self._go_on(lambda store, at, me, seconds: queue_work.skip_item(store, at.item.id, me, seconds=seconds))

    def go_on(self) -> None:
        """Leave the item on the desk as it is, and take the next one that waits."""
        queue_id, me, ahead = self._queue_id, self._worker, self._next
        if queue_id is not None:
            self._write(lambda store: _Outcome(_taken(store, queue_id, me, ahead), another=True))

    def take_up_skipped(self) -> None:
        """Let what this person has skipped wait again, and take the next item."""
        queue_id, me = self._queue_id, self._worker
        if queue_id is None:
            return

        def work(store: Store) -> _Outcome:
            queue_work.take_up_skipped(store, queue_id, me)
            return _Outcome(_taken(store, queue_id, me, None), another=True)

        self._write(work)

    def undo(self) -> None:
        """Take back this person's last act in the queue, and open the item that it was done to."""
        queue_id, me, at = self._queue_id, self._worker, self._open
        if queue_id is None:
            return

        def work(store: Store) -> _Outcome:
            done = queue_work.undo_last(store, queue_id, me)
            if done is None:
                raise InputError("There is nothing to take back in this queue")
            another = at is None or done.item_id != at.item.id or done.verb in ("save", "skip")
            return _Outcome(_read(store, get_item(store, done.item_id, me)), another=another)

        self._write(work)

    def _act(self, act: Callable[[Store, OpenItem, Worker, float], object]) -> None:
        at, me, seconds = self._open, self._worker, self._seconds
        if at is None:
            return

        def work(store: Store) -> _Outcome:
            act(store, at, me, seconds)
            return _Outcome(_read(store, get_item(store, at.item.id, me), at), another=False)

        self._write(work)

    def _go_on(self, act: Callable[[Store, OpenItem, Worker, float], object]) -> None:
        at, me, seconds, ahead = self._open, self._worker, self._seconds, self._next
        if at is None:
            return

        def work(store: Store) -> _Outcome:
            act(store, at, me, seconds)
            return _Outcome(_taken(store, at.item.queue_id, me, ahead), another=True)

        self._write(work)

    # -- writing

    def _write(self, work: Callable[[Store], _Outcome]) -> None:
        self._busy = True
        self._seconds = 0.0
        queue_id = self._queue_id

        def done(outcome: _Outcome) -> None:
            self._busy = self._late = False
            if queue_id == self._queue_id:
                self._take(outcome)
            self.ready.emit()

        def failed(error: Exception) -> None:
            self._busy = self._late = False
            if isinstance(error, StoreError):
                self._say_fault(error)
            elif isinstance(error, InputError):
                self.refused.emit(error)
                self.look()
            else:
                self.ready.emit()
                raise error
            self.ready.emit()

        self._late = not tasks.change(self, work, done, failed=failed).finished.wait(PATIENCE)

    def _take(self, outcome: _Outcome) -> None:
        self._say_fault(outcome.fault)
        self._open = outcome.item
        if outcome.another:
            self._pressed_at, self._next = time.monotonic(), None
            self.opened.emit(outcome.item)
            self._prefetch()
        else:
            self.changed.emit(outcome.item)
        if outcome.item is not None:
            annotation_events().judged.emit(outcome.item.detail.id, outcome.item.detail.human)
        self.look()

    def _say_fault(self, fault: StoreError | None) -> None:
        if (fault is None) != (self._fault is None) or fault is not None:
            self._fault = fault
            self.writable.emit(fault)

    def _prefetch(self) -> None:
        """Claim and read the item after the one on the desk."""
        queue_id, me, at = self._queue_id, self._worker, self._open
        if queue_id is None or at is None or self._fault is not None:
            return

        def work(store: Store) -> OpenItem | None:
            item = queue_work.next_item(store, queue_id, me, but=[at.item.id])
            return None if item is None else _read(store, item)

        def done(ahead: OpenItem | None) -> None:
            if self._open is at and queue_id == self._queue_id:
                self._next = ahead

        self._ahead = tasks.run(self, work, done, failed=_nothing, key="prefetch")

    def _stop_prefetching(self) -> None:
        """It claims an item: not of a queue that is left, and not after all has been given back."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None


def _taken(store: Store, queue_id: int, me: Worker, ahead: OpenItem | None) -> OpenItem | None:
    """The next item, claimed; `ahead`: what was read of it beforehand, perhaps."""
    item = queue_work.next_item(store, queue_id, me)
    return None if item is None else _read(store, item, ahead)


def _read(store: Store, item: QueueItem, known: OpenItem | None = None) -> OpenItem:
    """`item` with its trajectory: what models wrote is taken from `known` where that is of the same one."""
    trajectory_id = item.trajectory_id
    if known is None or known.detail.id != trajectory_id:
        detail = queries.trace(store, trajectory_id)
    else:
        said = human_first_errors(store, trajectory_id, trajectory_id)
        detail = replace(
            known.detail,
            annotations=annotations.current(store, trajectory_id),
            human=said.get(trajectory_id, UNKNOWN),
        )
    return OpenItem(item, detail, comments(store, trajectory_id))


def _nothing(_: object) -> None:
    """What is done with the outcome of work that may as well fail: a claim rests, and is given back after a while."""


def make(parent: QObject, spec: QueueSpec, done: Callable[[str], None], failed: Callable[[Exception], None]) -> None:
    """Make a queue under this user's name; `done` is called with the name that it has on every machine."""
    me = annotator_name()

    def work(store: Store) -> str:
        return make_queue(store, spec, me).uid

    tasks.change(parent, work, done, failed=failed)


def rename(parent: QObject, queue_id: int, name: str, done: Callable[[object], None]) -> None:
    """Give a queue another name."""
    tasks.change(parent, lambda store: queues.rename_queue(store, queue_id, name), done)


def delete(parent: QObject, queue_id: int, done: Callable[[object], None]) -> None:
    """Delete a queue. Judgements stay."""
    tasks.change(parent, lambda store: queues.delete_queue(store, queue_id), done)


def remembered() -> str:
    """The uid of the queue that was worked at last; empty: there was none."""
    return Settings().text("annotate.queue")


def remember(uid: str) -> None:
    """Open this queue the next time."""
    settings = Settings()
    settings.set_text("annotate.queue", uid)
    settings.save()
