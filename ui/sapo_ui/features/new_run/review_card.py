"""The forecast beside the New run form: memory, time, labeling cost, what will not fit, and what it all rests on."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_ui import theme
from sapo_ui.features.new_run.level_bar import LevelBar
from sapo_ui.features.new_run.review import MemoryUse, Review, ReviewLine, forecast_review
from sapo_ui.services import tasks
from sapo_ui.theme import icons
from sapo_ui.widgets.charts.cost_bars import CostBars
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip

QUIET_MS = 200
"""The forecast is asked for when nothing has been typed for so long."""


class ReviewBody(QScrollArea):
    """What scrolls in the review. `ask` forecasts in the background, and `shown` is sent when the forecast is there."""

    shown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.review: Review | None = None
        self._config: RunConfig | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        holder = QWidget(self.viewport())
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(14)
        self.warnings = _words(holder, "warning")
        self.unknown = _words(holder, "muted")
        self.memories = QVBoxLayout()
        self.memories.setSpacing(10)
        self.lines = QGridLayout()
        self.lines.setVerticalSpacing(4)
        self.lines.setColumnStretch(0, 1)
        self.bars = CostBars(holder)
        self.bars.setAccessibleName("Labeling cost, forecast")
        self.fold = QToolButton(holder)
        self.fold.setText("How this is estimated")
        self.fold.setCheckable(True)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.toggled.connect(self._fold)
        self.assumptions = _words(holder, "muted")
        self.changes = _words(holder, "muted")
        for part in (self.warnings, self.unknown, self.memories, self.lines, self.bars, self.fold):
            if isinstance(part, QWidget):
                column.addWidget(part)
            else:
                column.addLayout(part)
        column.addWidget(self.assumptions)
        column.addWidget(self.changes)
        column.addStretch(1)
        self.setWidget(holder)
        self.bars.hide()
        self.fold.hide()
        theme.on_change(self, self._restyle)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET_MS)
        self._timer.timeout.connect(self._ask)

    def ask(self, config: RunConfig) -> None:
        """Forecast `config` as soon as the typing pauses."""
        if config != self._config:
            self._config = config
            self._timer.start()

    def say_changes(self, told: list[str]) -> None:
        """What differs from the preset."""
        self.changes.setText("Changed\n" + "\n".join(told) if told else "")
        self.changes.setVisible(bool(told))

    def _ask(self) -> None:
        config = self._config
        if config is not None:
            tasks.run(self, lambda store: forecast_review(config), self.show_review, key="forecast")

    def show_review(self, review: Review) -> None:
        """Show it."""
        self.review = review
        self.warnings.setText("\n\n".join(f"! {text}" for text in review.warnings))
        self.warnings.setVisible(bool(review.warnings))
        self.unknown.setText(f"No memory or time estimate available. {review.unknown}" if review.unknown else "")
        self.unknown.setVisible(bool(review.unknown))
        _clear(self.memories)
        for memory in review.memories:
            self.memories.addWidget(MemoryRow(memory, self.widget()))
        self._say_lines(review)
        self.bars.set_bars((*review.compute, *review.costs))
        self.bars.setFixedHeight(max(1, self.bars.needed()))
        self.bars.setVisible(bool(review.compute))
        self.assumptions.setText("\n".join(review.assumptions))
        self.fold.show()
        self._fold(self.fold.isChecked())
        self.shown.emit()

    def _say_lines(self, review: Review) -> None:
        _clear(self.lines)
        total = () if review.total is None else (review.total,)
        for at, line in enumerate((*total, *review.phases)):
            self._say_line(at, line, strong=bool(total) and at == 0)

    def _say_line(self, at: int, line: ReviewLine, *, strong: bool) -> None:
        name, value = PlainLabel(line.label, self.widget()), PlainLabel(line.value, self.widget())
        for label in (name, value):
            label.setFont(theme.font("strong" if strong else "small"))
            label.setToolTip(plain_tip(line.basis))
            label.setTextFormat(Qt.TextFormat.PlainText)
        if not strong:
            name.setProperty("look", "muted")
        self.lines.addWidget(name, at, 0)
        self.lines.addWidget(value, at, 1, Qt.AlignmentFlag.AlignRight)

    def _fold(self, on: bool) -> None:
        self.assumptions.setVisible(on)
        self._restyle()

    def _restyle(self) -> None:
        name = "chevron-down" if self.fold.isChecked() else "chevron-right"
        self.fold.setIcon(icons.icon(name, theme.current().muted))


class MemoryRow(QWidget):
    """One memory: its name, a bar, and how much of it by what."""

    def __init__(self, memory: MemoryUse, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(plain_tip(memory.made_of))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        head = QHBoxLayout()
        name = PlainLabel(memory.where, self)
        name.setFont(theme.font("strong"))
        head.addWidget(name)
        head.addStretch(1)
        if memory.tight:
            says = PlainLabel("too small" if (memory.share or 0) > 1 else "tight", self)
            says.setProperty("look", "warning")
            says.setFont(theme.font("small"))
            head.addWidget(says)
        column.addLayout(head)
        if memory.share is not None:
            bar = LevelBar(self)
            bar.set_level(memory.share, tight=memory.tight)
            column.addWidget(bar)
        text = PlainLabel(memory.text, self)
        text.setProperty("look", "muted")
        text.setFont(theme.font("small"))
        column.addWidget(text)
        self.setAccessibleName(f"{memory.where}: {memory.text}")


def _words(parent: QWidget, look: str) -> QLabel:
    label = PlainLabel(parent=parent)
    label.setWordWrap(True)
    label.setFont(theme.font("small"))
    label.setProperty("look", look)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.hide()
    return label


def _clear(layout: QVBoxLayout | QGridLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.deleteLater()
