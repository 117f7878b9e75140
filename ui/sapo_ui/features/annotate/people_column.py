"""Agreement and gold items, one below the other, in a column that scrolls where it is too low."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.app.annotation.agreement import People
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import theme
from sapo_ui.features.annotate.agreement_card import AgreementCard
from sapo_ui.features.annotate.gold_card import GoldCard

WIDTH = 276


class PeopleColumn(QScrollArea):
    """Knows no store: it is told what there is."""

    wrong_asked = Signal(object)
    """(name: str) Show the gold items that this person judged wrongly."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFixedWidth(WIDTH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Agreement and gold items")
        self.agreement, self.gold = AgreementCard(), GoldCard()
        self.gold.asked.connect(self.wrong_asked)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.agreement)
        column.addWidget(self.gold)
        column.addStretch(1)
        self.setWidget(inside)

    def show_people(self, queue: QueueInfo | None, people: People) -> None:
        """Show what the people of a queue say together."""
        self.agreement.show_agreement(people.agreement)
        self.gold.show_scores(queue, people.gold)
