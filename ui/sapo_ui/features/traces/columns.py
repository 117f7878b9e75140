"""The columns of the trace view: where they stand at a width, and the line above the steps that names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.features.traces.row_facts import source_title
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES

MARKS = ("triangle", "square", "ring")
EDGE, NUMBER, SCORE, MARK, LABEL, TRIES, BAR = 12, 20, 72, 20, 52, 40, 60
"""Pixels: the score's color at the left edge, the step's number, the score as bar and number, a mark's place, a source
of labels, k of n, and its interval."""

SCROLL = 4
"""What the column of steps leaves free beside its rows."""

LEAST_TEXT = 180
MOST_TEXT = 780
"""96 characters: longer lines are hard to read."""


@dataclass(frozen=True)
class Columns:
    """Where the columns are in a row that is `width` pixels wide, with so many sources of labels. Where there is no
    room, the intervals go first, then the labels of all sources but people's."""

    width: int
    sources: int
    numbers: bool = False
    """Whether lines are numbered (programs)."""

    @property
    def _fixed(self) -> int:
        return EDGE + NUMBER + (28 if self.numbers else 0) + SCORE + MARK * len(MARKS) + 8

    @property
    def bars(self) -> bool:
        """Whether there is room for intervals."""
        return self.width - self._fixed - LABEL * self.sources - TRIES - BAR >= LEAST_TEXT

    @property
    def shown(self) -> int:
        """How many sources are shown, from the right."""
        room = self.width - self._fixed - TRIES - LEAST_TEXT
        return max(1, min(self.sources, room // LABEL))

    @property
    def tries(self) -> float:
        """Left edge of k of n."""
        return self.width - 8.0 - TRIES - (BAR if self.bars else 0)

    def label(self, at: int) -> QRectF:
        """The place of source `at`, one row high; empty where it is not shown."""
        place = at - (self.sources - self.shown)
        left = self.tries - LABEL * (self.shown - place) - 4
        return QRectF(left, 0, LABEL, 40) if place >= 0 else QRectF()

    def mark(self, at: int) -> float:
        """The middle of the place of mark `at`."""
        return self.tries - LABEL * self.shown - 8 - MARK * (len(MARKS) - at - 0.5)

    @property
    def score(self) -> float:
        """Left edge of the score."""
        return self.mark(0) - MARK / 2 - SCORE

    @property
    def text(self) -> float:
        """Left edge of the text."""
        return EDGE + NUMBER + (28.0 if self.numbers else 0.0)

    @property
    def text_width(self) -> float:
        """Room for the text."""
        return max(60.0, min(MOST_TEXT, self.score - self.text - 12))


class ColumnHeads(QWidget):
    """Names the columns; the marks are drawn as they are in the rows."""

    def __init__(self, rows: QAbstractScrollArea, parent: QWidget | None = None) -> None:
        """`rows`: the area that the rows stand in, which a scroll bar makes narrower."""
        super().__init__(parent)
        self._rows = rows
        rows.verticalScrollBar().rangeChanged.connect(self._moved)
        self._sources: tuple[str, ...] = ()
        self._numbers = False
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Score: the verifier's, after the step. Marks: first error predicted, verified by rollouts, by a person.\n"
            "Then what each source says of the step, and how many of the rollouts from it end correct, with the 95 % "
            "interval of that chance."
        )
        theme.on_change(self, self.update)

    def show_sources(self, sources: Sequence[str], *, numbers: bool) -> None:
        """Name these sources."""
        self._sources, self._numbers = tuple(sources), numbers
        names = ", ".join(source_title(source) for source in sources)
        self.setAccessibleName(f"Columns: step, score, marks, {names}, rollouts")
        self.update()

    def columns(self) -> Columns:
        """Where the columns are now."""
        return Columns(self._rows.viewport().width() - SCROLL, len(self._sources), self._numbers)

    def _moved(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, places = theme.current(), self.columns()
        painter = QPainter(self)
        painter.setPen(QColor(look.muted))
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        high = self.height()
        painter.drawText(QRectF(places.text, 0, 80, high), left, "Step")
        painter.drawText(QRectF(places.score, 0, SCORE, high), left, "Score")
        metrics = QFontMetricsF(self.font())
        for at, source in enumerate(self._sources):
            where = places.label(at)
            if where.isEmpty():
                continue
            name = metrics.elidedText(source_title(source), Qt.TextElideMode.ElideRight, LABEL - 4)
            painter.drawText(QRectF(where.x(), 0, LABEL, high), Qt.AlignmentFlag.AlignCenter, name)
        wide = TRIES + (BAR if places.bars else 8)
        painter.drawText(QRectF(places.tries, 0, wide, high), left, "Rollouts" if places.bars else "k of n")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, shape in enumerate(MARKS):
            middle = QPointF(places.mark(at), high / 2)
            DRAW[shape](painter, middle, TEXT_SIZES[shape], QColor(look.muted), QColor(look.surface))
