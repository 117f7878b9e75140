"""A choice among many, by typing a few letters of it: a closed box like a combo box, and a list that is searched."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QListWidgetItem, QPushButton, QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.search_popup import ROW, SearchPopup, SearchRows, matches

SHOWN = 10
"""Rows in sight."""

PAD, ARROW = 9, 24


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen. `note` tells it from others with the same `title`."""

    key: Hashable
    title: str
    note: str = ""

    @property
    def text(self) -> str:
        """Title and note in one line."""
        return f"{self.title}, {self.note}" if self.note else self.title


class _Rows(SearchRows):
    """The title on the left, the note behind it."""

    pad = PAD

    def draw(self, painter: QPainter, inside: Any, index: QModelIndex | QPersistentModelIndex) -> None:
        look = theme.current()
        one: Option = index.data(Qt.ItemDataRole.UserRole)
        middle = Qt.AlignmentFlag.AlignVCenter
        body, small = QFontMetrics(theme.font("body")), QFontMetrics(theme.font("small"))
        note = min(small.horizontalAdvance(one.note) + 2, inside.width() * 2 // 3)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        painter.drawText(
            inside,
            middle | Qt.AlignmentFlag.AlignRight,
            small.elidedText(one.note, Qt.TextElideMode.ElideRight, note),
        )
        painter.setFont(theme.font("body"))
        painter.setPen(QColor(look.text))
        room = inside.width() - note - (12 if one.note else 0)
        painter.drawText(inside, middle, body.elidedText(one.title, Qt.TextElideMode.ElideRight, room))


class OptionList(SearchPopup):
    """The list, with a line to search it by. It deletes itself once it is closed."""

    picked = Signal(object)
    """(key)"""

    def __init__(self, name: str, options: Sequence[Option], chosen: Hashable, nothing: str, parent: QWidget) -> None:
        super().__init__(_Rows(), "float", f"{name}: search", name, "Type a few letters", parent)
        self.setAccessibleName(name)
        self._options = tuple(options)
        self.none = label(nothing, "small", "muted", wrap=True)
        self.none.setVisible(False)
        self.column.addWidget(self.none)
        self.fill("")
        at = next((row for row, one in enumerate(self._options) if one.key == chosen), 0)
        self.list.setCurrentRow(at)
        height = (ROW + 1) * min(SHOWN, max(2, len(self._options))) + 64
        self.resize(max(420, parent.width()), height)

    def fill(self, query: str) -> None:
        self.list.clear()
        ranked = [
            (score, at, one)
            for at, one in enumerate(self._options)
            if (score := matches(query, f"{one.title} {one.note}")) is not None
        ]
        for _, _, one in sorted(ranked, key=lambda found: found[:2]):
            item = QListWidgetItem(one.text)
            item.setData(Qt.ItemDataRole.UserRole, one)
            item.setToolTip(plain_tip(one.text))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.none.setVisible(not ranked)

    def take(self, item: QListWidgetItem) -> None:
        one: Option = item.data(Qt.ItemDataRole.UserRole)
        self.close()
        self.picked.emit(one.key)


class SearchChooser(QPushButton):
    """The closed box: what is chosen, shortened where it has no room."""

    chosen = Signal(object)
    """(key) The user chose another."""

    def __init__(self, name: str, nothing: str = "There is none of that name.", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._nothing = name, nothing
        self._options: tuple[Option, ...] = ()
        self._key: Hashable = None
        self.popup: OptionList | None = None
        self.setAutoDefault(False)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open_list)
        self._say()
        theme.on_change(self, self._restyle)

    @property
    def key(self) -> Hashable:
        """What is chosen; None: nothing."""
        return self._key

    @property
    def option(self) -> Option | None:
        """The same with its texts."""
        return next((one for one in self._options if one.key == self._key), None)

    def set_options(self, options: Sequence[Option]) -> None:
        """Offer these; keeps the choice where it is still there."""
        self._options = tuple(options)
        if self.option is None:
            self._key = None
        self._say()

    def set_key(self, key: Hashable) -> None:
        """Choose without a signal; nothing where it is not offered."""
        self._key = key
        if self.option is None:
            self._key = None
        self._say()

    def open_list(self) -> OptionList:
        """Show the list below the box."""
        popup = self.popup = OptionList(self._name, self._options, self._key, self._nothing, self)
        popup.picked.connect(self._picked)
        popup.destroyed.connect(self._closed)
        corner = self.mapToGlobal(self.rect().bottomLeft())
        screen = self.screen().availableGeometry()
        left = max(screen.left(), min(corner.x(), screen.right() - popup.width()))
        below = corner.y() + 2
        top = below if below + popup.height() <= screen.bottom() else corner.y() - self.height() - popup.height()
        popup.move(left, max(screen.top(), top))
        popup.show()
        popup.line.setFocus(Qt.FocusReason.PopupFocusReason)
        return popup

    def _closed(self) -> None:
        self.popup = None

    def _picked(self, key: object) -> None:
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        if isinstance(key, Hashable) and key != self._key:
            self.set_key(key)
            self.chosen.emit(key)

    def _say(self) -> None:
        one = self.option
        text = one.text if one is not None else "none"
        self.setAccessibleName(self._name)
        self.setAccessibleDescription(text)
        self.setToolTip(plain_tip(f"{self._name}: {text}"))
        self.update()

    def _restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, theme.CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(64, theme.CONTROL_HEIGHT)

    def keyPressEvent(self, arg__1: QKeyEvent) -> None:
        if arg__1.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_list()
        else:
            super().keyPressEvent(arg__1)

    def paintEvent(self, arg__1: QPaintEvent) -> None:
        del arg__1
        look, one = theme.current(), self.option
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide = 2 if self.hasFocus() else 1
        frame = QRectF(self.rect()).adjusted(wide / 2, wide / 2, -wide / 2, -wide / 2)
        ring = look.accent if self.hasFocus() else look.muted if self.underMouse() else look.border
        painter.setPen(QPen(QColor(ring), wide))
        painter.setBrush(QColor(look.surface if self.isEnabled() else look.window))
        painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        painter.setFont(theme.font("body"))
        painter.setPen(QColor(look.text if self.isEnabled() and one is not None else look.muted))
        room = QRectF(PAD, 0, self.width() - PAD - ARROW, self.height())
        shown = QFontMetrics(theme.font("body")).elidedText(
            one.text if one is not None else "none", Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        glyphs.paint(painter, "chevron-down", look.muted, QRectF(self.width() - 20, (self.height() - 10) / 2, 10, 10))
