"""What the Store menu does: other data folders in windows of their own, a backup now, going back to one, the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget
from shiboken6 import isValid

from sapo_studio.errors import InputError, SapoError
from sapo_studio.store.db import Store
from sapo_ui.features.stores.restore_dialog import RestoreDialog
from sapo_ui.services import stores, tasks
from sapo_ui.services.stores import Backup
from sapo_ui.widgets import dialogs

if TYPE_CHECKING:
    from sapo_ui.features.engine.dialog import EngineDialog


class StoreActions(QObject):
    """`say` tells the user, `on_error` what went wrong; `on_change` is called when the store is another."""

    def __init__(
        self,
        window: QWidget,
        *,
        say: Callable[[str], object],
        on_error: Callable[[Exception], None],
        on_change: Callable[[], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._say = say
        self._on_error = on_error
        self._on_change = on_change
        self._engine: EngineDialog | None = None

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What to do for each action, by its id."""
        return {
            "store.new": self.new,
            "store.open": self.open,
            "store.recent": self.recent,
            "store.backup": self.back_up,
            "store.restore": self.restore,
            "store.engine": self.engine,
        }

    def new(self) -> QFileDialog:
        """Ask for a folder, and begin a store in it."""
        return self._choose("New data folder", self.open_new)

    def open(self) -> QFileDialog:
        """Ask for a folder with a store."""
        return self._choose("Open data folder", self.open_folder)

    def _choose(self, title: str, then: Callable[[Path], None]) -> QFileDialog:
        dialog = QFileDialog(self._window, title, str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)

        def chosen(name: str) -> None:
            then(Path(name))

        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def open_new(self, folder: Path) -> None:
        """Begin a store in a folder that has none."""
        if stores.holds_store(folder):
            why = "There is a store in it already."
            self._on_error(InputError(f"{folder} is no new data folder", why=why, fix="Open it, or choose another."))
        else:
            self._start(folder)

    def open_folder(self, folder: Path) -> None:
        """Open a folder that has a store, in a window of its own."""
        if stores.holds_store(folder):
            self._start(folder)
        else:
            fix = "Choose the folder with studio.db in it, or begin a new one."
            self._on_error(InputError(f"There is no store in {folder}", fix=fix))

    def _start(self, folder: Path) -> None:
        try:
            stores.open_window(folder)
        except (SapoError, OSError) as error:
            self._on_error(error)
        else:
            self._say(f"Opening {folder} in a window of its own.")

    def recent(self) -> QInputDialog | None:
        """Offer the data folders that were opened before."""
        found = stores.recent()
        if not found:
            dialogs.tell(self._window, "Recent data folders", "No other data folder has been opened yet.")
            return None
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle("Recent data folders")
        dialog.setLabelText("Open in a window of its own:")
        dialog.setComboBoxItems([str(folder) for folder in found])
        dialog.setOption(QInputDialog.InputDialogOption.UseListViewForComboBoxItems)
        dialog.textValueSelected.connect(self._chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _chosen(self, name: str) -> None:
        self.open_folder(Path(name))

    def back_up(self) -> None:
        """Make a backup now, and say so."""

        def done(result: tuple[Backup, str]) -> None:
            backup, said = result
            self._say(said or f"Backed up: {backup.summary}.")

        tasks.run(self._window, stores.back_up, done, failed=self._on_error, key="backup")

    def restore(self) -> RestoreDialog:
        """Show the backups."""
        dialog = RestoreDialog(self._window)
        dialog.restored.connect(self._restored)
        dialog.open()
        return dialog

    def check_engine(self) -> None:
        """Say where the engine was set up by another release than this one. Nobody is asked over the network."""

        def look(_: Store) -> InputError | None:
            from sapo_studio.app.engine_setup.standing import of_another_release  # not before the window is there

            return of_another_release()

        tasks.run(self._window, look, lambda fault: fault and self._on_error(fault), key="engine release")

    def engine(self) -> EngineDialog:
        """Show whether there is an engine, and offer to set one up. There is one such dialog at a time."""
        from sapo_ui.features.engine.dialog import EngineDialog  # only who sets one up pays for it

        if self._engine is None or not isValid(self._engine):
            self._engine = EngineDialog(self._window)
            self._engine.ready.connect(self._say)
        self._engine.show()
        self._engine.raise_()
        return self._engine

    def _restored(self, said: str) -> None:
        self._say(said)
        self._on_change()
