"""Search in trajectories, as the window does it: what is searched for, and the index that makes it quick."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QObject, Signal

from sapo_studio.errors import StoreError
from sapo_studio.store import text_search
from sapo_studio.store.db import Store
from sapo_ui.services import tasks


class SearchWords(QObject):
    """What the trace table is searched for, for whoever shows a trajectory from it."""

    changed = Signal(object)
    """(str)"""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""

    @property
    def text(self) -> str:
        """The words; empty while nothing is searched for."""
        return self._text

    def set_text(self, text: str) -> None:
        """Search for this."""
        if text != self._text:
            self._text = text
            self.changed.emit(text)


@cache
def search_words() -> SearchWords:
    """The program's."""
    return SearchWords()


class Indexing(QObject):
    """Takes the trajectories of one run into the search index, a few at a time, beside everything else. Until it is
    done, and where there can be no index, all is found without it, only slower.
    """

    progressed = Signal(object)
    """(float | None) The share that is done; None when there is nothing to do any more."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run_id: str | None = None
        self._most = 0

    def begin(self, run_id: str) -> None:
        """See to it that this run is indexed, as far as it has got."""
        if self._run_id != run_id:
            self._run_id, self._most = run_id, 0
            self._next(run_id)

    def stop(self) -> None:
        """Leave it at what is done."""
        self._run_id = None
        self.progressed.emit(None)

    def _next(self, run_id: str) -> None:
        def work(store: Store) -> tuple[int, int | None]:
            return text_search.to_index(store, run_id), text_search.index_run(store, run_id)

        def done(found: tuple[int, int | None]) -> None:
            if run_id != self._run_id:
                return
            before, left = found
            self._most = max(self._most, before)
            if not left:
                self.stop()
            else:
                self.progressed.emit(1 - left / self._most)
                self._next(run_id)

        def failed(error: Exception) -> None:
            self.stop()  # the store says it itself to whoever reads it next; the search does without
            if not isinstance(error, StoreError):
                tasks.pool().tell(error)

        tasks.run(self, work, done, failed=failed, key="index", keep_running=True)
