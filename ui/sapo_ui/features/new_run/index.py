"""The index of the New run form: search, the sections with how they stand, and whether all settings are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.readable import counted
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.labels import label

WIDTH = 156
ITEM_HEIGHT = 32
_KEY, _STATE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class SectionState:
    """How a section stands: values that are wrong, and that differ from the preset."""

    wrong: int = 0
    changed: int = 0

    @property
    def words(self) -> str:
        """As it is read out."""
        return f"{self.wrong} wrong" if self.wrong else f"{self.changed} changed" if self.changed else "complete"


class _Painter(QStyledItemDelegate):
    """A name, and behind it a check, a number or a warning."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        where: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]  # missing in the stubs
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        told = index.data(_STATE)
        stands = told if isinstance(told, SectionState) else SectionState()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(where).adjusted(2, 1, -2, -1)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(body, 4, 4)
            painter.fillRect(QRectF(body.left(), body.top() + 2, 3, body.height() - 4), QColor(look.accent))
        if state & QStyle.StateFlag.State_HasFocus and chosen:
            painter.setPen(QColor(look.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(body, 4, 4)
        painter.setPen(QColor(look.text))
        painter.setFont(theme.font("strong" if chosen else "body"))
        room = where.adjusted(12, 0, -34, 0)
        name = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        mark = QRectF(where.right() - 26, where.center().y() - 7, 14, 14)
        if stands.wrong:
            glyphs.paint(painter, "warning", look.bad, mark)
        elif stands.changed:
            painter.setPen(QColor(look.accent))
            painter.setFont(theme.font("small"))
            painter.drawText(
                where.adjusted(0, 0, -14, 0),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                str(stands.changed),
            )
        else:
            glyphs.paint(painter, "check", look.muted, mark)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        del option, index
        return QSize(WIDTH - 20, ITEM_HEIGHT)


class SearchField(QLineEdit):
    """Finds a setting. Escape empties it; where it is empty, Escape is the page's."""

    done = Signal()
    """The user is through with it: the form is to have the focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Find a setting")
        self.setAccessibleName("Find a setting")

    def event(self, arg__1: QEvent) -> bool:
        is_escape = isinstance(arg__1, QKeyEvent) and arg__1.key() == Qt.Key.Key_Escape
        if is_escape and arg__1.type() == QEvent.Type.ShortcutOverride and self.text():
            arg__1.accept()  # else the page is left
            return True
        return super().event(arg__1)

    def keyPressEvent(self, arg__1: QKeyEvent) -> None:
        if arg__1.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif arg__1.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down) and not arg__1.modifiers():
            self.done.emit()
        else:
            super().keyPressEvent(arg__1)


class SectionIndex(QFrame):
    """Tells which section is wanted (`chosen`), what is searched for and whether all settings are to be shown."""

    chosen = Signal(str)
    """(section) Show it."""
    search_changed = Signal(str)
    all_changed = Signal(bool)

    def __init__(self, settings: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setFixedWidth(WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 12)
        column.setSpacing(8)
        self.search = SearchField(self)
        self.search.textChanged.connect(self.search_changed)
        column.addWidget(self.search)
        self.sections = QListWidget(self)
        self.sections.setProperty("look", "plain")
        self.sections.setItemDelegate(_Painter(self.sections))
        self.sections.setAccessibleName("Sections")
        self.sections.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sections.currentItemChanged.connect(self._moved)
        column.addWidget(self.sections, 1)
        line = QFrame(self)
        line.setProperty("look", "line")
        column.addWidget(line)
        self.all = QCheckBox(f"all {settings} settings", self)
        self.all.setToolTip("Off: only the common ones, what is changed and what is wrong")
        self.all.toggled.connect(self.all_changed)
        column.addWidget(self.all)
        self.shown = label("", "small", "muted")
        self.counts = label("", "small", "muted", wrap=True)
        for line_ in (self.shown, self.counts):
            line_.setContentsMargins(24, 0, 0, 0)
            column.addWidget(line_)
        theme.on_change(self, self._restyle)

    def fill(self, titles: Mapping[str, str]) -> None:
        """The sections, by key."""
        self.sections.blockSignals(True)
        for key, title in titles.items():
            item = QListWidgetItem(title, self.sections)
            item.setData(_KEY, key)
            item.setData(_STATE, SectionState())
        self.sections.setCurrentRow(0)
        self.sections.blockSignals(False)

    def say(self, states: Mapping[str, SectionState], shown: int) -> None:
        """How the sections stand; those not among `states` have nothing to show. `shown`: settings in sight."""
        for at in range(self.sections.count()):
            item = self.sections.item(at)
            state = states.get(str(item.data(_KEY)))
            item.setHidden(state is None)
            if state is not None and state != item.data(_STATE):
                item.setData(_STATE, state)
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{item.text()}, {state.words}")
        wrong = sum(state.wrong for state in states.values())
        changed = sum(state.changed for state in states.values())
        self.shown.setText(f"{shown} shown")
        told = [f"{wrong} wrong" if wrong else "", f"{changed} changed" if changed else ""]
        self.counts.setText(" \u00b7 ".join(part for part in told if part) or "as the preset has it")
        self.counts.setToolTip(f"{counted(changed, 'value')} of the form differ from the preset" if changed else "")

    def state(self, key: str) -> SectionState:
        """How a section stands."""
        for at in range(self.sections.count()):
            item = self.sections.item(at)
            if item.data(_KEY) == key:
                told = item.data(_STATE)
                return told if isinstance(told, SectionState) else SectionState()
        return SectionState()

    def mark(self, key: str) -> None:
        """This section is in sight."""
        for at in range(self.sections.count()):
            if self.sections.item(at).data(_KEY) == key and self.sections.currentRow() != at:
                self.sections.blockSignals(True)
                self.sections.setCurrentRow(at)
                self.sections.blockSignals(False)

    def step(self, by: int) -> None:
        """Go to the next section that is shown, or the one before."""
        at = self.sections.currentRow() + by
        while 0 <= at < self.sections.count() and self.sections.item(at).isHidden():
            at += by
        if 0 <= at < self.sections.count():
            self.sections.setCurrentRow(at)

    def _moved(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(str(item.data(_KEY)))

    def _restyle(self) -> None:
        self.sections.viewport().update()
