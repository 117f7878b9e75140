"""The machine's cards as tiles to tick: free memory, use, temperature, and what runs there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.forecast import size
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.new_run.section import Extra
from sapo_ui.services import tasks
from sapo_ui.services.card_watch import CardReader, CardsNow, CardState
from sapo_ui.theme import glyphs
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip

EVERY_MS = 1000
TILE = QSize(172, 92)
HOT = 70
"""Degrees Celsius above which a temperature is in the colour of warnings."""


@dataclass(frozen=True)
class Need:
    """What the run would take of a card at its worst moment, in bytes, and when that is."""

    bytes: float
    use: str


class CardTile(QAbstractButton):
    """One card. Ticked: the run works on it. Too small a card cannot be ticked, and says why."""

    def __init__(self, state: CardState, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.state = state
        self.need: Need | None = None
        theme.on_change(self, self.update)

    @property
    def too_small(self) -> bool:
        """Whether the run does not fit, however much of the card is free."""
        return self.need is not None and self.need.bytes > self.state.use.total

    @property
    def reason(self) -> str:
        """Why it cannot be ticked, or what stands in the way just now; empty: nothing."""
        if self.need is None:
            return ""
        if self.too_small:
            return f"too small, needs {size(self.need.bytes)}"
        return f"full, needs {size(self.need.bytes)}" if self.need.bytes > self.state.use.free else ""

    def show_state(self, state: CardState, need: Need | None) -> None:
        """Show the card as it is now."""
        self.state, self.need = state, need
        use = state.use
        free = f"{size(use.free)} of {size(use.total)} free"
        heat = "" if use.temperature is None else f", {use.temperature} \u00b0C"
        load = "" if use.load is None else f", {_share(use.load)} busy"
        why = f"{self.reason} ({self.need.use})" if self.need is not None and self.reason else state.who
        self.setEnabled(not self.too_small)
        self.setAccessibleName(f"Card {use.number}, {use.name}: {free}{load}{heat}, {why}")
        self.setToolTip(plain_tip(f"Card {use.number}, {use.name}\n{free}{load}{heat}\n{why}\n{use.uuid}"))
        self.update()

    def sizeHint(self) -> QSize:
        return TILE

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, painter, use = theme.current(), QPainter(self), self.state.use
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = self.isChecked()
        body = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setBrush(QColor(look.accent_soft if on else look.surface))
        painter.setPen(
            QPen(QColor(look.accent if on or self.hasFocus() else look.border), 2 if on or self.hasFocus() else 1)
        )
        painter.drawRoundedRect(body, theme.RADIUS, theme.RADIUS)
        box = QRectF(10, 11, 14, 14)
        painter.setPen(QPen(QColor(look.accent if on else look.muted if self.isEnabled() else look.hairline), 1))
        painter.setBrush(QColor(look.accent if on else look.surface))
        painter.drawRoundedRect(box, 3, 3)
        if on:
            glyphs.paint(painter, "check", look.on_accent, box.adjusted(1, 1, -1, -1))
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        inner = self.width() - 20.0
        heat = "" if use.temperature is None else f"{use.temperature} \u00b0C"
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.warning if (use.temperature or 0) > HOT else look.muted))
        painter.drawText(QRectF(10, 8, inner, 20), right, heat)
        room = inner - 38 - painter.fontMetrics().horizontalAdvance(heat)
        painter.setPen(QColor(look.muted))
        painter.drawText(
            QRectF(44, 8, room, 20),
            middle,
            self._cut(painter, use.name.removeprefix("NVIDIA ").removeprefix("GeForce "), room),
        )
        painter.setFont(theme.font("strong"))
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(30, 8, 14, 20), middle, str(use.number))
        groove = QRectF(10, 34, inner, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.sunken))
        painter.drawRoundedRect(groove, 2.5, 2.5)
        painter.setBrush(QColor(look.muted))
        taken = 1 - use.free / use.total if use.total else 0.0
        painter.drawRoundedRect(QRectF(10, 34, max(5.0, inner * taken), 5), 2.5, 2.5)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.text if self.isEnabled() else look.muted))
        painter.drawText(QRectF(10, 44, inner, 20), middle, f"{size(use.free)} of {size(use.total)} free")
        load = "" if use.load is None else _share(use.load)
        painter.setPen(QColor(look.muted))
        painter.drawText(QRectF(10, 64, inner, 20), right, "" if self.reason else load)
        room = inner if self.reason else inner - 8 - painter.fontMetrics().horizontalAdvance(load)
        painter.setPen(QColor(look.warning if self.reason else look.muted))
        painter.drawText(QRectF(10, 64, room, 20), middle, self._cut(painter, self.reason or self.state.who, room))

    @staticmethod
    def _cut(painter: QPainter, text: str, room: float) -> str:
        return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room))


def _share(of_one: float) -> str:
    return f"{round(100 * of_one)} %"


class CardTiles(Extra):
    """Reads the cards each second while it is seen. Without a card it says where the run will work instead."""

    ticked = Signal(object)
    """(list[int]) The cards that the run is to work on, by number."""
    rearranged = Signal()
    """There are other tiles than before."""
    remarked = Signal(str)
    """When the cards were read, for the heading."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._reader = CardReader()
        self._needs: Mapping[int, Need] = {}
        self._chosen: list[int] = []
        self.tiles: dict[str, CardTile] = {}
        """By the card's UUID: numbers change with the driver."""
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 0, 4)
        column.setSpacing(4)
        self.flow = FlowRow(self, gap=theme.SPACE_3)
        self.none = label("", "body", "muted", wrap=True)
        column.addWidget(self.flow)
        column.addWidget(self.none)
        self.flow.hide()
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._read)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self._read()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def leave(self) -> None:
        """The page goes: give the driver's library back."""
        self._timer.stop()
        reader = self._reader
        tasks.run(self, lambda store: reader.close(), lambda _: None, key="cards")

    def _read(self) -> None:
        tasks.run(self, self._reader.read, self.show_cards, key="cards", keep_running=True)

    def focusable(self) -> list[QWidget]:
        return list(self.tiles.values())

    def need(self, needs: Mapping[int, Need]) -> None:
        """What the run would take of each card, by number."""
        self._needs = needs
        for tile in self.tiles.values():
            tile.show_state(tile.state, needs.get(tile.state.use.number))

    def choose(self, numbers: list[int]) -> None:
        """Tick these cards, as the program."""
        self._chosen = numbers
        for tile in self.tiles.values():
            tile.blockSignals(True)
            tile.setChecked(tile.state.use.number in numbers)
            tile.blockSignals(False)
            tile.update()

    def show_cards(self, now: CardsNow) -> None:
        """Show what was read."""
        there = {state.use.uuid or str(state.use.number): state for state in now.cards}
        before = set(self.tiles)
        for uuid in set(self.tiles) - set(there):
            self.tiles.pop(uuid).deleteLater()
        for uuid, state in there.items():
            if uuid not in self.tiles:
                tile = self.tiles[uuid] = CardTile(state, self.flow)
                tile.toggled.connect(self._told)
                self.flow.add(tile)
            self.tiles[uuid].show_state(state, self._needs.get(state.use.number))
        if set(self.tiles) != before:
            self.rearranged.emit()
        self.flow.setVisible(bool(there))
        self.none.setVisible(not there)
        if there:
            self.choose(self._chosen)
            age = max(0, round(time.time() - now.at))
            self.remarked.emit(f"the driver has been silent for {fmt.duration(age)}" if now.silent else "read just now")
        else:
            why = f"{now.why[:1].upper()}{now.why[1:]}. " if now.why else ""
            cores = f"{now.cores} core{'' if now.cores == 1 else 's'}"
            self.none.setText(f"{why}Runs on {cores}; {size(now.free)} of {size(now.total)} main memory free.")
            self.remarked.emit("")

    def _told(self) -> None:
        self._chosen = sorted(tile.state.use.number for tile in self.tiles.values() if tile.isChecked())
        for tile in self.tiles.values():
            tile.update()
        self.ticked.emit(list(self._chosen))


def numbers_in(text: str) -> list[int]:
    """The numbers of cards in a setting: `0,2`."""
    return [int(part) for part in text.split(",") if part.strip().isdigit()]
