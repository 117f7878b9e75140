"""A section of the New run form: a heading, and the rows of those settings that are to be seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run.field_row import FieldRow
from sapo_ui.features.new_run.form_spec import FieldSpec

HEADING_HEIGHT = 36


class Extra(QWidget):
    """Something in a section that is no setting."""

    def focusable(self) -> list[QWidget]:
        """What Tab stops at in it."""
        raise NotImplementedError


class Heading(QWidget):
    """A title, a hairline, and a remark at its end."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.title, self.remark = title, ""
        self.setFixedHeight(HEADING_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def say(self, remark: str) -> None:
        """Put a remark at the end of the line."""
        if remark != self.remark:
            self.remark = remark
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, HEADING_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, painter = theme.current(), QPainter(self)
        painter.setFont(theme.font("title"))
        painter.setPen(QColor(look.text))
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        left, right = 16 + painter.fontMetrics().horizontalAdvance(self.title) + 12, self.width()
        painter.drawText(QRect(16, 0, self.width() - 16, HEADING_HEIGHT), middle, self.title)
        if self.remark:
            painter.setFont(theme.font("small"))
            painter.setPen(QColor(look.muted))
            shown = painter.fontMetrics().elidedText(
                self.remark, Qt.TextElideMode.ElideRight, max(0, right - left - 40)
            )
            width = painter.fontMetrics().horizontalAdvance(shown)
            painter.drawText(QRect(right - width, 0, width, HEADING_HEIGHT), middle, shown)
            right -= width + 12
        painter.fillRect(left, HEADING_HEIGHT // 2, max(0, right - left), 1, QColor(look.hairline))


class Section(QWidget):
    """Rows are made when they are first to be seen (`make`), and hidden after that while they are not."""

    def __init__(self, key: str, title: str, specs: Sequence[FieldSpec], parent: QWidget) -> None:
        super().__init__(parent)
        self.key, self.title = key, title
        self.specs = tuple(specs)
        self.rows: dict[str, FieldRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 8)
        self._column.setSpacing(0)
        self.heading = Heading(title, self)
        self._column.addWidget(self.heading)
        self._above: QWidget = self.heading
        """What the rows stand under."""
        self._more: dict[bool, list[Extra]] = {True: [], False: []}

    def put(self, widget: Extra, *, top: bool = False) -> None:
        """Add something that is no setting: below the heading, or behind the rows."""
        self._more[top].append(widget)
        if top:
            self._column.insertWidget(self._column.indexOf(self._above) + 1, widget)
            self._above = widget
        else:
            self._column.addWidget(widget)

    def lacking(self, paths: Collection[str]) -> list[FieldSpec]:
        """The settings among `paths` that have no row yet, in their order."""
        return [spec for spec in self.specs if spec.path in paths and spec.path not in self.rows]

    def make(self, spec: FieldSpec) -> FieldRow:
        """Make the row of a setting, in its place."""
        row = FieldRow(spec, self)
        order = [one.path for one in self.specs]
        behind = [self.rows[path] for path in order[order.index(spec.path) + 1 :] if path in self.rows]
        before = [self.rows[path] for path in order[: order.index(spec.path)] if path in self.rows]
        if behind:
            at = self._column.indexOf(behind[0])
        else:
            at = self._column.indexOf(before[-1] if before else self._above) + 1
        self._column.insertWidget(at, row)
        self.rows[spec.path] = row
        return row

    def focusable(self) -> list[QWidget]:
        """What Tab stops at, from top to bottom."""
        rows = [self.rows[spec.path] for spec in self.specs if spec.path in self.rows]
        return [part for one in (*self._more[True], *rows, *self._more[False]) for part in one.focusable()]

    def show_rows(self, paths: Collection[str]) -> None:
        """Show the rows of `paths` alone, and the section if any setting of it is among them."""
        for path, row in self.rows.items():
            row.setVisible(path in paths)
        self.setVisible(any(spec.path in paths for spec in self.specs))
