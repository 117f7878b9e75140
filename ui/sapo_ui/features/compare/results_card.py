"""What each run reached at the iteration that is compared, and the paired differences."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.app.comparison.metrics import SHOWN
from sapo_studio.app.comparison.records import Comparison
from sapo_studio.app.comparison.sheets import notes_of_differences
from sapo_ui import theme
from sapo_ui.features.compare import figures
from sapo_ui.features.compare.figures_table import FiguresTable
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice


class ResultsCard(Card):
    """Two tables, what the tests show, and which tests they are."""

    chosen = Signal(object)
    """(group: int) Somebody has gone to a side."""

    common_wanted = Signal()
    """Compare on the questions that both sides have."""

    every_pair_wanted = Signal(object)
    """(bool) Whether to compare all sides with each other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.area = QScrollArea()
        super().__init__(self.area, "At the last iteration", parent)
        self.setAccessibleName("At the last iteration")
        self.every_pair = QCheckBox("Every pair")
        self.every_pair.setFont(theme.font("small"))
        self.every_pair.setToolTip("Compare all with each other, not only with the baseline: more tests to correct for")
        self.every_pair.toggled.connect(self._every_pair)
        self.head.addWidget(self.every_pair)
        self.measured = FiguresTable("At the last iteration")
        self.measured.chosen.connect(self._chose)
        self.refused = Notice("warning")
        self.common = QPushButton("Compare on common questions")
        self.common.setAutoDefault(False)
        self.common.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.common.clicked.connect(lambda _checked=False: self.common_wanted.emit())
        self.differences = FiguresTable("Paired differences")
        self.differences.chosen.connect(self._chose)
        self.shown = label("", "small", wrap=True)
        self.tests = label("", "small", "muted", wrap=True)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, theme.SPACE_2)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(self.measured)
        for parts, before in (((self.refused, self.common), True), ((self.shown, self.tests), False)):
            words = QVBoxLayout()
            words.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_3, 0)
            words.setSpacing(theme.SPACE_1)
            for part in parts:
                words.addWidget(part)
            column.addLayout(words)
            if before:
                column.addWidget(self.differences)
        column.addStretch(1)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(inside)

    def show_comparison(
        self, comparison: Comparison, metric: str, slots: figures.Slots, *, papers: bool, every_pair: bool
    ) -> None:
        """Show the numbers of `metric`, and the differences that were tested."""
        measured = figures.at_the_end(comparison, metric, slots, papers=papers)
        self.measured.show_figures(measured, self._ends(metric, measured))
        found = figures.differences(comparison, slots)
        tested = comparison.tested[0] if comparison.tested else metric
        self.differences.setVisible(any(not one.refused for one in comparison.differences))
        ends = tuple(figures.difference_text(tested, end) for end in found.axis)
        self.differences.show_figures(found, (ends[0], ends[1]))
        title = SHOWN[tested].title
        title = title[0].lower() + title[1:]
        self.differences.setAccessibleName(f"Paired differences, {title}")
        refused = dict.fromkeys(one.refused for one in comparison.differences if one.refused)
        self.refused.say(" ".join(refused))
        self.common.setVisible(any(one.common_helps for one in comparison.differences))
        self.shown.setText(figures.verdicts(comparison))
        self.shown.setVisible(bool(self.shown.text()))
        how = figures.how_tested(comparison)
        own = notes_of_differences(comparison)
        parts = (how and f"Difference in {title}.", how, *own, *comparison.notes)
        self.tests.setText(" ".join(part for part in parts if part))
        self.tests.setVisible(bool(self.tests.text()))
        blocked = self.every_pair.blockSignals(True)
        self.every_pair.setChecked(every_pair)
        self.every_pair.blockSignals(blocked)
        self.every_pair.setVisible(len(comparison.groups) > 2)

    def _every_pair(self, on: bool) -> None:
        self.every_pair_wanted.emit(on)

    def focus_on(self, group: int | None) -> None:
        """Choose the rows of a side."""
        self.measured.choose(group)
        self.differences.choose(group)

    @staticmethod
    def _ends(metric: str, found: figures.Figures) -> tuple[str, str]:
        return figures.value_text(metric, found.axis[0]), figures.value_text(metric, found.axis[1])

    def _chose(self, group: object) -> None:
        if isinstance(group, int):
            self.focus_on(group)
            self.chosen.emit(group)
