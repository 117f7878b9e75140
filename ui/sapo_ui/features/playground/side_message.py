"""What stands in the place of a side's solutions where there are none: what is so, why, and what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import EmptyState

STOP = "Stop"
"""The one way that is nothing to be advised."""

Way = tuple[str, Callable[[], object]]
"""A button's text, and what it does."""


class SideMessage(QWidget):
    """A sign, a headline, a sentence, progress where something goes on, and buttons; the first is the usual one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = EmptyState()
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(220)
        self.progress.setAccessibleName("Loading")
        self.buttons: list[QPushButton] = []
        ways = QWidget()
        self._row = QHBoxLayout(ways)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.SPACE_2)
        self._row.addStretch(1)
        self._row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_2, 0, theme.SPACE_2, 0)
        column.addWidget(self.words)
        self.progress.hide()
        self.words.put_below(self.progress)
        self.words.put_below(ways)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # takes it over from what it stands in the place of

    def say(
        self, headline: str, text: str, sign: str = "", *, done: float | None = None, ways: Sequence[Way] = ()
    ) -> None:
        """Say this. `done`: how far something is, a fraction of 1."""
        self.setAccessibleName(f"{headline}. {text}")
        self.progress.setVisible(done is not None)
        if done is not None:
            self.progress.setValue(round(100 * done))
        self._offer(ways)
        self.words.say(headline, text, sign)

    def _offer(self, ways: Sequence[Way]) -> None:
        if [button.text() for button in self.buttons] == [words for words, _ in ways]:
            return
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        for at, (words, act) in enumerate(ways):
            button = QPushButton(words)
            button.setProperty("look", "primary" if at == 0 and words != STOP else "")
            button.setAutoDefault(False)
            button.clicked.connect(_without_argument(act))
            self._row.insertWidget(1 + at, button)
            self.buttons.append(button)


def _without_argument(act: Callable[[], object]) -> Callable[[bool], None]:
    def call(checked: bool = False) -> None:
        del checked
        act()

    return call
