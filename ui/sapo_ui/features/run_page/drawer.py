"""The drawer at the bottom of Watch: a bar that names the other panels, and the sheet in which one of them opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QSizePolicy, QStackedWidget, QToolButton, QWidget

from sapo_ui import theme
from sapo_ui.panels.panel import Panel
from sapo_ui.theme import icons
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.plain_text import plain_tip

BAR = 32
LEAST = 288
"""Pixels of an open drawer: a chart with its axis and a line below it can be read."""


class DrawerButton(QAbstractButton):
    """A panel's title and, muted beside it, its current value, which gives way first."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(title)
        self.value = ""
        self.setCheckable(True)
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(f"Open {title}")
        self.setToolTip(f"Open {title} over the lower part of the page; Esc closes it")
        theme.on_change(self, self.update)

    def set_value(self, value: str) -> None:
        """Show this beside the title."""
        if value != self.value:
            self.value = value
            self.setAccessibleDescription(value)
            self.setToolTip(plain_tip(f"{self.text()}: {value}" if value else f"Open {self.text()}"))
            self.updateGeometry()
            self.update()

    def _wide(self, text: str) -> int:
        return round(QFontMetricsF(self.font()).horizontalAdvance(text)) + 1

    def sizeHint(self) -> QSize:
        more = self._wide(self.value) + 8 if self.value else 0
        return QSize(self._wide(self.text()) + more + 20, BAR - 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._wide(self.text()) + 20, BAR - 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 3, -2, -3)
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft if self.isChecked() else look.raised))
            painter.drawRoundedRect(box, 4, 4)
        if self.hasFocus():
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 4, 4)
        metrics = QFontMetricsF(self.font())
        painter.setPen(QColor(look.text))
        name = metrics.horizontalAdvance(self.text())
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(10, 0, name + 2, self.height()), middle, self.text())
        room = self.width() - 20 - name - 8
        if self.value and room > 12:
            painter.setPen(QColor(look.muted))
            short = metrics.elidedText(self.value, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(10 + name + 8, 0, room + 2, self.height()), middle, short)


class DrawerBar(QFrame):
    """A button for each panel."""

    pressed = Signal(object)
    """(panel id: str) The user wants this panel opened, or closed where it is open."""

    def __init__(self, panels: Sequence[Panel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setFixedHeight(BAR)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 1, 4, 1)
        row.setSpacing(0)
        self.buttons: dict[str, DrawerButton] = {}
        for panel in panels:
            button = self.buttons[panel.panel_id] = DrawerButton(panel.title)
            button.clicked.connect(partial(self._press, panel.panel_id))
            row.addWidget(button)
        row.addStretch(1)

    def _press(self, panel_id: str, _checked: bool = False) -> None:
        self.pressed.emit(panel_id)

    def set_values(self, values: Mapping[str, str]) -> None:
        """Show the panels' current values."""
        for panel_id, button in self.buttons.items():
            button.set_value(values.get(panel_id, ""))

    def show_open(self, panel_id: str) -> None:
        """Mark the panel that is open; empty: none."""
        for name, button in self.buttons.items():
            button.setChecked(name == panel_id)


class DrawerSheet(Card):
    """The open panel, with its title and a way to close it."""

    closed = Signal()

    def __init__(self, panels: Sequence[Panel], parent: QWidget | None = None) -> None:
        self.stack = QStackedWidget()
        super().__init__(self.stack, "", parent)
        self._panels = {panel.panel_id: panel for panel in panels}
        for panel in panels:
            self.stack.addWidget(panel)
        self.close_button = QToolButton()
        self.close_button.setAccessibleName("Close the drawer")
        self.close_button.setToolTip("Close (Esc)")
        self.close_button.setFixedSize(28, 24)
        self.close_button.setStyleSheet("padding: 0;")
        self.close_button.clicked.connect(self.closed)
        self.head.addWidget(self.close_button)
        self.panel_id = ""
        self.hide()
        theme.on_change(self, self._restyle)

    def open(self, panel_id: str) -> None:
        """Show this panel."""
        panel = self._panels[panel_id]
        self.panel_id = panel_id
        self.set_title(panel.title)
        self.stack.setCurrentWidget(panel)
        self.show()
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def _restyle(self) -> None:
        self.close_button.setIcon(icons.icon("close", theme.current().muted))
