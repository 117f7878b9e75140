"""The one way to do something outside the GUI thread.

`run(parent, work, done)` calls `work(store)` in a pool thread, with that thread's own Store, and then `done(result)` on
the GUI thread, unless `parent` has been destroyed or the task cancelled in between. Nothing else in the window starts a
thread, but for the poller, which keeps one connection of its own.

What a person does to the store goes through `change`: one after the other, in the order that it was done. A reading of
the same parent that has a key then never shows how things were before: one that had begun is done again.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from sapo_studio.errors import RunGone, StoreError
from sapo_studio.store.db import Store

T = TypeVar("T")
Key = tuple[int, str]
THREADS = 2
CHANGE = "\0change"
"""The key of all changes of a parent."""


@dataclass(eq=False)
class Task:
    """A piece of work that was handed in. `cancel` may be called at any time on the GUI thread."""

    work: Callable[[Store], Any]
    parent: weakref.ref[QObject]
    done: Callable[[Any], object] | None
    failed: Callable[[Exception], object] | None
    key: Key | None
    result: Any = None
    error: Exception | None = None
    cancelled: bool = False
    running: bool = False
    stale: bool = False
    """Something was changed since it began: what it has read is how things were."""
    finished: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Make sure that no callback of this task will be called any more; skip the work if it has not begun."""
        self.done = self.failed = None
        self.cancelled = True


class _Courier(QObject):
    """Lives on the GUI thread; pool threads hand it finished tasks."""

    arrived = Signal(object)


class Pool:
    """A few threads, each with its own Store on `path` (None: the usual place), opened when first needed.

    `on_error` receives what nobody else takes: the error of a task that has no `failed` callback.
    """

    def __init__(self, path: Path | None = None, *, threads: int = THREADS) -> None:
        self.path = path
        self.on_error: Callable[[Exception], None] | None = None
        self._waiting: deque[Task] = deque()
        self._latest: dict[Key, Task] = {}
        self._busy: set[Key] = set()
        self._begun: list[Task] = []  # those with a key that have begun and are not delivered
        self._running = 0
        self._wake = threading.Condition()
        self._closing = False
        self._courier = _Courier()
        self._courier.arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._threads = [
            threading.Thread(target=self._serve, name=f"sapo-task-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def run(
        self,
        parent: QObject,
        work: Callable[[Store], T],
        done: Callable[[T], object],
        *,
        failed: Callable[[Exception], object] | None = None,
        key: str = "",
        keep_running: bool = False,
    ) -> Task:
        """Hand in `work`. See the module's docstring, and `run` for the arguments."""
        named = (id(parent), key) if key else None
        task = Task(work, weakref.ref(parent), done, failed, named)
        with self._wake:
            if self._closing:
                task.cancel()
                return task
            if named is not None:
                older = self._latest.get(named)
                if older is not None and not (older.running and keep_running):
                    older.cancel()
                self._latest[named] = task
            self._waiting.append(task)
            self._wake.notify()
        return task

    def change(
        self,
        parent: QObject,
        work: Callable[[Store], T],
        done: Callable[[T], object],
        *,
        failed: Callable[[Exception], object] | None = None,
    ) -> Task:
        """Hand in what changes something. See `change`."""
        task = Task(work, weakref.ref(parent), done, failed, (id(parent), CHANGE))
        with self._wake:
            if self._closing:
                task.cancel()
                return task
            self._waiting.append(task)
            self._wake.notify()
        self.overtake(parent)
        return task

    def overtake(self, parent: QObject) -> None:
        """See `overtake`."""
        with self._wake:
            for task in self._begun:
                if task.key is not None and task.key[0] == id(parent) and task.key[1] != CHANGE:
                    task.stale = True

    def close(self, timeout: float = 10.0) -> bool:
        """Drop what waits, let what runs come to its end, close every Store. True when no thread is left."""
        with self._wake:
            self._closing = True
            for task in self._waiting:
                task.cancel()
            self._waiting.clear()
            for task in self._latest.values():
                task.cancel()
            self._latest.clear()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout)
        self._courier.arrived.disconnect(self._deliver)
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs. (Results may still be on their way to the GUI thread.)"""
        with self._wake:
            return self._running == 0 and all(task.cancelled for task in self._waiting)

    def _next(self) -> Task | None:
        """The next task that may run: at most one a key at a time, so that results of a key arrive in order, and no
        reading while something of its parent is to be changed."""
        with self._wake:
            while True:
                changing = {owner for owner, name in self._busy if name == CHANGE}
                changing |= {task.key[0] for task in self._waiting if task.key is not None and task.key[1] == CHANGE}
                for task in list(self._waiting):
                    if task.cancelled:
                        self._waiting.remove(task)
                    elif task.key is None or (
                        task.key not in self._busy and (task.key[1] == CHANGE or task.key[0] not in changing)
                    ):
                        self._waiting.remove(task)
                        task.running = True
                        self._running += 1
                        if task.key is not None:
                            self._busy.add(task.key)
                            self._begun.append(task)
                        return task
                if self._closing:
                    return None
                self._wake.wait()

    def _serve(self) -> None:
        store: Store | None = None
        create = True
        try:
            while (task := self._next()) is not None:
                try:
                    if store is not None and not _usable(store):
                        store.close()
                        store = None
                    if store is None:
                        store = Store.open(self.path, create=create, checkpointer=False)
                        create = False  # if it goes, an empty one is no substitute
                    task.result = task.work(store)
                except Exception as error:
                    task.error = error
                closing = self._closing
                if not closing:
                    # Before the key is free: the next result of the key must not be on its way sooner.
                    self._courier.arrived.emit(task)
                with self._wake:
                    self._running -= 1
                    if task.key is not None:
                        self._busy.discard(task.key)
                        self._wake.notify_all()
                task.finished.set()
                if closing:
                    break
        finally:
            if store is not None:
                store.close()

    def _deliver(self, task: Task) -> None:
        if task.key is not None:
            with self._wake:
                self._begun.remove(task)
            latest = self._latest.get(task.key, task) is task
            if latest:
                self._latest.pop(task.key, None)
        else:
            latest = True
        parent = task.parent()
        if task.cancelled or parent is None or not isValid(parent):
            return
        if task.stale:
            if latest:
                self._again(task)
            return
        done, failed = task.done, task.failed
        task.done = task.failed = None
        if task.error is None:
            if done is not None:
                done(task.result)
        elif failed is not None:
            failed(task.error)
        else:
            self.tell(task.error)

    def _again(self, task: Task) -> None:
        """Read once more what was read before something was changed."""
        task.result = task.error = None
        task.running = task.stale = False
        task.finished.clear()
        with self._wake:
            if task.key is None or self._closing:
                return
            self._latest[task.key] = task
            self._waiting.append(task)
            self._wake.notify()

    def tell(self, error: Exception) -> None:
        """Hand an error that nobody else takes to `on_error`."""
        if self.on_error is None:
            raise error
        self.on_error(error)


def _usable(store: Store) -> bool:
    """Whether the connection still leads to the file that others see, as they see it, and can write."""
    if store.only_reading is not None:
        return False
    before = store.changed_at
    try:
        store.check_place()
    except StoreError:
        return False
    return store.changed_at == before


_pool: Pool | None = None


def start(path: Path | None = None) -> Pool:
    """Begin the program's pool, on the store at `path`. Ends the one before it."""
    global _pool
    stop()
    _pool = Pool(path)
    return _pool


