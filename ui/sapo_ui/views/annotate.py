"""Judging steps by keyboard: which key says what, and writing it to the store in the background, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from sapo_studio.domain.judgements import Judgement, first_error_here, no_error
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail
from sapo_ui import dialogs, tasks, theme
from sapo_ui.views.annotation_hub import annotator_name, hub, set_annotator_name
from sapo_ui.widgets.flow_layout import FlowRow

KEYS = {
    Qt.Key.Key_1: "wrong",
    Qt.Key.Key_2: "neutral",
    Qt.Key.Key_3: "right",
    Qt.Key.Key_E: "first_error",
    Qt.Key.Key_N: "no_error",
    Qt.Key.Key_U: "undo",
}
BUTTONS = (
    ("wrong", "1", "Wrong", "This step is wrong"),
    ("neutral", "2", "Neutral", "This step neither helps nor harms"),
    ("right", "3", "Right", "This step is right"),
    ("first_error", "e", "First error", "Every step before is right, this one and those after it are wrong"),
    ("no_error", "n", "No error", "Every step is right"),
    ("undo", "u", "Undo", "Take back my last judgement of this trajectory"),
)


@dataclass(frozen=True)
class Act:
    """What a key press asks for on a step."""

    verb: str
    step: int


def judgements_of(act: Act, n_steps: int) -> dict[int, int]:
    """What `act` says of which steps; nothing for undo."""
    single = {"wrong": Judgement.WRONG, "neutral": Judgement.NEUTRAL, "right": Judgement.RIGHT}
    if act.verb in single:
        return {act.step: int(single[act.verb])}
    if act.verb == "first_error":
        return first_error_here(n_steps, act.step)
    return no_error(n_steps) if act.verb == "no_error" else {}


class Annotator(QObject):
    """Writes acts to the store, one after the other, and tells what the trajectory looks like then."""

    saved = Signal(object)
    """(TraceDetail) Read again after the write."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Callable[[Store], TraceDetail]] = []
        self._busy = False

    def judge(self, trajectory_id: int, n_steps: int, act: Act) -> None:
        """Keep (or take back) a judgement."""
        me = annotator_name()
        said = judgements_of(act, n_steps)

        def work(store: Store) -> TraceDetail:
            if act.verb == "undo":
                annotations.undo(store, trajectory_id, me)
            else:
                annotations.annotate(store, trajectory_id, me, said)
            return queries.trace(store, trajectory_id)

        self._waiting.append(work)
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        tasks.run(self, self._waiting.pop(0), self._done, failed=self._failed)

    def _done(self, detail: TraceDetail) -> None:
        self._busy = False
        self.saved.emit(detail)
        hub().judged.emit(detail.id, detail.human)
        self._next()

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self._waiting.clear()
        told = tasks.pool().on_error
        if told is None:
            raise error
        told(error)


class JudgeBar(FlowRow):
    """The same acts as buttons, each with its key printed on it."""

    pressed = Signal(object)
    """(verb: str)"""

    renamed = Signal()
    """Judgements are kept under another name now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, gap=theme.SPACE_1)
        self.buttons: dict[str, QPushButton] = {}
        for verb, key, word, meaning in BUTTONS:
            button = QPushButton(f"{key}  {word}")
            button.setFont(theme.font("small"))
            button.setStyleSheet("padding: 3px 9px;")
            button.setAccessibleName(word)
            button.setToolTip(f"{meaning} ({key})")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _checked=False, verb=verb: self.pressed.emit(verb))
            self.buttons[verb] = button
            self.add(button)
        self.who = QPushButton()
        self.who.setFont(theme.font("small"))
        self.who.setProperty("look", "quiet")
        self.who.setStyleSheet("padding: 3px 9px;")
        self.who.setAutoDefault(False)
        self.who.setToolTip("Your judgements are kept under this name. Click to change it.")
        self.who.clicked.connect(self._ask_name)
        self.add(self.who)
        self._say_name()

    def _ask_name(self) -> None:
        dialogs.ask_name(self.window(), "Judge as", "Keep my judgements under the name:", annotator_name(), self._named)

    def _named(self, name: str) -> None:
        set_annotator_name(name)
        self._say_name()
        self.renamed.emit()

    def _say_name(self) -> None:
        self.who.setText(f"as {annotator_name()}\u2026")
        self.who.setAccessibleName(f"Judging as {annotator_name()}")
