"""The four cards of a comparison, and what they have in common: the side in focus."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import Axis, Comparison
from sapo_ui.features.compare.config_card import ConfigCard
from sapo_ui.features.compare.curves_card import CurvesCard
from sapo_ui.features.compare.figures import Slots
from sapo_ui.features.compare.questions_card import QuestionsCard
from sapo_ui.features.compare.results_card import ResultsCard
from sapo_ui.widgets.share_splitter import ShareSplitter


class Board(QWidget):
    """Curves over numbers on the left, settings over questions on the right."""

    common_wanted = Signal()
    """Compare on the questions that all have."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = CurvesCard()
        self.results = ResultsCard()
        self.config = ConfigCard()
        self.questions = QuestionsCard()
        self.split = ShareSplitter(Qt.Orientation.Horizontal, (62, 38))
        self.left = ShareSplitter(Qt.Orientation.Vertical, (43, 57))
        self.right = ShareSplitter(Qt.Orientation.Vertical, (46, 54))
        for column, cards in ((self.left, (self.curves, self.results)), (self.right, (self.config, self.questions))):
            for card in cards:
                column.addWidget(card)
            self.split.addWidget(column)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.split)
        self._group: int | None = None
        self.curves.chosen.connect(self._line_chosen)
        self.results.chosen.connect(self.focus_on)
        self.results.common_wanted.connect(self.common_wanted)
        self.questions.common_wanted.connect(self.common_wanted)

    def show_comparison(
        self,
        comparison: Comparison,
        slots: Slots,
        *,
        metric: str,
        axis: Axis,
        papers: bool,
        common: bool,
        every_pair: bool,
    ) -> None:
        """Show it on all four."""
        if self._group is not None and self._group >= len(comparison.groups):
            self._group = None
        self.curves.show_comparison(comparison, metric, axis, slots, papers=papers)
        self.results.show_comparison(comparison, metric, slots, papers=papers, every_pair=every_pair)
        self.config.show_comparison(comparison, slots)
        self.questions.show_comparison(comparison, slots, common=common)

    @property
    def group(self) -> int | None:
        """The side in focus."""
        return self._group

    def focus_on(self, group: object) -> None:
        """Put a side into focus on all cards, until another is."""
        wanted = group if isinstance(group, int) else None
        self.curves.focus_on(wanted)
        self.results.focus_on(wanted)
        self._group = wanted

    def point_to(self, group: int | None) -> None:
        """Put a side into focus for a while; None: that while is over."""
        self.curves.point_to(group)

    def _line_chosen(self, group: object) -> None:
        self.results.focus_on(group if isinstance(group, int) else None)
        self._group = group if isinstance(group, int) else None

    def choices(self) -> dict[str, str]:
        """How it is divided, and which questions are shown."""
        splits = {"split": self.split, "left": self.left, "right": self.right}
        return {name: split.text() for name, split in splits.items()} | self.questions.choices()

    def restore(self, choices: dict[str, str]) -> None:
        """What `choices` gave."""
        for name, split in (("split", self.split), ("left", self.left), ("right", self.right)):
            split.restore(choices.get(name, ""))
        self.questions.restore(choices)
