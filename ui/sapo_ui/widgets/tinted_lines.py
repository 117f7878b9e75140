"""Lines of monospaced text, each with a bar in the colour of its score and the score at the right."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sapo_ui import theme

ROW = 22


class TintedLines(QWidget):
    """What does not fit ends in an ellipsis; hovering a line shows it whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[tuple[str, float | None], ...] = ()
        self.setFont(theme.font("mono_small"))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    @property
    def lines(self) -> tuple[tuple[str, float | None], ...]:
        """(text, score) of each line."""
        return self._lines

    def set_lines(self, lines: Sequence[tuple[str, float | None]]) -> None:
        """Show (text, score)s."""
        self._lines = tuple((" ".join(text.split()), score) for text, score in lines)
        self.setAccessibleDescription("\n".join(text for text, _ in self._lines))
        self.updateGeometry()
        self.update()

    def _restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, max(1, len(self._lines)) * ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        middle = Qt.AlignmentFlag.AlignVCenter
        for number, (text, score) in enumerate(self._lines):
            top = float(number * ROW)
            room = self.width() - 16.0
            if score is not None:
                painter.fillRect(QRectF(0, top + 2, 6, ROW - 4), theme.score_colour(score))
                painter.setPen(QColor(look.muted))
                where = QRectF(self.width() - 40, top, 36, ROW)
                painter.drawText(where, middle | Qt.AlignmentFlag.AlignRight, f"{score:.2f}")
                room -= 44
            painter.setPen(QColor(look.text))
            short = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QRectF(14, top, room + 4, ROW), middle, short)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = event.pos().y() // ROW
            if 0 <= row < len(self._lines):
                QToolTip.showText(event.globalPos(), self._lines[row][0], self)
            return True
        return super().event(event)
