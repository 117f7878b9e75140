"""The scores of a solution's steps as a strip of cells with numbers; drawn once, and again when one has changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from sapo_ui import theme

CELL, GAP, HIGH = 36.0, 2.0, 18
"""Pixels of a score with its number, between two, and their height."""

PLAIN = 14.0
"""A cell without a score, its gap included."""

LEAST, BARE = 3.0, 30.0
"""The narrowest cell, and the width below which it has no number."""


@cache
def _number(score: float) -> str:
    text = f"{score:.2f}"
    return text[1:] if text.startswith("0") else text[:3]


class ScoreStrip:
    """A picture of scores, None where a step has none."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._picture = QPixmap()
        self.width = 0.0
        """Pixels that the cells take."""

    def paint(self, painter: QPainter, left: float, top: float, scores: Sequence[float | None], room: float) -> None:
        """Paint it into `room` pixels: where there are too many steps, cells are narrower and have no numbers."""
        ratio = max(1.0, painter.deviceTransform().m11())  # also of a picture that is taken larger
        key = (tuple(scores), room, ratio, theme.current().name)
        if key != self._key:
            self._key = key
            self._draw(scores, room, ratio)
        if scores:
            painter.drawPixmap(round(left), round(top), self._picture)

    def _draw(self, scores: Sequence[float | None], room: float, ratio: float) -> None:
        self.width = 0.0
        if not scores:
            return
        look = theme.current()
        usual = PLAIN if all(score is None for score in scores) else CELL + GAP
        pitch = max(LEAST, min(usual, room / len(scores)))
        gap = GAP if pitch > 8 else 1.0 if pitch > 4 else 0.0
        shown = scores[: max(1, int(room / pitch))]
        self.width = len(shown) * pitch
        size = QSize(round((self.width + 1) * ratio), round(HIGH * ratio))
        self._picture = QPixmap(size)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("mono_small"))
        edge = QPen(QColor(look.border), 1)
        for at, score in enumerate(shown):
            cell = QRectF(at * pitch, 0, pitch - gap, HIGH)
            if score is None:
                painter.setPen(edge)
                painter.setBrush(QColor(look.raised))
                painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5))
                continue
            tint = theme.score_colour(score)
            painter.setPen(edge if look.dark and gap else Qt.PenStyle.NoPen)
            painter.setBrush(tint)
            painter.drawRoundedRect(cell.adjusted(0.5, 0.5, -0.5, -0.5) if look.dark and gap else cell, 2, 2)
            if pitch >= BARE:
                painter.setPen(QColor(theme.text_on(tint)))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, _number(round(score, 2)))
        painter.end()
