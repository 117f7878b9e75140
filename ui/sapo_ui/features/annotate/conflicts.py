"""Resolving what two people judged differently, by one hand on the keyboard."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.annotation.agreement import People
from sapo_studio.errors import SapoError
from sapo_studio.store.agreement import Conflict
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import theme
from sapo_ui.features.annotate.conflict_list import ConflictList
from sapo_ui.features.annotate.conflict_view import FIRST_MORE, TAKE, ConflictView
from sapo_ui.features.annotate.draft import Draft, people_of
from sapo_ui.features.annotate.keys import HELD, digit_of, verb_of
from sapo_ui.features.annotate.people_column import PeopleColumn
from sapo_ui.features.annotate.subpage import Subpage
from sapo_ui.services.resolutions import ConflictDesk, Evidence, Resolving
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.message_page import MessagePage
from sapo_ui.wording import told

HELP = """### Annotate: conflicts

Items that two people have saved and judged differently: another first error, or another judgement of a step. Rows on
which they differ are framed; a ring is where somebody sees the first error. What verifier, rollouts and the task itself
say of an item is open to you once you have saved or skipped it yourself.

* **j / k**: next and previous conflict; the arrows: next and previous step
* **1**, **2**: take the first one's judgement, or the second one's; **4** and on: the third one's, and so on
* **3**: judge anew, step by step with **1 2 3 e n**; what they agree on is filled in; **Esc** goes back
* **c**: say why; **Enter** saves and goes on; **s** leaves it open
* **u**: takes back your last resolution in this queue

