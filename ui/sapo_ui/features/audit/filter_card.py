"""The consensus filter: two handles over the beliefs of all labels, and what they would keep."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from sapo_studio.app.studies.audit import Audit
from sapo_studio.domain.consensus import Bounds
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.audit.bounds_slider import BoundsSlider
from sapo_ui.features.audit.effect_row import NOT_MEASURED, EffectRow
from sapo_ui.features.audit.filter_switch import FilterSwitch
from sapo_ui.services.label_audit import AuditView
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.panel_export import Table, with_unit

BARS = 20
KEPT, ESTIMATED, TRUE, VERIFIER = ROWS = ("Labels kept", "Noise, estimated", "Noise, true", "Verifier, steps")


class FilterCard(TitledCard):
    """Shows what a filter would do to the labels of an audit, and turns it on or off. `effect` and `switch` tell what
    is wanted of it."""

    moved = Signal(object)
    """(Bounds | None) The filter as it is set; None where nothing can be estimated."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Consensus filter", parent)
        self._audit: Audit | None = None
        self._view: AuditView | None = None
        self.effect = EffectRow()
        self.switch = FilterSwitch()
        self.state = label("", "small", "muted", wrap=True)
        self.bars = _Bars()
        self.slider = BoundsSlider()
        self.slider.setAccessibleName("Bounds of the filter")
        self.slider.setToolTip(
            "A step labeled correct is kept from the right handle on, one labeled incorrect up to the left handle.\n"
            "Arrows move the left handle, with Shift the right one."
        )
        self.slider.valueChanged.connect(self._moved)
        self.bounds_text = label("", "small", wrap=True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.SPACE_3)
        self._grid.setVerticalSpacing(theme.SPACE_1)
        self._grid.setColumnStretch(0, 1)
        self.cells = {name: tuple(label("", role) for role in ("small", "small", "strong")) for name in ROWS}
        for row, (name, (title, before, after)) in enumerate(self.cells.items()):
            title.setText(name)
            for column, cell in enumerate((title, before, after)):
                self._grid.addWidget(cell, row, column)
        self.copy_button = QPushButton("Copy command")
        self.copy_button.setToolTip("Copy the command that resumes the run with this filter: from the next labels on")
        self.copy_button.clicked.connect(self.copy_command)
        for widget in (self.state, self.bars, self.slider, self.bounds_text):
            self.column.addWidget(widget)
        self.column.addLayout(self._grid)
        for widget in (self.effect, self.switch):
            self.column.addWidget(widget)
        self.column.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def bounds(self) -> Bounds:
        """Where the handles stand."""
        low, high = self.slider.value()
        return Bounds(round(low, 2), round(high, 2))

    def show_view(self, view: AuditView) -> None:
        """Show another audit; the handles go to where the run has them."""
        audit = view.audit
        other = self._audit is None or (self._audit.run_id, self._audit.iteration) != (audit.run_id, audit.iteration)
        self._audit, self._view = audit, view
        for widget in (self.bars, self.slider, self.bounds_text, self.effect, self.switch, self.copy_button):
            widget.setVisible(not audit.why)
        for cells in self.cells.values():
            for cell in cells:
                cell.setVisible(not audit.why)
        if audit.why:
            self.state.setText(f"Off: noise takes two sources to estimate. {audit.why}")
            self.moved.emit(None)
            return
        use = "The run filters its labels." if audit.consensus != "off" else "The run does not filter its labels."
        self.state.setText(f"{use} Leaves out what the sources leave open, or speak against; deletes nothing.")
        self.bars.show_beliefs(audit.beliefs)
        if other:
            self.slider.setValue((audit.configured.low, audit.configured.high))
        self._moved()

    def command(self) -> str:
        """What resumes the run with this filter; empty where there is none."""
        if self._audit is None or self._audit.why:
            return ""
        bounds = self.bounds
        return (
            f"sapo resume {self._audit.run_id} --set labeling.consensus=dawid-skene"
            f" --set labeling.consensus_low={bounds.low:g} --set labeling.consensus_high={bounds.high:g}"
        )

    def copy_command(self) -> None:
        """Put the command on the clipboard."""
        if self.command():
            QGuiApplication.clipboard().setText(self.command())

    def _moved(self) -> None:
        effect = None if self._audit is None else self._audit.filtered(self.bounds)
        if effect is None:
            return
        before, after = effect.before, effect.after
        self.bars.set_bounds(effect.bounds)
        low, high = effect.bounds.low, effect.bounds.high
        self.bounds_text.setText(f"Keeps \u201cincorrect\u201d to {low:.2f}, \u201ccorrect\u201d from {high:.2f}")
        self._say(KEPT, fmt.exact(before.labels), f"{fmt.exact(after.labels)} ({fmt.percent(effect.kept_share)})")
        self._say(ESTIMATED, fmt.percent(before.estimated_share), fmt.percent(after.estimated_share))
        self._say(TRUE, fmt.percent(before.true_share), fmt.percent(after.true_share))
        for cell in self.cells[TRUE]:
            cell.setVisible(before.known > 0)
        self._show_shadow(effect.bounds)
        self.moved.emit(effect.bounds)

    def _show_shadow(self, bounds: Bounds) -> None:
        if self._view is None:
            return
        found = next((one for one in self._view.shadows if one.bounds == bounds), None)
        own = "" if found is None else fmt.percent(found.own["value"])
        self._say(VERIFIER, own, NOT_MEASURED if found is None else fmt.percent(found.shadow["value"]))
        self.effect.show_found(found, self._view.verifier_seconds)
        self.switch.show_state(self._view, bounds)
        self.copy_button.setVisible(self.switch.going_on)

    def _say(self, name: str, before: str, after: str) -> None:
        _, was, becomes = self.cells[name]
        was.setText(before)
        becomes.setText(after)


class _Bars(ChartFrame):
    """How many labels have which belief. What is between the bounds is pale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts = np.zeros(BARS, dtype=np.int64)
        self._bounds = Bounds(0.0, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Labels by the chance that the step is correct")

    def show_beliefs(self, beliefs: list[float]) -> None:
        """Count these."""
        self._counts, _ = np.histogram(beliefs, bins=BARS, range=(0.0, 1.0))
        self.update()

    def set_bounds(self, bounds: Bounds) -> None:
        """What is kept."""
        self._bounds = bounds
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 40)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 40)

    def table(self) -> Table:
        """A row a bar: its ends, how many labels, and whether the filter keeps them."""
        heads = (with_unit("from", "probability"), with_unit("to", "probability"), with_unit("count", "labels"), "kept")
        rows = (
            (at / BARS, (at + 1) / BARS, count, int(self._kept(at))) for at, count in enumerate(self._counts.tolist())
        )
        return [heads, *rows]

    @property
    def has_content(self) -> bool:
        return bool(self._counts.any())

    def _kept(self, place: int) -> bool:
        middle = (place + 0.5) / BARS
        return middle <= self._bounds.low or middle >= self._bounds.high

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        most = max(1, int(self._counts.max()))
        wide = self.width() / BARS
        for place, count in enumerate(self._counts.tolist()):
            high = (self.height() - 2) * (count / most) ** 0.5  # a root: few doubtful labels stay in sight
            painter.fillRect(
                QRectF(place * wide + 1, self.height() - high - 1, wide - 2, high + 1),
                QColor(look.accent if self._kept(place) else look.border),
            )
