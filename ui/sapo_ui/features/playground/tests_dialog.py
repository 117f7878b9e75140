"""What a program is to hold to: a statement a line."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import label


class TestsDialog(QDialog):
    """It deletes itself once it is closed."""

    __test__ = False  # no test of pytest's

    given = Signal(object)
    """(tests: tuple[str, ...])"""

    def __init__(self, tests: tuple[str, ...], own: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Tests of the program")
        self.resize(560, 320)
        said = "Python statements, one a line, such as: assert double(2) == 4. They run in the sandbox."
        if own:
            said += " Empty: the question's own tests."
        self.field = QPlainTextEdit("\n".join(tests))
        self.field.setFont(theme.font("mono_small"))
        self.field.setAccessibleName("Tests, a statement a line")
        self.field.setTabChangesFocus(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._give)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(label(said, "body", "muted", wrap=True))
        column.addWidget(self.field, 1)
        column.addWidget(buttons)
        self.finished.connect(self.deleteLater)

    def _give(self) -> None:
        self.given.emit(tuple(line for line in self.field.toPlainText().splitlines() if line.strip()))
        self.accept()
