"""Where a text has what is searched for, and how that is marked: the other way round, in the accent color."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from sapo_ui import theme


def hits_in(text: str, found: str) -> list[tuple[int, int]]:
    """(first, past the last) of each place in `text` where `found` stands, in whatever case; places to break a line
    (zero-width spaces) do not count."""
    shown = [at for at, sign in enumerate(text) if sign != "\u200b"]
    plain, wanted = "".join(text[at] for at in shown).lower(), found.lower()
    if not wanted or len(plain) != len(shown):  # a letter that is two in small letters
        return []
    starts = (one.start() for one in re.finditer(re.escape(wanted), plain))
    return [(shown[start], shown[start + len(wanted) - 1] + 1) for start in starts]


def paint_hits(painter: QPainter, font: QFont, where: QRectF, text: str, hits: Sequence[tuple[int, int]]) -> None:
    """Paint the parts `hits` of a line over it. `where`: the line, which has been painted in `font` from its left."""
    look, metrics = theme.current(), QFontMetricsF(font)
    painter.save()
    for left, right in hits:
        part = text[max(0, left) : max(0, right)]
        if part:
            x = where.left() + metrics.horizontalAdvance(text[: max(0, left)])
            box = QRectF(x, where.top() + 1, metrics.horizontalAdvance(part), where.height() - 2)
            painter.fillRect(box, QColor(look.accent))
            painter.setPen(QColor(look.on_accent))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, part)
    painter.restore()


def marked(text: str, found: str) -> str:
    """HTML that shows `text` as it is, its lines too, with each place where `found` stands marked."""
    look, at = theme.current(), 0
    parts: list[str] = []
    for left, right in hits_in(text, found):
        parts.append(html.escape(text[at:left]))
        hit = html.escape(text[left:right])
        parts.append(f"<span style='background: {look.accent}; color: {look.on_accent}'>{hit}</span>")
        at = right
    parts.append(html.escape(text[at:]))
    return f"<span style='white-space: pre-wrap'>{''.join(parts)}</span>"
