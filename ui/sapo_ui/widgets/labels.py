"""Small text: labels in a type role, chips, and the message of a panel that has nothing to show."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip

Tone = Literal["plain", "good", "warning", "bad", "accent"]


def label(text: str = "", role: theme.FontRole = "body", look: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label in a type role; `look` is muted, good, warning or bad."""
    made = PlainLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setFont(theme.font(role))
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    return made


class Chip(QWidget):
    """A word or two in a pill, with an icon or a mark before it. The tone colours the text; the words carry the
    meaning."""

    def __init__(
        self, text: str = "", tone: Tone = "plain", *, icon: str = "", mark: str = "", mono: bool = False
    ) -> None:
        super().__init__()
        self._text, self._tone, self._icon = text, tone, icon
        self._mark = mark
        self.setFont(theme.font("mono_small" if mono else "small"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        """What the chip says."""
        return self._text

    def set_text(self, text: str, tone: Tone = "plain", icon: str = "") -> None:
        """Say something else."""
        self._text, self._tone, self._icon = text, tone, icon
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(
            metrics.horizontalAdvance(self._text) + 16 + (18 if self._icon or self._mark else 0), metrics.height() + 5
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        colour = {
            "plain": look.text,
            "good": look.good,
            "warning": look.warning,
            "bad": look.bad,
            "accent": look.accent,
        }[self._tone]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(QColor(look.raised))
        painter.setPen(QPen(QColor(look.hairline), 1))
        painter.drawRoundedRect(body, body.height() / 2, body.height() / 2)
        left = 8.0
        if self._icon:
            glyphs.paint(painter, self._icon, colour, QRectF(left, (self.height() - 13) / 2, 13, 13))
            left += 18
        elif self._mark:
            at = QPointF(left + 6.5, self.height() / 2)
            DRAW[self._mark](painter, at, TEXT_SIZES[self._mark], QColor(look.text), QColor(look.raised))
            left += 18
        painter.setPen(QColor(colour))
        painter.drawText(
            QRectF(left, 0, self.width() - left - 6, self.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            self._text,
        )


SIGN = 20
"""Pixels of the icon of an empty state."""


class EmptyState(QWidget):
    """What stands in the middle of a page with nothing to show: a sign, what belongs here, and what would fill it."""

    def __init__(self, headline: str = "", text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_4, theme.SPACE_4, theme.SPACE_4, theme.SPACE_4)
        column.setSpacing(theme.SPACE_1)
        self._sign = ""
        self._below: list[QWidget] = []
        self._icon = PlainLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._icon.setVisible(False)
        self._headline = label(headline, "strong", wrap=True)
        self._text = label(text, "body", "muted", wrap=True)
        column.addStretch(1)
        column.addWidget(self._icon)
        for line in (self._headline, self._text):
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)
            line.setMaximumWidth(420)
            line.setMinimumWidth(120)
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(line, 20)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(1)

        theme.on_change(self, self._restyle)

    def say(self, headline: str, text: str, sign: str = "") -> None:
        """Change the message. `sign`: the name of an icon above it."""
        self._headline.setText(headline)
        self._text.setText(text)
        self._sign = sign
        self._restyle()
        self._fit()

    def put_below(self, part: QWidget) -> None:
        """Put a button, or whatever else belongs to the message, below it. Beside the message it would get no room:
        what is hidden asks for none.
        """
        column = self.layout()
        assert isinstance(column, QVBoxLayout)
        if not self._below:
            column.insertSpacing(column.count() - 1, theme.SPACE_2)
        column.insertWidget(column.count() - 1, part, 0, Qt.AlignmentFlag.AlignHCenter)
        self._below.append(part)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Without room for all of it the sign goes first, and then the text, which hovering shows."""
        wide = max(120, min(420, self.width() - 2 * theme.SPACE_4))
        below = [part.sizeHint().height() + theme.SPACE_2 for part in self._below if not part.isHidden()]
        room = self.height() - 2 * theme.SPACE_4 - self._headline.heightForWidth(wide) - sum(below)
        text = self._text.heightForWidth(wide) + theme.SPACE_1
        self._text.setVisible(bool(self._text.text()) and text <= room)
        self._icon.setVisible(bool(self._sign) and SIGN + text + theme.SPACE_1 <= room)
        self.setToolTip(plain_tip("" if self._text.isVisibleTo(self) else self._text.text()))

    def _restyle(self) -> None:
        if self._sign:
            self._icon.setPixmap(glyphs.pixmap(self._sign, theme.current().muted, SIGN))

    @property
    def message(self) -> str:
        """Both lines."""
        return f"{self._headline.text()} {self._text.text()}"