A resolution is a third judgement, with who and why, and counts before all others. What the others said stays as it is,
and agreement is still measured between them.
"""

ROOM = 900
"""Pixels from which on agreement stands beside the conflicts; it is on the page Gold in any case."""

MEANT = {
    "down": "next",
    "up": "previous",
    "wrong": "first",
    "neutral": "second",
    "right": "anew",
    "comment": "why",
    "skip": "leave",
    "undo": "undo",
    "save": "save",
}
"""What the keys of judging mean while a judgement is chosen."""

JUDGING = ("wrong", "neutral", "right", "first_error", "no_error")


class ConflictsPage(Subpage):
    """The conflicts on the left, one in the middle, agreement on the right."""

    help = HELP

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Resolve the conflicts of a queue")
        self._queue: QueueInfo | None = None
        self._draft: Draft | None = None
        self._asked_at: Draft | None = None  # what was in front when something was written
        self._evidence: Evidence | None = None
        self._row, self._before = -1, 0
        self._done = frozenset[int]()
        self.desk = ConflictDesk(self)
        self.desk.looked.connect(self._looked)
        self.desk.counted.connect(self.counted)
        self.desk.opened.connect(self._opened)
        self.desk.kept.connect(self._kept)
        self.desk.refused.connect(self._refused)
        self.desk.ready.connect(self.rested)
        self.title = label("", "strong")
        self.resolved = label("", "small", "muted")
        self.list = ConflictList()
        self.list.chosen.connect(self._choose_row)
        self.view = ConflictView()
        self.view.pressed.connect(self._clicked)
        self.view.why_left.connect(self.take_focus)
        self.message = MessagePage(card=True)
        self.people = PeopleColumn()
        self.people.wrong_asked.connect(partial(self.turned.emit, "gold"))
        side = QFrame()
        side.setProperty("look", "card")
        side.setMinimumWidth(170)
        side.setMaximumWidth(240)
        head = QHBoxLayout()
        head.setContentsMargins(theme.SPACE_3, theme.SPACE_1, theme.SPACE_3, 0)
        head.addWidget(self.title, 1)
        head.addWidget(self.resolved)
        beside = QVBoxLayout(side)
        beside.setContentsMargins(1, theme.SPACE_2, 1, theme.SPACE_2)
        beside.setSpacing(theme.SPACE_1)
        beside.addLayout(head)
        beside.addWidget(self.list, 1)
        self._pair = QWidget()
        pair = QHBoxLayout(self._pair)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(theme.SPACE_2)
        pair.addWidget(side, 1)
        pair.addWidget(self.view, 4)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.message)
        self.stack.addWidget(self._pair)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(theme.SPACE_2)
        across.addWidget(self.stack, 1)
        across.addWidget(self.people)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Those that are listed, open ones first."""
        return self.list.rows.conflicts

    @property
    def draft(self) -> Draft | None:
        """What is about to be made of the conflict in front."""
        return self._draft

    # -- what the Annotate page asks

    def show_queue(self, queue: QueueInfo | None) -> None:
        self._queue, self._draft, self._evidence, self._row = queue, None, None, -1
        self.list.take((), -1)
        self.message.say("Reading the queue\u2026", "")
        self.stack.setCurrentWidget(self.message)
        self.counted.emit(None)
        self.desk.show_queue(None if queue is None else queue.id)
        if self.isVisible():
            self.desk.look()
        else:
            self.desk.count()

    def refresh(self) -> None:
        self.desk.look()

    @property
    def at_rest(self) -> bool:
        return not self.desk.busy

    def take_focus(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.people.setVisible(self.width() >= ROOM)

    # -- what the desk says

    def _looked(self, people: object) -> None:
        if not isinstance(people, People):
            return
        self.people.show_people(self._queue, people)
        self.counted.emit(people.open)
        self.title.setText(f"{people.open:,} open" if people.open else "No conflicts left")
        done = len(people.conflicts) - people.open
        self.resolved.setText(f"{done:,} resolved" if done else "")
        at = self._draft.conflict.item.trajectory_id if self._draft is not None else 0
        ids = [one.item.trajectory_id for one in people.conflicts]
        self._row = ids.index(at) if at in ids else min(max(self._row, 0), len(ids) - 1)
        self.list.take(people.conflicts, self._row)
        if not people.conflicts:
            self._draft = None
            self._say_none(people)
        elif at not in ids:
            self._choose_row(self._row)
        elif self._draft is not None and self._draft.conflict != people.conflicts[self._row]:
            self._draft.conflict = people.conflicts[self._row]  # somebody resolved it, or opened it again
            self._show()
        elif self._draft is not None and self._draft.conflict.item.item_id in self.desk.done ^ self._done:
            self._show()
        self._done = self.desk.done

    def _say_none(self, people: People) -> None:
        self.stack.setCurrentWidget(self.message)
        if len(people.agreement.people) < 2:
            self.message.say(
                "No conflicts without a second person",
                "An item is compared when two people have saved it: on this machine under two names, or on two "
                "machines by a bundle.",
            )
        elif not people.agreement.trajectories:
            self.message.say("Nothing is saved by two people yet", "They have judged different items so far.")
        else:
            both = people.agreement.trajectories
            self.message.say("No conflicts", f"All who saved the same {both:,} trajectories agree on every step.")

    def _opened(self, evidence: object) -> None:
        draft = self._draft
        if (
            not isinstance(evidence, Evidence)
            or draft is None
            or evidence.detail.id != draft.conflict.item.trajectory_id
        ):
            return
        self._evidence = evidence
        self.view.clear_why()
        self.stack.setCurrentWidget(self._pair)
        self._show(next(iter(draft.conflict.item.judged.differing()), 1))

    def _kept(self, trajectory_id: object) -> None:
        """A resolved conflict makes way for the next open one; one that is open again comes to the front. Where another
        was chosen meanwhile, that stays."""
        if self._asked_at is not self._draft:
            return
        found = [at for at, one in enumerate(self.conflicts) if one.item.trajectory_id == trajectory_id]
        if not found:
            return
        row = found[0]
        if self.conflicts[row].resolution is not None:
            open_rows = [at for at, one in enumerate(self.conflicts) if one.resolution is None]
            row = next((at for at in open_rows if at >= self._before), open_rows[0] if open_rows else row)
        self._choose_row(row, anew=True)

    def _refused(self, error: object) -> None:
        if isinstance(error, SapoError):
            self.view.notice.say(told(error))

    # -- what is pressed

    def _choose_row(self, row: object, *, anew: bool = False) -> None:
        if not isinstance(row, int) or not 0 <= row < len(self.conflicts):
            return
        conflict = self.conflicts[row]
        self._row = row
        same = self._draft is not None and self._draft.conflict.item.trajectory_id == conflict.item.trajectory_id
        self.list.take(self.conflicts, row)
        if not same or anew:
            self._draft = Draft(conflict)
            self._evidence = None  # until it is in sight nothing is said of it
            self.desk.open(conflict.item.trajectory_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        button = self.focusWidget()
        key, verb = Qt.Key(event.key()), verb_of(event)
        more = digit_of(event) - FIRST_MORE
        arrows = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(key)
        if event.isAutoRepeat() and verb is not None and verb not in HELD:
            event.accept()
        elif verb == "save" and isinstance(button, QPushButton) and button.hasFocus():
            button.click()
        elif self._draft is None or self._evidence is None:
            super().keyPressEvent(event)
        elif arrows is not None:
            self.view.table.steps.choose(self.view.chosen + arrows)
        elif key == Qt.Key.Key_Escape and self._draft.anew:
            self._do("back")
        elif more >= 0 and not self._draft.anew and more < len(self.view.more):
            self._do(f"{TAKE}{list(self.view.more)[more]}")
        elif verb is None:
            super().keyPressEvent(event)
        elif self._draft.anew:
            self._do_anew(verb)
        elif verb in MEANT:
            self._do(MEANT[verb])
        else:
            super().keyPressEvent(event)

    def _clicked(self, verb: object) -> None:
        self._do(str(verb))
        if str(verb) != "why":
            self.take_focus()

    def _do_anew(self, verb: str) -> None:
        if verb in ("down", "up"):
            self.view.table.steps.choose(self.view.chosen + (1 if verb == "down" else -1))
        elif verb == "undo" and self._draft is not None:
            self._draft.undo()
            self._show()
        elif verb in JUDGING:
            self._do(verb)
        elif verb in MEANT:
            self._do(MEANT[verb])

    def _do(self, verb: str) -> None:
        draft = self._draft
        if draft is None or self._evidence is None or self.desk.busy:
            return
        self.view.notice.say("")
        people = people_of(draft.conflict)
        taken = {"first": people[0], "second": people[1]}.get(verb)
        if verb.startswith(TAKE):
            taken = verb.removeprefix(TAKE)
        if verb in ("next", "previous"):
            self._choose_row(self._row + (1 if verb == "next" else -1))
        elif taken in people:
            draft.take(taken)
            self._show()
        elif verb == "anew":
            draft.judge_anew()
            self._show()
        elif verb == "back":
            draft.drop()
            self._show()
        elif verb in JUDGING:
            if self.view.table.steps.in_view:
                draft.judge(verb, self.view.chosen)
                self._show()
            else:
                self.view.table.steps.reveal()
        elif verb == "why":
            self.view.why.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif verb == "leave":
            self._leave_open()
        elif verb == "undo":
            self._asked_at = draft
            self.desk.undo()
        elif verb == "save":
            self._save(draft)

    def _save(self, draft: Draft) -> None:
        if draft.taken is None:
            self.view.notice.say("Nothing is chosen yet: take a judgement by 1 or 2, or judge anew by 3.")
            return
        self._before, self._asked_at = self._row, draft
        self.take_focus()
        self.desk.resolve(
            Resolving(
                draft.conflict.item.trajectory_id, dict(draft.steps), draft.filled, draft.taken, self.view.why.text()
            )
        )

    def _leave_open(self) -> None:
        draft = self._draft
        if draft is None:
            return
        draft.drop()
        self.view.clear_why()
        self._show()
        rows = [at for at, one in enumerate(self.conflicts) if one.resolution is None and at != self._row]
        self._choose_row(next((at for at in rows if at > self._row), rows[0] if rows else self._row))

    def _show(self, chosen: int | None = None) -> None:
        if self._draft is not None and self._evidence is not None:
            self.view.show_draft(
                self._draft,
                self._evidence,
                self.view.chosen if chosen is None else chosen,
                done=self._draft.conflict.item.item_id in self.desk.done,
            )
