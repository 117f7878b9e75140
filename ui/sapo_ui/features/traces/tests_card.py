"""A program's tests: run on demand, the failing ones opened with what was got instead."""

from __future__ import annotations

import re

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.services.program_tests import RunTest, RunTests
from sapo_ui.theme import glyphs
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import breakable
from sapo_ui.wording import told

GOT = re.compile(r"^(?P<what>.*) \(got (?P<got>.*)\)$", re.DOTALL)
"""How the sandbox tells what an assertion compared."""

MOST_HEIGHT = 200


class _Sign(QWidget):
    def __init__(self, passed: bool) -> None:
        super().__init__()
        self._passed = passed
        self.setFixedSize(18, 18)
        self.setAccessibleName("passed" if passed else "failed")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        name, tone = ("check", look.good) if self._passed else ("close", look.bad)
        glyphs.paint(QPainter(self), name, tone, QRectF(1, 2.5, 13, 13))


class _Row(QFrame):
    """One test; one that failed says what was got."""

    def __init__(self, result: RunTest, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.result = result
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(2)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(_Sign(result.passed), 0, Qt.AlignmentFlag.AlignTop)
        text = ElidedLabel(theme.font("mono_small"))
        text.set_text(" ".join(result.test.split()))
        top.addWidget(text, 1)
        column.addLayout(top)
        if not result.passed:
            self.setProperty("look", "banner-bad")
            found = GOT.match(result.reason)
            self.told = label(
                breakable(f"returned {found['got']}" if found else result.reason), "mono_small", wrap=True
            )
            self.told.setContentsMargins(22, 0, 0, 0)
            column.addWidget(self.told)


class ProgramTests(QWidget):
    """Asks for the tests to be run; shows what came of it."""

    run_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[_Row] = []
        self.at = -1
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE_2)
        head.addWidget(label("Tests", "strong"))
        self.said = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        head.addWidget(self.said, 1)
        self.run = QPushButton()
        self.run.setProperty("look", "link")
        self.run.setFont(theme.font("small"))
        self.run.setAutoDefault(False)
        self.run.setToolTip("Run every test by itself in the sandbox (t)")
        self.run.clicked.connect(self.run_asked)
        head.addWidget(self.run)
        column.addLayout(head)
        inside = QWidget()
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 4, 0)
        self._list.setSpacing(4)
        self._list.addStretch(1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setMaximumHeight(MOST_HEIGHT)
        self.area.setWidget(inside)
        column.addWidget(self.area)
        self.clear()

    def clear(self) -> None:
        """No test has been run yet."""
        self._fill(())
        self.said.set_text("which of them fail is not kept with the run")
        self.run.setText("Run the tests")
        self.run.setEnabled(True)

    def say_running(self) -> None:
        """They are being run."""
        self.said.set_text("running in the sandbox")
        self.run.setEnabled(False)

    def show_results(self, results: RunTests) -> None:
        """Show these."""
        failing = sum(not one.passed for one in results.tests)
        self.said.set_text(f"{failing} of {len(results.tests)} fail \u00b7 {results.limits}")
        self.run.setText("Run again")
        self.run.setEnabled(True)
        self._fill(results.tests)

    def show_error(self, error: Exception) -> None:
        """They could not be run."""
        self._fill(())
        self.said.set_text(told(error))
        self.run.setText("Run the tests")
        self.run.setEnabled(True)

    def next_failing(self) -> bool:
        """Bring the next test that failed into view. False where none has been run."""
        failing = [at for at, row in enumerate(self.rows) if not row.result.passed]
        if failing:
            self.at = next((at for at in failing if at > self.at), failing[0])
            self.area.ensureWidgetVisible(self.rows[self.at], 0, 4)
        return bool(self.rows)

    def _fill(self, tests: tuple[RunTest, ...]) -> None:
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows, self.at = [_Row(one) for one in tests], -1
        for at, row in enumerate(self.rows):
            self._list.insertWidget(at, row)
        self.area.setVisible(bool(tests))
