"""What a person writes down about a run: a note and tags."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from sapo_studio.store import queries
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.services import run_keeping, tasks
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.wording import told


class NotesDialog(QDialog):
    """Saved by OK; what is wrong is said in the dialog, and what was typed stays."""

    saved = Signal()

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id = run.id
        self.setWindowTitle(f"Notes and tags: {run.name}")
        self.resize(480, 360)
        self.notes = QPlainTextEdit(run.notes)
        self.notes.setTabChangesFocus(True)
        self.notes.setAccessibleName("Note")
        self.notes.setPlaceholderText("What is to be remembered about this run")
        self.tags = QLineEdit(", ".join(run.tags))
        self.tags.setAccessibleName("Tags, with commas between them")
        self.tags.setPlaceholderText("paper, seed 3")
        self.trouble = Notice("bad")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.save)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(label("Note", "strong"))
        column.addWidget(self.notes, 1)
        column.addWidget(label("Tags, with commas", "strong"))
        column.addWidget(self.tags)
        column.addWidget(self.trouble)
        column.addWidget(self.buttons)
        self.finished.connect(self.deleteLater)
        tasks.run(self, lambda store: queries.get_run(store, run.id), self._take, failed=self._failed, key="run")

    def _take(self, run: RunSummary) -> None:
        """What is kept now, which another window, or this one a moment ago, may have changed since it was shown."""
        if not self.notes.document().isModified() and self.notes.toPlainText() != run.notes:
            self.notes.setPlainText(run.notes)
        if not self.tags.isModified():
            self.tags.setText(", ".join(run.tags))

    def save(self) -> None:
        """Write both down, and close."""
        tags = [tag for part in self.tags.text().split(",") if (tag := part.strip())]
        notes = self.notes.toPlainText()
        self.setEnabled(False)  # what were typed from here on would be lost

        def done(_: None) -> None:
            self.saved.emit()
            self.accept()

        def failed(error: Exception) -> None:
            self.setEnabled(True)
            self._failed(error)

        run_id = self._run_id
        tasks.change(self, lambda store: run_keeping.write_down(store, run_id, notes, tags), done, failed=failed)

    def _failed(self, error: Exception) -> None:
        self.trouble.say(told(error))
