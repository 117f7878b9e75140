"""One side of the playground: who answers, what their solutions come to, and the solutions."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.playground.keeping import Word
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.requests.play import Side
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.playground.places import KEEP, TEXT, Places
from sapo_ui.features.playground.side_choice import SideChooser
from sapo_ui.features.playground.side_message import STOP, SideMessage, Way
from sapo_ui.features.playground.solution_list import SCROLL, SolutionList
from sapo_ui.features.playground.verdict_cards import VerdictCards
from sapo_ui.services.playground import EngineState, SideChoice
from sapo_ui.services.playground_keeping import KeptSolution
from sapo_ui.services.playground_state import BEST, SideState, failure_words
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.focus import holds
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.segmented import Segmented
from sapo_ui.wording import in_window

LEGEND = "+ keeps as a good trace, \u2212 as a bad one, to annotate"
EMPTY_WIDTH = 264
"""Pixels of a side without a checkpoint."""


class _Heads(QWidget):
    """Names the columns, and chooses what the last one shows."""

    def __init__(self, which: Segmented, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answer = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.answer.set_text("Answer")
        self.scores = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.scores.set_text("Score of each step")
        row = QHBoxLayout(self)
        row.setContentsMargins(TEXT, 2, KEEP + SCROLL + 4, 2)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.answer)
        row.addWidget(self.scores, 1)
        row.addWidget(which)

    def resizeEvent(self, event: object) -> None:
        del event
        self.answer.setFixedWidth(round(Places(self.width()).answer))


class SidePanel(QFrame):
    """`side`: which of the two."""

    chosen = Signal()
    """Another checkpoint or verifier is chosen."""
    solution_kept = Signal(object, object)
    """(solution: str, word)"""
    annotate_wanted = Signal()
    """What was kept last is to be judged."""
    stop_wanted = Signal()
    question_wanted = Signal()
    """Another question, in place of one that the checkpoint cannot read."""
    cpu_wanted = Signal()
    """Without the card, which has no room."""

    def __init__(self, side: Side, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side: Side = side
        self.setProperty("look", "card")
        self.setAccessibleName("First side" if side == "a" else "Second side")
        self.state = SideState(side)
        self.engine = EngineState()
        self.chooser = SideChooser(side, may_be_empty=side == "b")
        self.chooser.changed.connect(self.chosen)
        self.count = label("", "small", "muted")
        self.cards = VerdictCards()
        self.cards.solution_wanted.connect(self._go_to)
        self.which = Segmented("Score of a solution", "How the scores of its steps become one")
        self.which.set_items([(by.capitalize(), at) for at, by in enumerate(BEST)])
        self.which.set_value(0)
        self.heads = _Heads(self.which)
        self.list = SolutionList(f"Solutions of the {'first' if side == 'a' else 'second'} checkpoint")
        self.message = SideMessage()
        self.trouble = Notice("bad")
        self.stale = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.stale.hide()
        self.stack = QStackedWidget()
        self.foot = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.annotate = QPushButton("Annotate")
        self.annotate.setProperty("look", "link")
        self.annotate.setAutoDefault(False)
        self.annotate.setToolTip("Judge the steps of what was kept")
        self.annotate.clicked.connect(self.annotate_wanted)
        self.annotate.hide()
        self.speed = label("", "small", "muted")
        self._arrange()
        self.list.keep_wanted.connect(self.solution_kept)
        self._say_kept(None)

    def _arrange(self) -> None:
        self.head = QHBoxLayout()
        self.head.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        self.head.setSpacing(theme.SPACE_3)
        self.head.addWidget(self.chooser, 1)
        self.head.addWidget(self.count)
        self.cards.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_3, theme.SPACE_2)
        line = QFrame()
        line.setProperty("look", "line")
        solutions = QWidget()
        rows = QVBoxLayout(solutions)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.heads)
        who = QHBoxLayout()
        who.setContentsMargins(TEXT, 0, KEEP, 0)
        who.addWidget(self.stale)
        rows.addLayout(who)
        rows.addWidget(self.trouble)
        rows.addWidget(self.list, 1)
        self.stack.addWidget(self.message)
        self.stack.addWidget(solutions)
        self.foot_line = QFrame()
        self.foot_line.setProperty("look", "line")
        foot = QHBoxLayout()
        foot.setContentsMargins(theme.SPACE_3, theme.SPACE_1, theme.SPACE_3, theme.SPACE_1)
        foot.setSpacing(theme.SPACE_2)
        foot.addWidget(self.foot)
        foot.addWidget(self.annotate)
        foot.addStretch(1)
        foot.addWidget(self.speed)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(self.head)
        column.addWidget(self.cards)
        column.addWidget(line)
        column.addWidget(self.stack, 1)
        column.addWidget(self.foot_line)
        column.addLayout(foot)

    # -- What it shows

    @property
    def empty(self) -> bool:
        """Whether nothing answers here."""
        return self.chooser.choice is None

    def show_state(
        self,
        state: SideState,
        engine: EngineState,
        by: Aggregation,
        words: Mapping[str, Word],
        *,
        programs: bool,
        asked: SideChoice | None,
    ) -> None:
        """Show the side as it is now. `asked`: who has written what stands here."""
        self._show_who(asked if state.solutions else None)
        self.state, self.engine = state, engine
        self.which.set_value(BEST.index(by) if by in BEST else 0)
        nothing = self.empty and not state.solutions
        scored = state.loaded is None or state.loaded.verifier
        self.cards.show_side(state, by, programs=programs, scored=scored)
        useless = state.trouble is not None and not any(one.text for one in state.solutions)
        self.cards.setVisible(not nothing and not useless)  # nothing will come; what went wrong needs the room
        for part in (self.count, self.foot_line, self.foot, self.speed):
            part.setVisible(not nothing)
        self.setFixedWidth(EMPTY_WIDTH) if nothing else self._any_width()
        wanted = state.asked.solutions if state.asked is not None else 0
        self.count.setText(f"{state.written} of {wanted}" if wanted else "")
        self._color_count("accent" if state.going else "muted")
        self.list.show_side(state, by, programs, words)
        self.speed.setText(self._speed())
        if not self._show_message():
            self._turn_to(1)
            self._show_trouble()

    def _color_count(self, look: str) -> None:
        if look != self.count.property("look"):
            self.count.setProperty("look", look)
            self.count.style().unpolish(self.count)
            self.count.style().polish(self.count)

    def _show_who(self, asked: SideChoice | None) -> None:
        """Say who has written what stands here, where another one is chosen by now."""
        stale = asked is not None and asked != self.chooser.choice
        if asked is not None and stale:
            scored = f", scored by {asked.verifier.short}" if asked.verifier is not None else ""
            self.stale.set_text(f"Written by {asked.checkpoint.name}{scored}")
        self.stale.setVisible(stale)

    def _any_width(self) -> None:
        self.setMinimumWidth(0)
        self.setMaximumWidth(16_777_215)

    def _show_trouble(self) -> None:
        """What went wrong, above solutions that are there all the same."""
        state = self.state
        said = state.trouble is not None and self.engine.ended is None  # of its end the page tells
        self.trouble.say(failure_words(state.trouble) if said and state.trouble is not None else "")

    def _show_message(self) -> bool:
        """Say why there are no solutions, where there are none."""
        state = self.state
        if any(one.phase in ("live", "done") or one.text for one in state.solutions):
            return False
        if self.empty:
            self.message.say("One side", "Choose a checkpoint above to compare with.")
        elif state.trouble is not None:
            self._say_trouble()
        elif state.loading is not None:
            self.message.say("Loading", state.loading.what, done=state.loading.done, ways=[(STOP, self._stop)])
        elif state.going and state.started:
            return False  # the first words are on their way
        elif state.going:
            waits = self.engine.status == "ready"
            self.message.say(
                "Waits for the other side" if waits else "The engine is starting",
                "Its checkpoint is being loaded." if waits else "It loads what is chosen, once.",
                "queued",
                ways=[(STOP, self._stop)],
            )
        elif state.asked is not None:
            self.message.say("Stopped", "Nothing was written. Ctrl+Enter samples.", "stopped")
        else:
            self.message.say("Nothing asked yet", "Type a question, or take one, and press Ctrl+Enter.", "playground")
        self._turn_to(0)
        return True

    def _turn_to(self, at: int) -> None:
        """Show the message (0) or the solutions (1). Who has the focus there has it here, too."""
        if at == self.stack.currentIndex():
            return
        focused = holds(self.stack, self.window().focusWidget())
        self.stack.setCurrentIndex(at)
        if focused:
            (self.list if at else self.message).setFocus(Qt.FocusReason.OtherFocusReason)

    def _say_trouble(self) -> None:
        failed = self.state.trouble
        if failed is None:
            return
        ways: list[Way] = []
        if failed.refused:
            ways = [
                ("Choose another checkpoint", self.chooser.checkpoint.open_list),
                ("Compute on the CPU", self.cpu_wanted.emit),
            ]
        elif self.state.asked is not None and failed.request == self.state.asked.id and self.engine.ended is None:
            ways = [("Take a question of its task", self.question_wanted.emit)]
        text = in_window(" ".join(filter(None, (failed.why, failed.fix))))
        self.message.say(failed.what, text, "warning", ways=ways)

    def _stop(self) -> None:
        self.stop_wanted.emit()

    def _speed(self) -> str:
        state = self.state
        if state.speed is None:
            return ""
        rate = f"{fmt.number(state.speed, 2)} tokens a second"
        if state.done is not None:
            word = "stopped after" if state.done.cancelled else "done in"
            return f"{rate} \u00b7 {word} {fmt.duration(state.done.seconds)}"
        return rate

    # -- What was kept

    def show_kept(self, kept: KeptSolution) -> None:
        """Say where a solution of this side lies now."""
        self._say_kept(f"Kept as a {kept.word} trace in {kept.where}")

    def _say_kept(self, text: str | None) -> None:
        self.foot.set_text(text or LEGEND)
        self.annotate.setVisible(text is not None)

    def _go_to(self, solution: object) -> None:
        self.list.setFocus()
        self.list.choose(str(solution), open_=True)
