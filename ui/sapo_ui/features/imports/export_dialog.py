"""Export: step labels of a run or an imported file in a format, and what that format cannot hold, before it is
written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.formats.registry import WRITTEN
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui.services import imports, tasks
from sapo_ui.services.imports import Target
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.saving import saving
from sapo_ui.wording import told

OF_A_RUN = (("People's", "human"), ("From rollouts", "rollouts"), ("The task's own truth", "oracle"))
OF_A_FILE = (("The file's own", "file"), ("People's, the file's elsewhere", "human"))


class ExportDialog(QDialog):
    """Counts in the background what would be written; does not block the window."""

    written = Signal(object)
    """(str) What was done, as a sentence."""

    def __init__(self, run: RunSummary, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Export {run.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 320)
        self._run = run
        self._asked: Target | None = None
        self._count = 0
        self.format = combo_box("Format", [(known.title, known.name) for known in WRITTEN])
        self.labels = combo_box("Labels", OF_A_FILE if run.imported else OF_A_RUN, "Whose labels of the steps")
        self.file = QLineEdit(str(folder / f"{run.id}.jsonl"))
        self.file.setAccessibleName("File")
        self.choose = QPushButton("Choose\u2026")
        self.choose.clicked.connect(self._choose)
        line = QHBoxLayout()
        line.addWidget(self.file, 1)
        line.addWidget(self.choose)
        form = QFormLayout()
        form.addRow("Format", self.format)
        form.addRow("Labels", self.labels)
        form.addRow("File", line)
        self.said = PlainLabel()
        self.said.setWordWrap(True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.said.setAccessibleName("What would be written")
        self.ok = QPushButton("Export")
        self.ok.setProperty("look", "primary")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.rejected.connect(self.reject)
        self.ok.clicked.connect(self._write)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.said, 1)
        column.addWidget(buttons)
        for box in (self.format, self.labels):
            box.currentIndexChanged.connect(self._look)
        self.file.textChanged.connect(self._enable)
        self._look()

    @property
    def target(self) -> Target:
        """What is to be written."""
        labels: imports.LabelSource = self.labels.currentData()
        return Target(self._run.id, str(self.format.currentData()), labels)

    def _look(self) -> None:
        target = self._asked = self.target
        self._count = 0
        self._enable()
        self.said.setText("Counting\u2026")
        tasks.run(
            self,
            lambda store: imports.preview(store, target),
            lambda found: self._looked(target, *found),
            failed=lambda error: self.said.setText(told(error)) if target is self._asked else None,
            key="preview",
        )

    def _looked(self, target: Target, count: int, lost: list[str]) -> None:
        if target is not self._asked:
            return
        self._count = count
        title = self.format.currentText()
        text = f"{counted(count, 'row')} would be written."
        if not count:
            text = "Nothing would be written: no solution has such labels."
        if lost:
            text += f"\n{title} cannot hold:\n" + "\n".join(f"\u2013 {one}" for one in lost)
        self.said.setText(text)
        self._enable()

    def _enable(self) -> None:
        self.ok.setEnabled(self._count > 0 and bool(self.file.text().strip()))

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Export to", self.file.text(), "JSON Lines (*.jsonl *.json);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.fileSelected.connect(self.file.setText)
        dialog.open()

    def _write(self) -> None:
        target, text = self.target, self.file.text().strip()
        self.setEnabled(False)

        def done(count: int) -> None:
            self.written.emit(f"Exported {counted(count, 'row')} to {text}.")
            saving().remember(user_path(text).parent)
            saving().tell(user_path(text))
            self.accept()

        def failed(error: Exception) -> None:
            self.setEnabled(True)
            self.said.setText(told(error))

        tasks.run(self, lambda store: imports.write(store, target, user_path(text)), done, failed=failed)
