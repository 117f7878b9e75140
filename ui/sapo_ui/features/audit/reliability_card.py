"""Reliability of the verifier: scores against the share of steps that are correct, and how many scores there are."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.app.studies.audit import Audit, Reliability
from sapo_studio.domain.metrics import wilson
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.panel_export import Table, with_unit

BY = {
    "oracle": "Correct is what the task's oracle says.",
    "agreement": "Correct is what the sources agree on.",
    "labels": "Correct is what was written.",
}


class ReliabilityCard(TitledCard):
    """A curve and a sentence; the sentence alone where there are too few scores."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Reliability", parent)
        self.curve = _Curve()
        self.error = label("", "small", "muted")
        self.sentence = label("", "small", wrap=True)
        self.head.addWidget(self.error)
        self.column.addWidget(self.curve)
        self.column.addWidget(self.sentence)

    def show_audit(self, audit: Audit) -> None:
        """Show another audit's."""
        found = audit.reliability
        shown = bool(found.curve)
        self.set_title(f"Reliability of V{audit.iteration - 1}" if audit.iteration else "Reliability")
        self.curve.setVisible(shown)
        self.error.setText(f"calibration error {fmt.number(found.calibration_error)}" if shown else "")
        self.sentence.setText(f"{found.sentence} {BY[found.by]}" if shown else found.sentence)
        self.curve.show_curve(found)


class _Curve(ChartFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found = Reliability(0, "labels", ())
        self.setAccessibleName("Reliability curve")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_curve(self, found: Reliability) -> None:
        """Show this one."""
        self._found = found
        words = "; ".join(
            f"{point.low:.1f} to {point.high:.1f}: {fmt.percent(point.right)} of {point.n:,} correct"
            for point in found.curve
        )
        self.setAccessibleDescription(words)
        self.setToolTip(words.replace("; ", "\n"))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 190)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 190)

    def table(self) -> Table:
        """A row a tenth of the score: its ends, the mean score, the share that is correct, how many scores."""
        heads = (with_unit("from", "score"), with_unit("to", "score"), with_unit("mean", "score"))
        rows = ((one.low, one.high, one.score, one.right, one.n) for one in self._found.curve)
        return [(*heads, with_unit("correct", "fraction"), with_unit("n", "steps")), *rows]

    @property
    def has_content(self) -> bool:
        return bool(self._found.curve)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._found.curve:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        line = painter.fontMetrics().height()
        area = QRectF(26, 6, self.width() - 34, self.height() - 40 - 2 * line)
        counts = QRectF(area.left(), area.bottom() + line + 2, area.width(), 30)

        def place(score: float, right: float) -> QPointF:
            return QPointF(area.left() + score * area.width(), area.bottom() - right * area.height())

        painter.setPen(QPen(QColor(look.hairline), 1))
        for right in (0.0, 0.5, 1.0):
            painter.drawLine(place(0, right), place(1, right))
        painter.setPen(QPen(QColor(look.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(place(0, 0), place(1, 1))
        painter.setPen(QColor(look.muted))
        for right in (0.0, 0.5, 1.0):
            where = QRectF(0, place(0, right).y() - line / 2, 22, line)
            painter.drawText(where, Qt.AlignmentFlag.AlignRight, f"{right:g}")
        for score, side in ((0.0, Qt.AlignmentFlag.AlignLeft), (1.0, Qt.AlignmentFlag.AlignRight)):
            painter.drawText(QRectF(area.left(), area.bottom(), area.width(), line), side, f"{score:g}")
        middle = Qt.AlignmentFlag.AlignHCenter
        painter.drawText(QRectF(area.left(), area.bottom(), area.width(), line), middle, "score, against share correct")
        most = max(point.n for point in self._found.curve)
        for point in self._found.curve:
            high = counts.height() * point.n / most
            left = counts.left() + point.low * counts.width() + 1
            wide = (point.high - point.low) * counts.width() - 2
            painter.fillRect(QRectF(left, counts.bottom() - high, wide, high), QColor(look.border))
        under = QRectF(counts.left(), counts.bottom(), counts.width(), line)
        painter.drawText(under, middle, "how many scores there are")
        color = QColor(look.series[0])
        painter.setPen(QPen(color, 2))
        spots = [place(point.score, point.right) for point in self._found.curve]
        painter.drawPolyline(spots)
        for point, spot in zip(self._found.curve, spots, strict=True):
            interval = wilson(point.right * point.n, point.n)
            painter.drawLine(place(point.score, interval.low), place(point.score, interval.high))
            painter.setBrush(color)
            painter.drawEllipse(spot, 3, 3)
