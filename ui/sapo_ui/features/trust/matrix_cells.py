"""A table of shares painted as cells, verifiers down, reasoners across: the darker, the larger the error."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from sapo_studio.app.studies.self_verification_matrix import Cell
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.panel_export import Table, with_unit

HEAD, SIDE, GAP, LEAST, MOST = 20, 34, 3, 26, 44


class MatrixCells(ChartFrame):
    """Knows no store: it is told what there is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: Sequence[Cell] = ()
        self.setAccessibleName("Self-verification error of each verifier with each reasoner")

    def show_cells(self, cells: Sequence[Cell]) -> None:
        """Show these."""
        self._cells = cells
        told = "\n".join(
            f"V{cell.verifier} with M{cell.reasoner}: {fmt.percent(cell.value)} ({fmt.percent(cell.low)} to"
            f" {fmt.percent(cell.high)}, n {cell.n:,})"
            for cell in cells
        )
        self.setAccessibleDescription(told)
        self.setToolTip(told)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, HEAD + len({cell.verifier for cell in self._cells}) * MOST)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, HEAD + len({cell.verifier for cell in self._cells}) * LEAST)

    def table(self) -> Table:
        """A row a cell, shares as fractions."""
        rows = (
            (f"V{cell.verifier}", f"M{cell.reasoner}", cell.value, cell.low, cell.high, cell.n) for cell in self._cells
        )
        heads = (with_unit(name, "fraction") for name in ("error", "low", "high"))
        return [("verifier", "reasoner", *heads, with_unit("n", "trajectories")), *rows]

    @property
    def has_content(self) -> bool:
        return bool(self._cells)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._cells:
            return
        look = theme.current()
        verifiers = sorted({cell.verifier for cell in self._cells})
        reasoners = sorted({cell.reasoner for cell in self._cells})
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = (self.width() - SIDE) / len(reasoners)
        high = min(MOST, (self.height() - HEAD) / len(verifiers))
        painter.setPen(QColor(look.muted))
        for x, reasoner in enumerate(reasoners):
            painter.drawText(QRectF(SIDE + x * wide, 0, wide, HEAD), Qt.AlignmentFlag.AlignCenter, f"M{reasoner}")
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for y, verifier in enumerate(verifiers):
            painter.drawText(QRectF(0, HEAD + y * high, SIDE, high), side, f"V{verifier}")
        most = max(cell.value for cell in self._cells) or 1.0
        for cell in self._cells:
            x, y = reasoners.index(cell.reasoner), verifiers.index(cell.verifier)
            where = QRectF(SIDE + x * wide, HEAD + y * high, wide - GAP, high - GAP)
            fill = theme.between(look.raised, look.accent, cell.value / most)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawRoundedRect(where, 4, 4)
            painter.setPen(QColor(theme.text_on(fill)))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, fmt.percent(cell.value))
