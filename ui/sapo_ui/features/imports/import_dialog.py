"""Import file: what a file is taken for, what would be kept of it and what not, before it is taken in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.imports.take_in import AUTO, Imported, Look, name_of
from sapo_studio.formats.registry import IMPORTED
from sapo_studio.readable import counted
from sapo_ui import theme
from sapo_ui.services import imports, tasks
from sapo_ui.services.imports import Wanted
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.name_field import NameField
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.spin_boxes import share_box
from sapo_ui.wording import told

SHOWN = 200
"""Refused rows that are listed."""
THRESHOLD = "math_aps"
"""The format whose labels a threshold decides."""


class ImportDialog(QDialog):
    """Looks into the file in the background, and again when a choice changes; does not block the window."""

    imported = Signal(object)
    """(Imported) The file was taken in."""

    def __init__(self, file: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import file")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 440)
        self._file = file
        self._asked: Wanted | None = None
        self._kept = 0
        self.file = ElidedLabel(theme.font("body"))
        self.file.set_text(str(file))
        self.name = NameField("Name", name_of(file))
        self.format = combo_box(
            "Format", [("Recognize it", AUTO), *((known.title, known.name) for known in IMPORTED)], "What it is read as"
        )
        self.threshold = share_box("Threshold", 0.05, 3)
        self.threshold.setToolTip("A step is correct where its value is above this")
        self.keep_odd = QCheckBox("Keep rows whose labels do not fit their steps")
        self.keep_odd.setToolTip("What does not fit is left without a label")
        self.form = QFormLayout()
        self.form.addRow("File", self.file)
        self.form.addRow("Name", self.name)
        self.form.addRow("Format", self.format)
        self.form.addRow("Correct above", self.threshold)
        self.form.addRow("", self.keep_odd)
        self.said = PlainLabel()
        self.said.setWordWrap(True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.said.setAccessibleName("What would be imported")
        self.refused = QPlainTextEdit()
        self.refused.setReadOnly(True)
        self.refused.setTabChangesFocus(True)
        self.refused.setAccessibleName("Refused rows")
        self.refused.setFont(theme.font("small"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ok = QPushButton("Import")
        self.ok.setProperty("look", "primary")
        self.buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.rejected.connect(self.reject)
        self.ok.clicked.connect(self._take_in)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(self.form)
        column.addWidget(self.said)
        column.addWidget(self.refused, 1)
        column.addWidget(self.buttons)
        self.format.currentIndexChanged.connect(self._look)
        self.threshold.valueChanged.connect(self._look)
        self.keep_odd.toggled.connect(self._look)
        self.name.textChanged.connect(self._name_changed)
        self._show_threshold("")
        self._look()

    @property
    def wanted(self) -> Wanted:
        """The file, as it is to be read."""
        return Wanted(
            self._file, str(self.format.currentData()), self.threshold.value(), keep_odd=self.keep_odd.isChecked()
        )

    def _look(self) -> None:
        wanted = self._asked = self.wanted
        self.ok.setEnabled(False)
        self.said.setText("Reading\u2026")
        self.refused.clear()
        if wanted.format != AUTO:
            self._show_threshold(wanted.format)
        tasks.run(
            self,
            lambda _store: imports.look(wanted, lambda: self._asked is wanted),
            lambda found: self._looked(wanted, found),
            failed=lambda error: self._failed(wanted, error),
            key="look",
        )

    def _show_threshold(self, name: str) -> None:
        self.form.setRowVisible(self.threshold, name == THRESHOLD)

    def _looked(self, wanted: Wanted, found: Look) -> None:
        if wanted is not self._asked:
            return
        self._show_threshold(found.known.name)
        held = f"{counted(found.kept, 'row')} kept, with {counted(found.solutions, 'solution')}"
        self.said.setText(f"{found.known.title}: {held}; {counted(len(found.refused), 'row')} refused.")
        lines = [f"line {one.line}: {one.why}" for one in found.refused[:SHOWN]]
        more = len(found.refused) - SHOWN
        self.refused.setPlainText("\n".join([*lines, f"and {more:,} more"] if more > 0 else lines))
        self.refused.setVisible(bool(lines))
        self._kept = found.kept
        self._name_changed()

    def _name_changed(self) -> None:
        self.ok.setEnabled(self._kept > 0 and self.name.fits)

    def _failed(self, wanted: Wanted, error: Exception) -> None:
        if wanted is not self._asked:
            return
        self._kept = 0
        self.ok.setEnabled(False)
        self.said.setText(told(error))
        self.refused.hide()

    def _take_in(self) -> None:
        wanted, name = self.wanted, self.name.text().strip()
        self.setEnabled(False)
        self.said.setText("Importing\u2026")

        def failed(error: Exception) -> None:
            self.setEnabled(True)
            self._failed(wanted, error)

        self._asked = wanted
        tasks.run(self, lambda store: imports.take_in(store, wanted, name), self._taken_in, failed=failed)

    def _taken_in(self, found: Imported) -> None:
        self.imported.emit(found)
        self.accept()
