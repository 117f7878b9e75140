"""One conflict in the middle of the page: question, steps, what the people wrote, evidence, and the buttons."""

from __future__ import annotations

from itertools import zip_longest

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.store.records import CommentInfo, TraceDetail
from sapo_studio.store.resolutions import LONGEST
from sapo_ui import theme
from sapo_ui.features.annotate.conflict_steps import ConflictSteps
from sapo_ui.features.annotate.draft import Draft, people_of
from sapo_ui.features.annotate.evidence import EvidenceBar
from sapo_ui.features.annotate.item_rows import name_of
from sapo_ui.features.annotate.judge_buttons import JUDGEMENTS, KeyButton
from sapo_ui.features.annotate.person_names import short_name
from sapo_ui.services.resolutions import Evidence
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice

CHOICE = (
    ("first", "1", "", "Take this judgement"),
    ("second", "2", "", "Take this judgement"),
    ("anew", "3", "Judge anew", "Judge the steps yourself; what they agree on is filled in"),
    ("leave", "s", "Leave open", "Go on to the next conflict without resolving this one"),
    ("undo", "u", "Undo", "Take back your last resolution in this queue"),
)
ANEW = (
    *JUDGEMENTS,
    ("back", "Esc", "Do not judge anew", "Back to the choice of a judgement"),
)
SAVE = ("save", "Enter", "Save", "Keep this as what holds, and go on to the next conflict")
FIRST_MORE = 4
"""The key that takes the third person's judgement; 3 judges anew."""
TAKE = "take "
"""Before a person's name: take this one's judgement."""

WROTE = 84
"""Pixels of what the people wrote, at most."""


class WhyField(QLineEdit):
    """Why it is resolved so. Every key is text but Enter and Esc."""

    saved = Signal()
    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.saved.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                return  # what the field does not know may be a shortcut of the window
        event.accept()


