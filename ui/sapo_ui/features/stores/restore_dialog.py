"""The backups of the store, and going back to one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from sapo_studio.readable import counted
from sapo_ui import format as fmt
from sapo_ui.services import stores, tasks
from sapo_ui.services.stores import Backup, Restored
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.list_dialog import ListDialog
from sapo_ui.wording import told


class RestoreDialog(ListDialog):
    """A list of backups, the latest first, and Go back, which asks."""

    restored = Signal(str)
    """What was done, as a sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.found: list[Backup] = []
        self.go = QPushButton("Go back to it\u2026")
        super().__init__("Restore the store", "Backups of the store", "Looking for backups", (self.go,), parent)
        self.go.setEnabled(False)
        self.go.clicked.connect(self.ask)
        self.list.currentRowChanged.connect(self._chosen)
        tasks.run(self, stores.list_backups, self._show, failed=self._failed)

    def _show(self, found: list[Backup]) -> None:
        self.found = found
        for one in found:
            holds = f"cannot be used: {one.fault}" if one.fault else counted(one.runs, "run")
            self.list.addItem(f"{one.date}, {holds}\n{one.path.name} \u00b7 {fmt.size(one.size)}")
        self.summary.setText(
            "Going back puts a checked copy in the store's place; the file of now is kept beside it. Folders of runs "
            "are left alone."
            if found
            else "There is no backup yet. An engine makes one every ten minutes, and Back up now does at once."
        )
        if found:
            self.list.setCurrentRow(0)

    def _chosen(self, row: int) -> None:
        self.go.setEnabled(0 <= row < len(self.found) and not self.found[row].fault)

    def ask(self) -> None:
        """Ask, then go back to the chosen one."""
        chosen = self.found[self.list.currentRow()]
        dialogs.ask(
            self,
            f"Go back to the store of {chosen.date}?",
            f"It holds {counted(chosen.runs, 'run')}. What came after it is no longer shown; the file of now is kept.",
            "Go back",
            lambda: self._restore(chosen),
        )

    def _restore(self, chosen: Backup) -> None:
        self.go.setEnabled(False)

        def done(result: Restored) -> None:
            kept = "" if result.aside is None else f" The file before is {result.aside.name}."
            self.restored.emit(f"The store is that of {chosen.date}.{kept}")
            self.accept()

        tasks.run(self, lambda store: stores.restore(store, chosen), done, failed=self._failed)

    def _failed(self, error: Exception) -> None:
        self._chosen(self.list.currentRow())
        self.trouble.say(told(error))