def stop() -> bool:
    """End the program's pool. True when no thread of it is left."""
    global _pool
    ending, _pool = _pool, None
    return ending.close() if ending is not None else True


def pool() -> Pool:
    """The program's pool; begun on first use."""
    return _pool if _pool is not None else start()


def run(
    parent: QObject,
    work: Callable[[Store], T],
    done: Callable[[T], object],
    *,
    failed: Callable[[Exception], object] | None = None,
    key: str = "",
    keep_running: bool = False,
) -> Task:
    """Call `work(store)` in the background and `done(result)` on the GUI thread, while `parent` lives.

    `failed` is called with the error if `work` raises; without it the main window shows the error. Of several tasks
    with the same `key` (of the same parent) the latest wins: an earlier one that waits is dropped, one that runs is not
    delivered. With `keep_running` one that runs is delivered all the same, and this one after it: use it for periodic
    refreshes, which would starve otherwise. A task with a key only reads: it may be done twice (see `change`).
    """
    return pool().run(parent, work, done, failed=failed, key=key, keep_running=keep_running)


def change(
    parent: QObject,
    work: Callable[[Store], T],
    done: Callable[[T], object],
    *,
    failed: Callable[[Exception], object] | None = None,
) -> Task:
    """`run` for what a person does to the store. Changes of a parent are made one after the other, in the order that
    they were handed in, and none is dropped for a later one.

    What the parent shows at once, before the store has it, stays: its readings with a key wait for the change, and what
    one that has begun already finds is not delivered, but read again.
    """
    return pool().change(parent, work, done, failed=failed)


def overtake(parent: QObject) -> None:
    """What `parent` has been told is newer than what it is reading at the moment with a key: that is read again."""
    pool().overtake(parent)


def write(
    parent: QObject, work: Callable[[], object], done: Callable[[], object], failed: Callable[[Exception], object]
) -> Task:
    """`run` for what writes a file and needs no store (`Saving.use`)."""
    return run(parent, lambda _: work(), lambda _: done(), failed=failed)


def follow(parent: QObject, work: Callable[[Store], T], done: Callable[[T], None], *, key: str) -> Task:
    """`run` for what is shown of a run and read again as it changes: each reading is delivered, and a run that was
    deleted meanwhile is no error, as the list of runs says so already."""

    def failed(error: Exception) -> None:
        if not isinstance(error, RunGone):
            pool().tell(error)

    return run(parent, work, done, failed=failed, key=key, keep_running=True)
