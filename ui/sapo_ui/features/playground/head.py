"""The line above the playground: its name, where its engine is, and what can be done to that."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.playground import EngineState
from sapo_ui.theme import icons
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label

QUIET = "nothing enters a run unless you keep it"


def engine_words(engine: EngineState) -> str:
    """Where the engine is and what it holds, in words."""
    if engine.status == "ready":
        memory = f", {fmt.size(engine.memory)}" if engine.memory else ""
        return f"runs in an engine process on {engine.device}{memory}"
    return {
        "none": "an engine process of its own starts with the first question",
        "starting": "the engine is starting",
        "given_back": "the engine has idled and gave its memory back; it loads again when asked",
        "ended": "the engine has died",
    }[engine.status]


class PlaygroundHead(QWidget):
    """`cpu`: whether the cards are left alone at first."""

    copy_wanted = Signal()
    cpu_toggled = Signal(object)
    """(bool) Whether to leave the cards alone."""
    give_back_wanted = Signal()
    end_wanted = Signal()
    """The engine is to end."""

    def __init__(self, *, cpu: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.subtitle = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.more = QToolButton()
        self.more.setProperty("look", "button")
        self.more.setFixedSize(38, theme.CONTROL_HEIGHT)
        self.more.setAccessibleName("More about the engine")
        self.more.setToolTip("More about the engine")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.copy = menu.addAction("&Copy solution", self.copy_wanted.emit)
        menu.addSeparator()
        self.cpu = menu.addAction("Compute on the C&PU")
        self.cpu.setCheckable(True)
        self.cpu.setChecked(cpu)
        self.cpu.toggled.connect(self.cpu_toggled.emit)
        self.give_back = menu.addAction("&Give its memory back now", self.give_back_wanted.emit)
        self.end = menu.addAction("&End the engine", self.end_wanted.emit)
        self.more.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_3)
        row.addWidget(label("Playground", "heading"))
        row.addWidget(self.subtitle, 1)
        row.addWidget(self.more)
        theme.on_change(self, self._restyle)

    def show_engine(self, engine: EngineState, *, busy: bool) -> None:
        """Say where the engine is; `busy`: it is at work."""
        self.subtitle.set_text(f"{engine_words(engine)}; {QUIET}")
        self.give_back.setEnabled(engine.status == "ready" and not busy)
        self.end.setEnabled(engine.status in ("starting", "ready", "given_back"))

    def _restyle(self) -> None:
        self.more.setIcon(icons.icon("more"))
