"""The bin: runs that were thrown away, the space that they take, and the way back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from sapo_studio.store.db import Store
from sapo_ui import format as fmt
from sapo_ui.services import run_keeping, tasks
from sapo_ui.services.run_keeping import BinnedRun
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.list_dialog import ListDialog
from sapo_ui.wording import told


class BinDialog(ListDialog):
    """A list, Restore, and Empty, which asks."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.found: list[BinnedRun] = []
        self._leaving: set[str] = set()  # they are listed until the bin is read again: a second press means nothing
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Put the run back into the list (Enter)")
        self.empty = QPushButton("Empty the bin\u2026")
        self.empty.setToolTip("Delete all of them for good")
        buttons = (self.restore, self.empty)
        super().__init__("Bin", "Runs in the bin", "Looking into the bin", buttons, parent)
        self.restore.clicked.connect(self.put_back)
        self.empty.clicked.connect(self.ask_to_empty)
        self.list.itemActivated.connect(self.put_back)
        self._show([])
        self.read()

    def read(self) -> None:
        """Look into the bin, in the background: the sizes are those of all files."""
        tasks.run(self, run_keeping.bin_contents, self._show, failed=self._failed, key="read")

    def _show(self, found: list[BinnedRun]) -> None:
        row = max(0, self.list.currentRow())
        current = self.found[row].run_id if row < len(self.found) else ""
        self.found, self._leaving = found, set()
        self.list.clear()
        for one in found:
            facts = " \u00b7 ".join((one.run_id, fmt.size(one.bytes), fmt.relative(one.binned_at)))
            self.list.addItem(f"{one.name}\n{facts}")
        if found:
            ids = [one.run_id for one in found]
            self.list.setCurrentRow(ids.index(current) if current in ids else min(row, len(ids) - 1))
        total = fmt.size(sum(one.bytes for one in found))
        self.summary.setText(
            f"Emptying the bin frees {total} of files; in the store it leaves room for the next runs. Until then "
            "everything is still there."
            if found
            else "The bin is empty. Del on a run puts it here."
        )
        self.restore.setEnabled(bool(found))
        self.empty.setEnabled(bool(found))

    def put_back(self) -> None:
        """Restore the current run."""
        row = self.list.currentRow()
        run_id = self.found[row].run_id if 0 <= row < len(self.found) else None
        if run_id is not None and run_id not in self._leaving:
            self._leaving.add(run_id)
            self._act(lambda store: run_keeping.take_from_bin(store, run_id))

    def ask_to_empty(self) -> None:
        """Ask, then delete all of them."""
        asked = [one.run_id for one in self.found]  # and nothing that comes in while it is asked
        total = fmt.size(sum(one.bytes for one in self.found))
        count = "1 run" if len(self.found) == 1 else f"{len(self.found)} runs"
        dialogs.ask(
            self,
            f"Delete {count} for good?",
            f"Trajectories, scores, labels, annotations and checkpoints go; {total} of files are free again, and the "
            "store has room for the next runs. This cannot be undone.",
            "Empty the bin",
            lambda: self._act(lambda store: run_keeping.empty_bin(store, asked)),
        )

    def _act(self, work: Callable[[Store], None]) -> None:
        self.trouble.say("")

        def done(_: None) -> None:
            self.changed.emit()
            self.read()

        def failed(error: Exception) -> None:
            self._failed(error)
            self.read()

        tasks.change(self, work, done, failed=failed)

    def _failed(self, error: Exception) -> None:
        self.trouble.say(told(error))
