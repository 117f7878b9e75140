"""The strip above the panels: the run's phases and its headline numbers, folded to one line where height is dear."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from sapo_ui import theme
from sapo_ui.features.run_page.headline_card import Headline, HeadlineCard
from sapo_ui.features.run_page.phase_timeline import PhaseTimeline
from sapo_ui.theme import icons

WHOLE, FOLDED = 68, 28
"""Pixels of height."""


class Strip(QFrame):
    """Phases on the left, six numbers on the right."""

    fold_asked = Signal()
    """The user wants it folded, or whole again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.folded = False
        self.timeline = PhaseTimeline()
        self.cards = [HeadlineCard() for _ in range(6)]
        line = QFrame()
        line.setProperty("look", "upright")
        line.setFixedWidth(1)
        self.fold = QToolButton()
        self.fold.setFixedSize(24, 24)
        self.fold.setStyleSheet("padding: 0;")
        self.fold.clicked.connect(self.fold_asked)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_1, 0)
        row.setSpacing(theme.SPACE_3)
        row.addWidget(self.timeline, 42)
        row.addWidget(line)
        numbers = QHBoxLayout()
        numbers.setSpacing(theme.SPACE_2)
        for card in self.cards:
            numbers.addWidget(card, 1)
        row.addLayout(numbers, 68)
        row.addWidget(self.fold)
        theme.on_change(self, self._restyle)
        self.set_folded(False)

    def show_headlines(self, headlines: Sequence[Headline]) -> None:
        """Show these six."""
        for card, headline in zip(self.cards, headlines, strict=True):
            card.show_headline(headline)

    def set_folded(self, folded: bool) -> None:
        """Show one line, or everything."""
        self.folded = folded
        self.setFixedHeight(FOLDED if folded else WHOLE)
        self.timeline.set_folded(folded)
        self._row.setStretch(0, 16 if folded else 42)
        for card in self.cards:
            card.set_folded(folded)
        name = "Unfold phases and numbers" if folded else "Fold phases and numbers"
        self.fold.setAccessibleName(name)
        self.fold.setToolTip(f"{name} (Ctrl+T)")
        self._restyle()

    def _restyle(self) -> None:
        self.fold.setIcon(icons.icon("chevron-down" if self.folded else "chevron-up", theme.current().muted))
