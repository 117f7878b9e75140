"""The text of a step, broken into lines: a solution in words wraps, a program keeps its lines and has colors."""

from __future__ import annotations

import io
import keyword
import tokenize
from functools import cache
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QTextCharFormat, QTextLayout, QTextOption

from sapo_ui import theme
from sapo_ui.widgets.hits import hits_in, paint_hits
from sapo_ui.widgets.plain_text import breakable

PAD = 4


class TextPlace(Protocol):
    """Where the text stands in a row that is painted."""

    @property
    def text(self) -> float:
        """Its left edge."""
        ...

    @property
    def text_width(self) -> float:
        """The room that it has."""
        ...


class StepText:
    """Measured and painted at any width."""

    def __init__(self, text: str, *, code: bool) -> None:
        self.code = code
        self._lines = text.rstrip("\n").split("\n") if code else [breakable(" ".join(text.split()) or "(empty)")]
        self._spans = spans(text.rstrip("\n")) if code else []
        self._font = theme.font("mono_small")
        self._high = QFontMetricsF(self._font).lineSpacing()

    def height(self, width: float, most: int) -> int:
        """Pixels at `width`, of at most `most` lines (0: of all)."""
        if self.code:
            return round(len(self._lines) * self._high)
        count = self._laid_out(width).lineCount()
        return round(self._high * (min(count, most) if most else count))

    def _laid_out(self, width: float) -> QTextLayout:
        layout = QTextLayout(self._lines[0], self._font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        y = 0.0
        while True:
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(width)
            line.setPosition(QPointF(0, y))
            y += self._high
        layout.endLayout()
        return layout

    def paint(
        self, painter: QPainter, places: TextPlace, height: int, most: int, first_line: int, found: str = ""
    ) -> None:
        """Paint it into its column. `first_line`: the number of its first line, of a program. `found`: what is
        searched for, marked wherever it stands."""
        look = theme.current()
        painter.setFont(self._font)
        if self.code:
            self._paint_code(painter, places, first_line, found)
            return
        painter.setPen(QColor(look.text))
        layout = self._laid_out(places.text_width)
        hits = hits_in(self._lines[0], found)
        count = layout.lineCount()
        shown = min(count, most) if most else count
        top = max(PAD, (height - shown * self._high) / 2)
        for at in range(shown):
            line = layout.lineAt(at)
            text = self._lines[0][line.textStart() : line.textStart() + line.textLength()]
            if at == shown - 1 < count - 1:
                rest = self._lines[0][line.textStart() :]
                text = QFontMetricsF(self._font).elidedText(rest, Qt.TextElideMode.ElideRight, places.text_width)
            where = QRectF(places.text, top + at * self._high, places.text_width + 2, self._high)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, text)
            start = line.textStart()
            paint_hits(painter, self._font, where, text, [(left - start, right - start) for left, right in hits])

    def _paint_code(self, painter: QPainter, places: TextPlace, first_line: int, found: str) -> None:
        look = theme.current()
        wide = places.text_width
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.raised))
        block = QRectF(places.text - 6, 2, wide + 8, len(self._lines) * self._high + 2 * PAD)
        painter.drawRoundedRect(block, 4, 4)
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        for at, text in enumerate(self._lines):
            top = PAD + at * self._high
            painter.setPen(QColor(look.muted))
            painter.drawText(QRectF(places.text - 40, top, 28, self._high), right, str(first_line + at))
            layout = QTextLayout(text, self._font)
            layout.setFormats([_format(*span[1:]) for span in self._spans if span[0] == at])
            layout.beginLayout()
            line = layout.createLine()
            line.setLineWidth(10_000)
            layout.endLayout()
            painter.setClipRect(QRectF(places.text, top, wide, self._high + 2))
            painter.setPen(QColor(look.text))
            layout.draw(painter, QPointF(places.text, top))
            paint_hits(painter, self._font, QRectF(places.text, top, wide, self._high), text, hits_in(text, found))
            painter.setClipping(False)
        painter.restore()


def _format(start: int, length: int, kind: str) -> QTextLayout.FormatRange:
    look = theme.current()
    tones = {"keyword": look.series_text[0], "string": look.series_text[2], "number": look.series_text[1]}
    made = QTextLayout.FormatRange()
    style = QTextCharFormat()
    style.setForeground(QColor(tones.get(kind, look.muted)))
    made.start, made.length, made.format = start, length, style  # pyright: ignore[reportAttributeAccessIssue]
    return made


@cache
def spans(code: str) -> list[tuple[int, int, int, str]]:
    """(line, start, length, keyword | string | number | comment) of what is colored in Python `code`. A step may be any
    part of a program: what cannot be read any more stays as it is."""
    found: list[tuple[int, int, int, str]] = []
    kinds = {tokenize.STRING: "string", tokenize.NUMBER: "number", tokenize.COMMENT: "comment"}
    ground = min((len(line) - len(line.lstrip()) for line in code.split("\n") if line.strip()), default=0)
    flat = "\n".join(line[ground:] for line in code.split("\n"))
    try:
        for token in tokenize.generate_tokens(io.StringIO(flat).readline):
            kind = kinds.get(token.type, "")
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                kind = "keyword"
            (line, start), (last, end) = token.start, token.end
            for at in range(line, last + 1) if kind else ():
                left = start if at == line else 0
                right = end if at == last else 10_000
                found.append((at - 1, left + ground, right - left, kind))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return found
