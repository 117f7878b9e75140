"""Working at the conflicts of a queue: what there is, resolving one, and taking that back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from sapo_studio.app.annotation.agreement import People, open_conflicts, people_of
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import queries, resolutions
from sapo_studio.store.comments import comments
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.queue_progress import done_with
from sapo_studio.store.records import UNKNOWN, CommentInfo, TraceDetail
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotation_events, annotator_name
from sapo_ui.services.unfinished import unfinished


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is known of the trajectory of a conflict."""

    detail: TraceDetail
    comments: list[CommentInfo]


@dataclass(frozen=True)
class Resolving:
    """What is to hold: judgements by step, which of them were filled in, whose they are ('': the resolver's own), and
    why."""

    trajectory_id: int
    judgements: Mapping[int, int]
    filled: frozenset[int]
    taken: str
    why: str


class ConflictDesk(QObject):
    """One person at the conflicts of one queue. Acts are written one after the other; none may come while `busy`."""

    looked = Signal(object)
    """(People) The queue as it is now."""

    counted = Signal(object)
    """(int) How many conflicts are open, where that was all that was asked for."""

    opened = Signal(object)
    """(Evidence) What `open` asked for."""

    kept = Signal(object)
    """(trajectory id: int) It was resolved, or its resolution taken back."""

    refused = Signal(object)
    """(InputError | StoreError) What was asked for was not done."""

    ready = Signal()
    """The last act is done; the next one may come."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue_id: int | None = None
        self._people: People | None = None
        self._opening: int | None = None
        self._busy = False
        self.done = frozenset[int]()
        """The items that this user is done with, by id: of the others nothing is open that might sway them."""

    @property
    def busy(self) -> bool:
        """Whether an act is still being written."""
        return self._busy

    def show_queue(self, queue_id: int | None) -> None:
        """Work at this queue; nothing is read yet."""
        self._queue_id, self._people, self.done = queue_id, None, frozenset()

    def count(self) -> None:
        """Count the open conflicts: agreement takes longer, and is reckoned where somebody looks at it."""
        queue_id = self._queue_id
        if queue_id is None:
            return

        def done(found: int) -> None:
            if queue_id == self._queue_id:
                self.counted.emit(found)

        tasks.run(self, lambda store: open_conflicts(store, queue_id), done, key="count")

    def look(self) -> None:
        """Read the queue again."""
        queue_id, known = self._queue_id, self._people
        if queue_id is None:
            return

        me = annotator_name()

        def done(found: tuple[People, frozenset[int]]) -> None:
            self._take(queue_id, *found)

        tasks.run(self, lambda store: _look(store, queue_id, me, known), done, key="look", keep_running=True)

    def open(self, trajectory_id: int) -> None:
        """Read what is known of a trajectory."""
        self._opening = trajectory_id

        def work(store: Store) -> Evidence:
            return Evidence(queries.trace(store, trajectory_id), comments(store, trajectory_id))

        def done(evidence: Evidence) -> None:
            if self._opening == trajectory_id:
                self.opened.emit(evidence)

        tasks.run(self, work, done, failed=self._failed, key="open")

    def resolve(self, asked: Resolving) -> None:
        """Keep this as what holds, under this user's name."""
        me = annotator_name()

        def work(store: Store) -> int:
            resolutions.resolve(
                store,
                asked.trajectory_id,
                me,
                asked.judgements,
                filled=asked.filled,
                taken=asked.taken,
                why=asked.why,
            )
            return asked.trajectory_id

        self._write(work)

    def undo(self) -> None:
        """Take back this user's last resolution in the queue."""
        queue_id, me = self._queue_id, annotator_name()
        if queue_id is None:
            return

        def work(store: Store) -> int:
            trajectory_id = resolutions.undo_resolution(store, queue_id, me)
            if trajectory_id is None:
                raise InputError("There is no resolution of yours to take back in this queue")
            return trajectory_id

        self._write(work)

    def _write(self, act: Callable[[Store], int]) -> None:
        queue_id, known = self._queue_id, self._people
        if self._busy or queue_id is None:
            return
        self._busy = True
        unfinished().begin(self)
        me = annotator_name()

        def work(store: Store) -> tuple[int, int, tuple[People, frozenset[int]]]:
            trajectory_id = act(store)
            human = human_first_errors(store, trajectory_id, trajectory_id).get(trajectory_id, UNKNOWN)
            return trajectory_id, human, _look(store, queue_id, me, known)

        def done(found: tuple[int, int, tuple[People, frozenset[int]]]) -> None:
            self._busy = False
            unfinished().end(self)
            trajectory_id, human, looked = found
            annotation_events().judged.emit(trajectory_id, human)
            self._take(queue_id, *looked)
            self.kept.emit(trajectory_id)
            self.ready.emit()

        def failed(error: Exception) -> None:
            self._busy = False
            unfinished().lost += isinstance(error, StoreError)
            unfinished().end(self)
            self._failed(error)
            self.ready.emit()

        tasks.change(self, work, done, failed=failed)

    def _take(self, queue_id: int, people: People, done: frozenset[int]) -> None:
        if queue_id == self._queue_id:
            self._people, self.done = people, done
            self.looked.emit(people)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, InputError | StoreError):
            raise error
        self.refused.emit(error)
        self.look()


def _look(store: Store, queue_id: int, me: str, known: People | None) -> tuple[People, frozenset[int]]:
    return people_of(store, queue_id, known), done_with(store, queue_id, me)
