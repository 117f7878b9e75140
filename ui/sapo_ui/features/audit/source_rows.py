"""Who is wrong how often: a line a source, both kinds of error as a point with its interval on one fixed scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.app.studies.audit import Source
from sapo_studio.domain.dawid_skene import Rate, SourceErrors
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.panel_export import Table, with_unit
from sapo_ui.widgets.point_bar import paint_interval

ROW, HEAD, FOOT = 26, 22, 20
NUMBER, END = 52, 6
"""Pixels of a rate's number before its bar, and free behind it."""
SCALES = (0.08, 0.16, 0.32, 0.64, 1.0)
KINDS = ("Calls a correct step incorrect", "Calls an incorrect step correct")


class SourceRows(ChartFrame):
    """Paints sources. The estimate is a bar with a point, the oracle's count a ring."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sources: Sequence[Source] = ()
        self._steps = 0
        self.setAccessibleName("Error rates of each source")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_sources(self, sources: Sequence[Source], steps: int) -> None:
        """Show these, of `steps` labeled steps."""
        self._sources, self._steps = sources, steps
        self.setAccessibleDescription("\n".join(self.in_words()))
        self.setToolTip("\n".join(self.in_words()))
        self.updateGeometry()
        self.update()

    def in_words(self) -> list[str]:
        """A sentence a source, as screen readers and the hover have it."""
        return [f"{source.title}: {_sentence(source)}" for source in self._sources]

    def sizeHint(self) -> QSize:
        return QSize(420, HEAD + ROW * max(1, len(self._sources)) + FOOT)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, self.sizeHint().height())

    def table(self) -> Table:
        """A row a source, kind of error and way to know it, rates as fractions."""
        heads = (with_unit(name, "fraction") for name in ("votes on", "rate", "low", "high"))
        rows: list[tuple[object, ...]] = [("source", "error", "by", *heads)]
        for source in self._sources:
            share = source.votes / self._steps if self._steps else None
            for by, errors in (("agreement", source.estimated), ("oracle", source.true)):
                for name, kind in zip(KINDS, ("calls_wrong", "calls_right"), strict=True):
                    rate = _rate(errors, kind)
                    if rate is not None:
                        rows.append((source.title, name, by, share, rate.value, rate.low, rate.high))
        return rows

    @property
    def has_content(self) -> bool:
        return bool(self._sources)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        left, covers = 0.0, self.width() * 0.23
        columns = [self.width() * 0.38, self.width() * 0.70]
        wide = self.width() * 0.30
        painter.setPen(QColor(look.muted))
        self._text(painter, left, 0, covers, HEAD, "Source")
        votes = painter.fontMetrics().elidedText("Votes on", Qt.TextElideMode.ElideRight, int(columns[0] - covers - 8))
        self._text(painter, covers, 0, columns[0] - covers - 4, HEAD, votes)
        for at, name in zip(columns, KINDS, strict=True):
            self._text(
                painter,
                at,
                0,
                wide,
                HEAD,
                painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(wide)),
            )
        scale = self._scale()
        for row, source in enumerate(self._sources):
            top = HEAD + row * ROW
            painter.setPen(QColor(look.text))
            name = painter.fontMetrics().elidedText(source.title, Qt.TextElideMode.ElideRight, int(covers - 8))
            self._text(painter, left, top, covers, ROW, name)
            painter.setPen(QColor(look.muted))
            share = fmt.percent(source.votes / self._steps) if self._steps else fmt.NONE
            self._text(painter, covers, top, columns[0] - covers, ROW, share)
            for at, kind in zip(columns, ("calls_wrong", "calls_right"), strict=True):
                estimated, true = (_rate(errors, kind) for errors in (source.estimated, source.true))
                self._bar(painter, QRectF(at, top, wide, ROW), estimated, true, scale)
        foot = HEAD + ROW * len(self._sources)
        painter.setPen(QColor(look.muted))
        for at in columns:
            start, end = at + NUMBER, at + wide - END
            self._text(painter, start, foot, 20, FOOT, "0")
            side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(end - 50, foot, 50, FOOT), side, fmt.percent(scale))

    def _text(self, painter: QPainter, x: float, y: float, wide: float, high: float, text: str) -> None:
        painter.drawText(QRectF(x, y, wide, high), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _bar(self, painter: QPainter, where: QRectF, rate: Rate | None, true: Rate | None, scale: float) -> None:
        shown = rate or true
        painter.setPen(QColor(theme.current().text))
        number = fmt.percent(shown.value) if shown else fmt.NONE
        self._text(painter, where.left(), where.top(), NUMBER - 2, where.height(), number)
        paint_interval(
            painter,
            QRectF(where.left() + NUMBER, where.top(), where.width() - NUMBER - END, where.height()),
            None if rate is None else rate.value,
            None if rate is None else rate.low,
            None if rate is None else rate.high,
            most=scale,
            ring=None if true is None else true.value,
        )

    def _scale(self) -> float:
        highs = [
            rate.high if errors is source.estimated else rate.value
            for source in self._sources
            for errors in (source.estimated, source.true)
            if errors is not None
            for rate in (errors.calls_wrong, errors.calls_right)
            if not math.isnan(rate.value)
        ]
        return next((scale for scale in SCALES if scale >= max(highs, default=0.0)), 1.0)


def _rate(errors: SourceErrors | None, kind: str) -> Rate | None:
    rate: Rate | None = None if errors is None else getattr(errors, kind)
    return None if rate is None or math.isnan(rate.value) else rate


def _sentence(source: Source) -> str:
    parts = [f"{source.votes:,} votes, {source.shared:,} of them on steps that another source voted on"]
    for who, errors in (("estimated", source.estimated), ("by the task's oracle", source.true)):
        for kind, words in (
            ("calls_wrong", "correct steps called incorrect"),
            ("calls_right", "incorrect steps called correct"),
        ):
            rate = _rate(errors, kind)
            if rate is not None:
                parts.append(
                    f"{words}, {who}: {fmt.percent(rate.value)} ({fmt.percent(rate.low)} to {fmt.percent(rate.high)})"
                )
    return "; ".join(parts)
