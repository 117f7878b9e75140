"""Keeping solutions of the playground as traces, one write after another in the background, and the queue to judge
them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from sapo_studio.app.playground.keeping import Kept, Word, Written, keep_trace
from sapo_studio.app.playground.to_annotate import queue_of_kept
from sapo_studio.errors import InputError
from sapo_studio.requests.play import Side
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotator_name
from sapo_ui.services.unfinished import unfinished


@dataclass(frozen=True, slots=True)
class KeptSolution:
    """A solution that lies in the store now: in the imported file that is called `where`."""

    side: Side
    solution: str
    word: Word
    kept: Kept
    where: str


class SolutionKeeper(QObject):
    """Keeps under this user's name. The window does not close before what was pressed is kept."""

    kept = Signal(object)
    """(KeptSolution)"""
    refused = Signal(object)
    """(Exception) A solution could not be kept, or no queue be made."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.words: dict[str, Word] = {}
        """Solutions that are kept, and as what."""
        self._waiting: list[tuple[Side, Written, Word]] = []
        self._busy = False

    def keep(self, side: Side, written: Written, word: Word) -> None:
        """Keep a solution of a side as a good or a bad trace. What is pressed last stands."""
        self._waiting.append((side, written, word))
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        unfinished().begin(self)
        side, written, word = self._waiting.pop(0)
        me, solution = annotator_name(), written.solution.solution

        def work(store: Store) -> KeptSolution:
            kept = keep_trace(store, written, word, me)
            return KeptSolution(side, solution, word, kept, queries.get_run(store, kept.run_id).name)

        tasks.run(self, work, self._done, failed=self._failed)

    def _done(self, kept: KeptSolution) -> None:
        self.words[kept.solution] = kept.word
        self.kept.emit(kept)
        self._go_on()

    def _failed(self, error: Exception) -> None:
        unfinished().lost += not isinstance(error, InputError)  # of that, there is nothing to keep
        self.refused.emit(error)
        self._go_on()

    def _go_on(self) -> None:
        self._busy = False
        self._next()
        if not self._busy:
            unfinished().end(self)

    def prepare_queue(self, kept: KeptSolution, ready: Callable[[str], object]) -> None:
        """Have a queue that what was kept can be judged in; `ready` is called with its uid."""
        me = annotator_name()

        def done(uid: str) -> None:
            ready(uid)

        tasks.run(self, lambda store: queue_of_kept(store, kept.kept.run_id, me).uid, done, failed=self.refused.emit)
