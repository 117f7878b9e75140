"""The forecast beside the New run form: memory, time, rollouts to label, what will not fit, what it all rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.set_up.missing import Missing
from sapo_studio.config.schema import RunConfig
from sapo_ui import theme
from sapo_ui.features.new_run.review import PARTS_SHOWN, Review, forecast_review
from sapo_ui.features.new_run.review_bars import AmountBars, MemoryBar, PartLegend
from sapo_ui.services import tasks
from sapo_ui.theme import icons
from sapo_ui.widgets.charts.cost_bars import CostBars
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip

QUIET_MS = 200
"""The forecast is asked for when nothing has been typed for so long."""


class ReviewBody(QScrollArea):
    """What scrolls in the review. `ask` forecasts in the background, and `shown` is sent when the forecast is there.

    From the question to its answer the forecast before stays where it is, and is grey.
    """

    shown = Signal()

    def __init__(
        self, parent: QWidget | None = None, forecast: Callable[[RunConfig], Review] = forecast_review
    ) -> None:
        super().__init__(parent)
        self._forecast = forecast
        self.review: Review | None = None
        self._config: RunConfig | None = None
        self._shown_of: RunConfig | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        holder = QWidget(self.viewport())
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(12)
        self.lacking = QVBoxLayout()
        self.lacking.setSpacing(4)
        column.addLayout(self.lacking)
        self.picture = QWidget(holder)
        column.addWidget(self.picture)
        self._draw_picture()
        self.fold = QToolButton(holder)
        self.fold.setText("How this is estimated")
        self.fold.setCheckable(True)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.toggled.connect(self._fold)
        self.bars = CostBars(holder)
        self.bars.setAccessibleName("Compute and labeling cost, forecast")
        self.assumptions = _words(holder, "muted")
        for part in (self.fold, self.bars, self.assumptions):
            column.addWidget(part)
            part.hide()
        column.addStretch(1)
        self.unknown.setText("Forecasting\u2026")
        self.unknown.show()
        self.setWidget(holder)
        theme.on_change(self, self._restyle)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET_MS)
        self._timer.timeout.connect(self._ask)

    def _draw_picture(self) -> None:
        inner = QVBoxLayout(self.picture)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(4)
        self.warnings = _words(self.picture, "warning")
        self.unknown = _words(self.picture, "muted")
        inner.addWidget(self.unknown)
        self.memory_head = _Head("Memory", "at its peak", self.picture)
        self.memories = QVBoxLayout()
        self.memories.setSpacing(2)
        self.legend = PartLegend(PARTS_SHOWN, self.picture)
        self.time_head = _Head("Time", "", self.picture)
        self.times = AmountBars(self.picture)
        self.times.setAccessibleName("Time of each phase, forecast")
        self.rollout_head = _Head("Rollouts to label", "", self.picture)
        self.rollouts = AmountBars(self.picture)
        self.rollouts.setAccessibleName("Rollouts to label, forecast")
        inner.addWidget(self.memory_head)
        inner.addLayout(self.memories)
        inner.addWidget(self.legend)
        inner.addSpacing(8)
        for part in (self.time_head, self.times, self.rollout_head, self.rollouts):
            if part is self.rollout_head:
                inner.addSpacing(8)
            inner.addWidget(part)
        inner.addSpacing(4)
        inner.addWidget(self.warnings)
        for part in (self.memory_head, self.legend, self.time_head, self.times, self.rollout_head, self.rollouts):
            part.hide()

    @property
    def stale(self) -> bool:
        """Whether the forecast that is shown is one of other values."""
        return not self.picture.isEnabled()

    def ask(self, config: RunConfig) -> None:
        """Forecast `config` as soon as the typing pauses."""
        if config == self._config and not self.stale:
            return
        self._config = config
        if config == self._shown_of:
            self._timer.stop()
            self.picture.setEnabled(True)
        else:
            self.outdate()
            self._timer.start()

    def outdate(self) -> None:
        """What is shown is the forecast of other values: it greys."""
        self.picture.setEnabled(self.review is None)

    def _ask(self) -> None:
        config = self._config
        if config is not None:
            tasks.run(self, lambda store: self._forecast(config), partial(self._take, config), key="forecast")

    def _take(self, config: RunConfig, review: Review) -> None:
        if config == self._config:  # else other values have been typed meanwhile, and what is shown stays grey
            self._shown_of = config
            self.show_review(review)

    def say_missing(self, missing: Sequence[Missing]) -> None:
        """What is not installed, each with its command."""
        _clear(self.lacking)
        for one in missing:
            self.lacking.addWidget(_MissingLine(one, self.viewport()))

    def show_review(self, review: Review) -> None:
        """Show it."""
        self.review = review
        self.picture.setEnabled(True)
        self.warnings.setText("\n\n".join(f"! {text}" for text in review.warnings))
        self.warnings.setVisible(bool(review.warnings))
        self.unknown.setText(f"No memory or time estimate available. {review.unknown}" if review.unknown else "")
        self.unknown.setVisible(bool(review.unknown))
        _clear(self.memories)
        for memory in review.memories:
            self.memories.addWidget(MemoryBar(memory, self.picture))
        for part in (self.memory_head, self.legend):
            part.setVisible(bool(review.memories))
        self.time_head.say(review.total.value if review.total is not None else "")
        self.time_head.setToolTip(plain_tip(review.total.basis) if review.total is not None else "")
        self.time_head.setVisible(review.total is not None)
        self.times.set_lines(review.phases)
        self.rollout_head.setVisible(bool(review.rollouts))
        self.rollouts.set_lines(review.rollouts)
        self.bars.set_bars((*review.compute, *review.costs))
        self.bars.setFixedHeight(max(1, self.bars.needed()))
        self.assumptions.setText("\n".join(review.assumptions))
        self.fold.show()
        self._fold(self.fold.isChecked())
        self.shown.emit()

    def _fold(self, on: bool) -> None:
        self.assumptions.setVisible(on)
        self.bars.setVisible(on)
        self._restyle()

    def _restyle(self) -> None:
        name = "chevron-down" if self.fold.isChecked() else "chevron-right"
        self.fold.setIcon(icons.icon(name, theme.current().muted))


class _Head(QWidget):
    """A heading, and a figure at its end."""

    def __init__(self, title: str, figure: str, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        name = PlainLabel(title, self)
        name.setFont(theme.font("strong"))
        self.figure = PlainLabel(figure, self)
        self.figure.setFont(theme.font("small"))
        row.addWidget(name)
        row.addStretch(1)
        row.addWidget(self.figure)

    def say(self, figure: str) -> None:
        """Change the figure."""
        self.figure.setText(figure)


class _MissingLine(QFrame):
    """A package that is not installed, and its command with a button that copies it."""

    def __init__(self, missing: Missing, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "banner-warning")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(2)
        column.addWidget(_words(self, "", f"{missing.package} is not installed"))
        row = QHBoxLayout()
        self.command = PlainLabel(missing.command, self)
        self.command.setFont(theme.font("mono_small"))
        self.command.setWordWrap(True)
        self.command.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self.command, 1)
        copy = QPushButton("Copy", self)
        copy.setAccessibleName(f"Copy the command that installs {missing.package}")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(missing.command))
        row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)


def _words(parent: QWidget, look: str, text: str = "") -> QLabel:
    label = PlainLabel(text, parent)
    label.setWordWrap(True)
    label.setFont(theme.font("small"))
    label.setProperty("look", look)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setVisible(bool(text))
    return label


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