class _Wrote(QScrollArea):
    """Comments, as high as they need to be and no higher than `WROTE`."""

    def __init__(self) -> None:
        super().__init__()
        self.text = label("", "body", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setWidget(self.text)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def say(self, text: str) -> None:
        self.text.setText(text)
        self.setFixedHeight(min(WROTE, self.text.heightForWidth(max(120, self.viewport().width())) + 4))


class ConflictView(QFrame):
    """Shows a draft. Takes no key itself but in the field for the reason: the page does."""

    pressed = Signal(object)
    """(verb: str)"""

    stepped = Signal(object)
    """(step: int) Another step was chosen."""

    why_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self._evidence: Evidence | None = None
        self._done = False
        self.name = label("", "title")
        self.question = ElidedLabel(theme.font("body"), role=QPalette.ColorRole.PlaceholderText, lines=2)
        self.notice = Notice()
        self.held = label("", "small", "good", wrap=True)
        self.table = ConflictSteps("to hold", "open")
        self.table.steps.chosen_changed.connect(self._stepped)
        self.wrote_title = label("What they wrote", "strong")
        self.wrote = _Wrote()
        self.evidence = EvidenceBar()
        self.why = WhyField()
        self.why.setMaxLength(LONGEST)
        self.why.setPlaceholderText("Why (c)")
        self.why.setAccessibleName("Why it is resolved so")
        self.why.saved.connect(lambda: self.pressed.emit("save"))
        self.why.left.connect(self.why_left)
        self.buttons: dict[str, KeyButton] = {}
        self.more: dict[str, KeyButton] = {}
        self._row = FlowRow(gap=theme.SPACE_2)
        for verb, key, words, meaning in (*CHOICE, *ANEW, SAVE):
            button = KeyButton(key, words, meaning, primary=verb == "save")
            button.setCheckable(verb in ("first", "second", "anew"))
            button.goes_on = verb in ("save", "leave")
            button.clicked.connect(lambda _checked=False, verb=verb: self.pressed.emit(verb))
            self.buttons[verb] = button
            self._row.add(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_4, theme.SPACE_3, theme.SPACE_4, theme.SPACE_3)
        column.setSpacing(theme.SPACE_2)
        for widget in (self.name, self.question, self.notice, self.held):
            column.addWidget(widget)
        column.addWidget(self.table, 1)
        for widget in (self.wrote_title, self.wrote, self.evidence, self.why, self._row):
            column.addWidget(widget)

    @property
    def chosen(self) -> int:
        """The chosen step."""
        return self.table.steps.chosen

    def show_draft(self, draft: Draft, evidence: Evidence, chosen: int, *, done: bool) -> None:
        """Show a conflict and what is about to be made of it, with a step chosen. `done`: whether this user is done
        with the item, so that the evidence is open."""
        self._evidence, self._done = evidence, done
        item, people = draft.conflict.item, people_of(draft.conflict)
        detail = evidence.detail
        self.name.setText(f"{name_of(item.question_id, item.sample)} \u00b7 iteration {item.iteration}")
        self.question.set_text(" ".join(detail.question.split()))
        self._say_held(draft)
        self.table.show_steps(people, draft.rows(detail.steps), chosen)
        self._say_wrote(people, evidence.comments)
        self._say_evidence(detail, self.chosen)
        self._say_buttons(draft, people)

    def clear_why(self) -> None:
        """A new conflict has no reason yet."""
        self.why.clear()
        self.notice.say("")

    def _say_held(self, draft: Draft) -> None:
        held = draft.conflict.resolution
        self.held.setVisible(held is not None)
        if held is not None:
            how = f"took {short_name(held.taken)}'s judgement" if held.taken else "judged anew"
            why = f": {held.why}" if held.why else ""
            self.held.setText(f"Resolved by {short_name(held.resolver)}, who {how}{why}")

    def _say_wrote(self, people: tuple[str, ...], comments: list[CommentInfo]) -> None:
        mine = [one for one in comments if one.annotator in people]
        self.wrote_title.setVisible(bool(mine))
        self.wrote.setVisible(bool(mine))
        self.wrote.say(
            "\n".join(
                f"{one.annotator}{f', step {one.step}' if one.step else ''}: {' '.join(one.text.split())}"
                for one in mine
            )
        )

    def _say_buttons(self, draft: Draft, people: tuple[str, ...]) -> None:
        for verb, who in zip(("first", "second"), people, strict=False):
            self.buttons[verb].say(f"{short_name(who)}'s")
            self.buttons[verb].setChecked(draft.taken == who)
        self.buttons["anew"].setChecked(draft.anew)
        for verb in (one[0] for one in CHOICE):
            self.buttons[verb].setVisible(not draft.anew)
        for verb in (one[0] for one in ANEW):
            self.buttons[verb].setVisible(draft.anew)
        self._say_more(draft, people[2:])
        self.buttons["save"].setEnabled(draft.taken is not None)

    def _say_more(self, draft: Draft, others: tuple[str, ...]) -> None:
        """Buttons for the third person and on: with the keys from 4 on, as far as they go."""
        if tuple(self.more) != others:
            self._row.drop(*self.more.values())
            keys = [str(key) for key in range(FIRST_MORE, 10)]
            self.more = {
                who: KeyButton(key, f"{short_name(who)}'s", "Take this judgement")
                for key, who in zip_longest(keys[: len(others)], others, fillvalue="")
            }
            for who, button in self.more.items():
                button.setCheckable(True)
                button.clicked.connect(lambda _checked=False, who=who: self.pressed.emit(f"{TAKE}{who}"))
            if others:
                self._row.insert(self.buttons["leave"], *self.more.values())
        for who, button in self.more.items():
            button.setChecked(draft.taken == who)
            button.setVisible(not draft.anew)

    def _stepped(self, step: object) -> None:
        if isinstance(step, int) and self._evidence is not None and step <= len(self._evidence.detail.steps):
            self._say_evidence(self._evidence.detail, step)
            self.stepped.emit(step)

    def _say_evidence(self, detail: TraceDetail, step: int) -> None:
        if self._done:
            self.evidence.show_step(detail, step)
        else:
            self.evidence.show_hidden(step)
