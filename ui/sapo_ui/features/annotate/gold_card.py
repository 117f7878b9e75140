"""How well each person judges the items whose first error is known, and which way they lean."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.domain.gold import GoldScore
from sapo_studio.domain.metrics import wilson
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import theme
from sapo_ui.features.annotate.person_names import short_name
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.point_bar import PointBar

NONE = "No gold items are mixed into this queue."
NOBODY = "Nobody has saved a gold item yet."


class PersonScore(QWidget):
    """One person: first errors named exactly, steps judged as known, a sentence where they lean, and a button that asks
    for what they judged wrongly."""

    asked = Signal(object)
    """(name: str) Show the gold items that this person judged wrongly."""

    def __init__(self, who: str, score: GoldScore) -> None:
        super().__init__()
        name = ElidedLabel(theme.font("body"))
        name.set_text(who)
        name.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        above = QHBoxLayout()
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(name, 1)
        above.addWidget(label(f"{score.exact:,} of {score.items:,}", "strong"))
        bar = PointBar()
        share = wilson(score.exact, score.items)
        bar.show_value(share.value, share.low, share.high)
        told = f"first error exact {score.exact:,} of {score.items:,}"
        compared = score.sound + score.faulty
        steps = f"steps {score.steps_right:,} of {compared:,}"
        self.bias = Notice()
        self.bias.say(score.bias(short_name(who)), f"Exact two-sided McNemar test: p {score.p:.2g}")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(above)
        column.addWidget(bar)
        column.addWidget(label(f"first error exact \u00b7 {steps}", "small", "muted"))
        column.addWidget(self.bias)
        self.show_them = QPushButton("Show them")
        self.show_them.setFont(theme.font("small"))
        self.show_them.setToolTip(plain_tip(f"The gold items that {who} judged wrongly"))
        self.show_them.setAccessibleName(f"Show the gold items that {who} judged wrongly")
        self.show_them.clicked.connect(lambda: self.asked.emit(who))
        self.show_them.setVisible(score.exact < score.items or score.steps_right < compared)
        column.addWidget(self.show_them, 0, Qt.AlignmentFlag.AlignLeft)
        self.setToolTip(
            f"{told}, 95 % interval {share.low:.2f} to {share.high:.2f}; {steps} up to the known first error"
        )
        self.setAccessibleName(f"{who}: {told}, {steps}. {self.bias.text}")


class GoldCard(TitledCard):
    """Knows no store: it is told what there is."""

    asked = Signal(object)
    """(name: str) Show the gold items that this person judged wrongly."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Gold items", parent)
        self._shown: tuple[QueueInfo | None, Mapping[str, GoldScore]] | None = None
        self.rate = label("", "small", "muted")
        self.empty = label(NONE, "body", "muted", wrap=True)
        self.people: list[PersonScore] = []
        self.head.addWidget(self.rate)
        self.column.setSpacing(theme.SPACE_3)
        self.column.addWidget(self.empty)
        self.column.addStretch(1)

    def show_scores(self, queue: QueueInfo | None, scores: Mapping[str, GoldScore]) -> None:
        """Show everybody's."""
        if (queue, scores) == self._shown:
            return
        self._shown = queue, scores
        for old in self.people:
            self.column.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.people = [PersonScore(who, score) for who, score in scores.items()]
        for at, person in enumerate(self.people):
            person.asked.connect(self.asked)
            self.column.insertWidget(2 + at, person)
        gold = 0 if queue is None else queue.gold
        self.rate.setText(f"{gold:,} of {queue.size:,}, unmarked" if queue is not None and gold else "")
        self.rate.setToolTip("Whoever judges does not see which items these are")
        self.empty.setText(NOBODY if gold else NONE)
        self.empty.setVisible(not scores)
