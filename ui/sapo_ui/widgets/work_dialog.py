"""The ground of dialogs that have something done in the background: how far it is, what came of it, and a way to stop.

The window stays usable beside one. Esc and its last button end the work first, and close the dialog where none goes on.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.plain_text import PlainLabel

STEPS = 1000
"""Of the progress bar."""


class WorkDialog(QDialog):
    """`go`: the words on the button that begins; `said` and `progress`: what a screen reader calls the line and the
    bar."""

    def __init__(self, title: str, go: str, *, said: str, progress: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.said = PlainLabel()
        self.said.setWordWrap(True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.said.setAccessibleName(said)
        self.progress = QProgressBar()
        self.progress.setAccessibleName(progress)
        self.progress.setTextVisible(False)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # what stands below it stays where it is
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.trouble = Notice("bad")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.close_button = self.buttons.button(QDialogButtonBox.StandardButton.Cancel)
        self.close_button.setAutoDefault(False)
        self.ok = QPushButton(go)
        self.ok.setProperty("look", "primary")
        self.buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.rejected.connect(self.reject)

    @property
    def working(self) -> bool:
        """Whether something goes on that Esc is to end."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the work, and say so: the dialog stays."""
        raise NotImplementedError

    def abandon(self) -> None:
        """End the work: the dialog goes."""
        self.stop()

    def whole(self) -> QVBoxLayout:
        """The dialog's layout, to be filled from the top; the buttons are put below by who fills it."""
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        return column

    def put_below(self, column: QVBoxLayout) -> None:
        """Put what is said, the progress and the trouble into `column`, and room behind them."""
        column.addWidget(self.said)
        column.addWidget(self.progress)
        column.addWidget(self.trouble)
        column.addStretch(1)

    def beside(self, *fields: QWidget) -> QHBoxLayout:
        """Fill the dialog with two columns: `fields` on the left, what is said below them. Returns the row of both, to
        which who fills it adds the right one."""
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_3)
        for field in fields:
            left.addWidget(field)
        self.put_below(left)
        both = QHBoxLayout()
        both.setSpacing(theme.SPACE_4)
        both.addLayout(left)
        column = self.whole()
        column.addLayout(both, 1)
        column.addWidget(self.buttons)
        return both

    def show_waiting(self) -> None:
        """Something goes on, and nobody knows how far it is."""
        self.progress.setRange(0, 0)
        self.progress.show()

    def show_share(self, done: float) -> None:
        """How far it is, a fraction of 1."""
        self.progress.setRange(0, STEPS)
        self.progress.setValue(round(STEPS * done))

    def event(self, arg__1: QEvent) -> bool:
        done = super().event(arg__1)
        if arg__1.type() == QEvent.Type.LayoutRequest:
            self._keep_room()
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_room()

    def _keep_room(self) -> None:
        """Grow with what is said: Qt lets a window be lower than the lines of its wrapped texts."""
        layout = self.layout()
        if layout is None or not layout.hasHeightForWidth():
            return
        needed = min(layout.totalMinimumHeightForWidth(self.width()), self.screen().availableGeometry().height())
        if needed != self.minimumHeight():
            self.setMinimumHeight(needed)

    def reject(self) -> None:
        """Esc and the button end the work first, and close the dialog where there is none."""
        if self.working:
            self.stop()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.working:
            self.abandon()
        super().closeEvent(event)
