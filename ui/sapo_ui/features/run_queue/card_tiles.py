"""The cards of this machine as tiles: name, load, temperature, memory, and who works there; without cards the machine
itself."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.hardware import CardUse
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.run_queue import Overview

HEIGHT = 84
GAP = 8
LEAST = 200.0
HOT = 85
GIB = 2**30


class Tile:
    """What one tile says."""

    def __init__(self, title: str, name: str, state: str, who: str, free: str, used: float, hot: bool = False) -> None:
        self.title, self.name, self.state, self.who, self.free = title, name, state, who, free
        self.used = used
        """Share of the memory, 0..1."""
        self.hot = hot

    @property
    def spoken(self) -> str:
        """All of it for a screen reader."""
        return ", ".join(part for part in (f"{self.title} {self.name}", self.state, self.who, self.free) if part)


class CardTiles(QWidget):
    """A row of tiles. A driver that no longer answers leaves the last values, with their age."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: list[Tile] = []
        self._last: tuple[CardUse, ...] = ()
        self._seen_at = 0.0
        self.stale = ""
        """Since when the driver is silent, as a sentence. Empty while it answers."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def sizeHint(self) -> QSize:
        return QSize(400, self.heightForWidth(self.width()))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = -(-max(1, len(self.tiles)) // self._across(width))
        return rows * HEIGHT + (rows - 1) * GAP

    def _across(self, width: float) -> int:
        """How many stand side by side."""
        return max(1, min(max(1, len(self.tiles)), int((width + GAP) // (LEAST + GAP))))

    def show_overview(self, found: Overview, now: float | None = None) -> None:
        """Show the machine as it is now."""
        now = time.time() if now is None else now
        self.stale = ""
        if found.now.cards:
            self._last, self._seen_at = found.now.cards, now
        elif self._last:
            self.stale = f"The driver does not answer; values of {fmt.duration(now - self._seen_at)} ago."
        cards = found.now.cards or self._last
        self.tiles = [_card_tile(card, found) for card in cards] or [_machine_tile(found)]
        self.setToolTip(self.stale or ("" if cards else f"No card: {found.now.why_no_cards}."))
        self.setAccessibleName("; ".join(tile.spoken for tile in self.tiles))
        self.setAccessibleDescription(self.stale)
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        across = self._across(self.width())
        width = (self.width() - (across - 1) * GAP) / across
        for number, tile in enumerate(self.tiles):
            x, y = (number % across) * (width + GAP), (number // across) * (HEIGHT + GAP)
            _paint(painter, tile, QRectF(x, y, width, HEIGHT).adjusted(0.5, 0.5, -0.5, -0.5), stale=bool(self.stale))


def _card_tile(card: CardUse, found: Overview) -> Tile:
    names = [run.name for run in found.now.running if card.uuid in run.cards]
    heat = "" if card.temperature is None else f"{card.temperature} \u00b0C"
    load = "" if card.load is None else f"{100 * card.load:.0f}\u202f%"
    used = 1 - card.free / max(card.total, 1)
    who = ", ".join(names) or ("other programs" if used > 0.1 else "idle")
    free = f"{card.free / GIB:.1f} of {card.total / GIB:.0f} GB free"
    state = " \u00b7 ".join(part for part in (heat, load) if part)
    return Tile(str(card.number), card.name, state, who, free, used, (card.temperature or 0) >= HOT)


def _machine_tile(found: Overview) -> Tile:
    machine = found.now.machine
    names = [run.name for run in found.now.running]
    who = ", ".join(names) or "idle"
    free = f"{machine.memory_free / GIB:.1f} of {machine.memory_total / GIB:.0f} GB free"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    used = 1 - machine.memory_free / max(machine.memory_total, 1)
    return Tile("Main memory", f"runs on {cores}", "no card" if found.now.why_no_cards else "", who, free, used)


def _paint(painter: QPainter, tile: Tile, at: QRectF, *, stale: bool) -> None:
    look = theme.current()
    painter.setPen(QPen(QColor(look.hairline), 1))
    painter.setBrush(QColor(look.surface))
    painter.drawRoundedRect(at, theme.RADIUS, theme.RADIUS)
    inside = at.adjusted(12, 8, -12, -8)
    _split(painter, inside.adjusted(0, 0, 0, 20 - inside.height()), (tile.title, tile.name), tile.state,
           look.warning if tile.hot else look.muted)  # fmt: skip
    bar = QRectF(inside.x(), inside.y() + 28, inside.width(), 5)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.sunken))
    painter.drawRoundedRect(bar, 2.5, 2.5)
    full = QRectF(bar.x(), bar.y(), max(4.0, bar.width() * min(1.0, tile.used)), bar.height())
    painter.setBrush(QColor(look.muted if stale else look.accent))
    painter.drawRoundedRect(full, 2.5, 2.5)
    foot = QRectF(inside.x(), inside.y() + 44, inside.width(), 20)
    _split(painter, foot, ("", tile.who), tile.free, look.muted)


def _split(painter: QPainter, at: QRectF, left: tuple[str, str], right: str, colour: str) -> None:
    """A bold and a plain word on the left, which give way, and one on the right."""
    look = theme.current()
    middle = Qt.AlignmentFlag.AlignVCenter
    strong, small = theme.font("strong"), theme.font("small")
    painter.setFont(small)
    painter.setPen(QColor(colour))
    taken = QFontMetricsF(small).horizontalAdvance(right) + 8 if right else 0.0
    painter.drawText(at, middle | Qt.AlignmentFlag.AlignRight, right)
    x = at.x()
    if left[0]:
        painter.setFont(strong)
        painter.setPen(QColor(look.text))
        painter.drawText(at, middle | Qt.AlignmentFlag.AlignLeft, left[0])
        x += QFontMetricsF(strong).horizontalAdvance(left[0]) + 8
    painter.setFont(small)
    painter.setPen(QColor(look.text if not left[0] else look.muted))
    room = max(0.0, at.right() - taken - x)
    name = QFontMetricsF(small).elidedText(left[1], Qt.TextElideMode.ElideRight, room)
    painter.drawText(QRectF(x, at.y(), room, at.height()), middle | Qt.AlignmentFlag.AlignLeft, name)
