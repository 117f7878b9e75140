"""A label that ends in an ellipsis where its text does not fit, and then shows all of it on hover."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui.widgets.hits import hits_in, paint_hits
from sapo_ui.widgets.plain_text import plain_tip


class ElidedLabel(QWidget):
    """Text in so many `lines`. `role` picks the palette colour: `WindowText` or `PlaceholderText` (muted)."""

    def __init__(
        self,
        font: QFont,
        *,
        role: QPalette.ColorRole = QPalette.ColorRole.WindowText,
        lines: int = 1,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._lines = lines
        self._text = self._found = ""
        self._role = role
        self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        """Show `text`."""
        if text == self._text:
            return
        self._text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def set_found(self, found: str) -> None:
        """Mark each place where `found` stands, which is searched for; empty: nothing."""
        if found != self._found:
            self._found = found
            self.update()

    def text(self) -> str:
        """The whole text."""
        return self._text

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 2, self._lines * metrics.height())

    def minimumSizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(min(self.sizeHint().width(), metrics.horizontalAdvance("m" * 6)), self._lines * metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setPen(self.palette().color(self._role))
        shown = self.shown()
        self.setToolTip(plain_tip(self._text) if "".join(shown) != self._text else "")
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        height, start = self.fontMetrics().height(), 0
        hits = hits_in(self._text, self._found)
        for at, line in enumerate(shown):
            where = self.rect() if self._lines == 1 else QRect(0, at * height, self.width(), height)
            painter.drawText(where, align, line)
            own = [(left - start, right - start) for left, right in hits]
            paint_hits(painter, self.font(), QRectF(where), line, own)
            start += len(line)

    def shown(self) -> list[str]:
        """The lines as they are painted in the width that there is: together the whole text, if nothing is left out."""
        metrics, left, found = self.fontMetrics(), self._text, list[str]()
        while left and len(found) < self._lines - 1 and metrics.horizontalAdvance(left) > self.width():
            ends = [at + 1 for at, sign in enumerate(left) if sign == " "]
            fitting = [end for end in ends if metrics.horizontalAdvance(left[:end].rstrip()) <= self.width()]
            if not fitting:
                break
            found.append(left[: fitting[-1]])
            left = left[fitting[-1] :]
        return [*found, metrics.elidedText(left, Qt.TextElideMode.ElideRight, self.width())]
