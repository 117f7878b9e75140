"""Judging a queue item by item, one hand on the keyboard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.errors import InputError, StoreError
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import theme
from sapo_ui.features.annotate.item_view import OPEN_VERBS, ItemView
from sapo_ui.features.annotate.keys import HELD, verb_of
from sapo_ui.features.annotate.queue_column import QueueColumn
from sapo_ui.features.annotate.subpage import Subpage
from sapo_ui.services.annotations import JudgeAction
from sapo_ui.services.queues import OpenItem, QueueDesk, QueueView
from sapo_ui.services.settings import Settings
from sapo_ui.services.unfinished import unfinished
from sapo_ui.widgets.banner import Banner
from sapo_ui.widgets.message_page import MessagePage
from sapo_ui.wording import in_window, told

LOADING_MS = 200
"""Reading that takes longer than this says so."""

ROOMY, QUEUE, QUEUE_NARROW = 900, 264, 220
"""From which width of the page on the queue is as wide as it likes to be."""

HELP = """### Annotate: judge

A queue of trajectories, one at a time. One hand on the keyboard:

* **j / k** or the arrows: next and previous step
* **PageDown / PageUp** scroll the steps; with Shift, the question
* **1** incorrect, **2** neutral, **3** correct
* **e** the first error is here: the steps before are correct and those after it incorrect, *filled in* where you did
  not judge them; **n** no step is incorrect
* **c** comment on the step (Enter keeps it, Esc leaves it; no key judges while you type)
* **Enter** saves and goes on, **s** skips
* **u** takes back what you did last in this queue, on whichever item, also after a restart
* **b** blind: no score, color, mark or label that a model made shows until the item is saved

Every press is in the store before the next one is taken. A step that was scrolled away is brought back before it is
judged. An item that waits in your window is yours for ten minutes; others then get it.
"""

ON_SCREEN = ("wrong", "neutral", "right", "first_error")
"""What is said of the chosen step: it has to be seen before."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Something to be done after what was asked for before. `pressed`: for the item on the desk."""

    act: Callable[[], object]
    pressed: bool


class JudgePage(Subpage):
    """The queue on the left, the item on the desk in the middle."""

    help = HELP

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Judge the steps of a queue")
        self._queue: QueueInfo | None = None
        self._view: QueueView | None = None
        self._pending: deque[_Waiting] = deque()
        self._leaving = self._going_on = False
        self._doing = False  # something that was pressed is under way
        self._comment_waits = False  # a comment is asked for, so what is typed from here on is its text
        self.desk = QueueDesk(self)
        self.desk.opened.connect(self._opened)
        self.desk.changed.connect(self._changed)
        self.desk.looked.connect(self._looked)
        self.desk.refused.connect(self._refused)
        self.desk.writable.connect(self._writable)
        self.desk.ready.connect(self._go_on)
        self.banner = Banner()
        self.banner.action.clicked.connect(self._try_again)
        self.queue = QueueColumn()
        self.queue.chosen.connect(self._open)
        self.item = ItemView()
        self.item.pressed.connect(self._clicked)
        self.item.commented.connect(self._commented)
        self.item.comment_left.connect(self.take_focus)
        self.message = MessagePage(card=True)
        self.message.pressed.connect(self._take_up_skipped)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.message)
        self.stack.addWidget(self.item)
        self.blind = QCheckBox("Blind (b)", self)
        self.blind.hide()  # until the page above has put it into its corner
        self.blind.setAccessibleName("Blind")
        self.blind.setChecked(Settings().text("annotate.blind", "on") == "on")
        self.blind.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.blind.setToolTip("Hide every score, color, mark and label that a model made until an item is saved (b)")
        self.blind.toggled.connect(self._blinded)
        across = QHBoxLayout()
        across.setSpacing(theme.SPACE_2)
        across.addWidget(self.queue)
        across.addWidget(self.stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.banner)
        column.addLayout(across, 1)
        self._loading = QTimer(self)
        self._loading.setSingleShot(True)
        self._loading.setInterval(LOADING_MS)
        self._loading.timeout.connect(self._say_loading)

    # -- what the Annotate page asks

    def show_queue(self, queue: QueueInfo | None) -> None:
        """What was pressed for the one before is done first."""
        self._wait_for(partial(self._show_queue, queue), pressed=False)

    def _show_queue(self, queue: QueueInfo | None) -> None:
        self._queue, self._view = queue, None
        self._forget_pending()  # it was pressed while the other queue was seen
        self.queue.show_queue(queue)
        self.message.say("", "")
        self.stack.setCurrentWidget(self.message)
        if queue is not None:
            self._loading.start()
        self.desk.show_queue(None if queue is None else queue.id)
        self.item.me = self.desk.name

    def refresh(self) -> None:
        self.desk.look()

    def corner(self) -> QWidget:
        return self.blind

    def take_focus(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave(self) -> None:
        """What was pressed is still done, and then the item is given back; see `at_rest`."""
        self._leaving = True
        self.item.comment.close_field(keep=True)
        self._go_on()

    @property
    def at_rest(self) -> bool:
        return not self._pending and not self.desk.busy

    # -- what the desk says

    def _opened(self, item: object) -> None:
        self._loading.stop()
        focus = QApplication.focusWidget()
        lost = self.isVisible() and (focus is None or self.message.isAncestorOf(focus))
        if isinstance(item, OpenItem):
            self.item.show_item(item, blind=self.blind.isChecked(), another=True)
            self.stack.setCurrentWidget(self.item)
        else:
            self.stack.setCurrentWidget(self.message)
            self._say_done()
        if not self.isVisible():
            self._forget_pending()  # it was meant for this item, which nobody has seen
        if lost:
            self.take_focus()

    def _changed(self, item: object) -> None:
        if isinstance(item, OpenItem):
            self.item.show_item(item, blind=self.blind.isChecked(), another=False)

    def _looked(self, view: object) -> None:
        if isinstance(view, QueueView):
            self._view = view
            at = self.desk.open_item
            self.queue.show_view(view, 0 if at is None else at.item.id)
            if at is None and not self._loading.isActive():
                self._say_done()
            if not view.progress.size:
                self.emptied.emit()

    def _refused(self, error: object) -> None:
        if isinstance(error, InputError):
            self._forget_pending()  # what was pressed after it was meant for what it would have led to
            self.item.notice.say(told(error))

    def _writable(self, fault: object) -> None:
        self._loading.stop()
        self.item.set_writable(fault is None)
        if isinstance(fault, StoreError):
            self._forget_pending()
            self.banner.show_error(
                "Nothing can be kept at the moment",
                f"{fault.what}. {fault.why}",
                in_window(fault.fix),
                action="Try again",
            )
            unfinished().lost += self._doing
        else:
            self.banner.hide()

    def _say_loading(self) -> None:
        self.message.say("Reading the queue\u2026", "")

    def _say_done(self) -> None:
        progress = None if self._view is None else self._view.progress
        if progress is None:
            return
        if progress.size == 0:
            self.message.say("This queue is empty", "The run whose trajectories it held has been deleted.")
            return
        skipped = f" {progress.skipped:,} {_be(progress.skipped, 'was', 'were')} skipped." if progress.skipped else ""
        left = f" {progress.left:,} {_be(progress.left, 'is', 'are')} with others right now." if progress.left else ""
        self.message.say(
            "Queue done",
            f"You have saved {progress.saved:,} of {progress.size:,} items.{skipped}{left}",
            "Judge the skipped ones" if progress.skipped else "",
        )

    def _take_up_skipped(self) -> None:
        self._wait_for(self.desk.take_up_skipped)

    def _try_again(self) -> None:
        self.show_queue(self._queue)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        roomy = self.width() >= ROOMY
        self.queue.setFixedWidth(QUEUE if roomy else QUEUE_NARROW)

    # -- what is pressed

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._leaving and not self.at_rest:
            return  # the window closes once what was pressed before is kept
        self._leaving = False
        self._take_key(event)

    def _take_key(self, event: QKeyEvent) -> None:
        self.desk.noticed()
        button = self.focusWidget()
        verb = verb_of(event)
        if self._comment_waits:
            self._wait_for(partial(self._replay, _copy(event), self._meant))
        elif event.isAutoRepeat() and verb is not None and (verb not in HELD or self.desk.busy):
            event.accept()
        elif event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.item.turn(down=event.key() == Qt.Key.Key_PageDown, question=shift)
        elif verb == "save" and isinstance(button, QPushButton) and button.hasFocus():
            button.click()
        elif verb is None or self._queue is None:
            super().keyPressEvent(event)
        else:
            self._comment_waits = verb == "comment" and self.desk.busy
            self._wait_for(partial(self._do, verb, self._meant))

    @property
    def _meant(self) -> int | None:
        """The item that a press is for which has to wait: the one in sight. None where the store takes presses as they
        come."""
        at = self.desk.open_item
        return at.item.id if at is not None and self.desk.late else None

    def _has_gone(self, meant: int | None) -> bool:
        """Whether another item has come meanwhile than the one that was pressed for. Then it is said that the press
        does nothing: nobody has seen the new one yet."""
        at = self.desk.open_item
        gone = meant is not None and (at is None or at.item.id != meant)
        if gone:
            self.item.notice.say("What was pressed while the last item was being saved does nothing to this one.")
        return gone

    def _clicked(self, verb: object) -> None:
        self._leaving = False
        self.desk.noticed()
        self.item.comment.close_field(keep=True)
        self._wait_for(partial(self._do, str(verb), self._meant))

    def _open(self, item_id: object) -> None:
        self._leaving = False
        self.desk.noticed()
        if isinstance(item_id, int):
            self._wait_for(lambda: self.desk.open(item_id))

    def _commented(self, step: object, text: object) -> None:
        if isinstance(step, int) and isinstance(text, str):
            meant = self._meant
            self._wait_for(lambda: self._has_gone(meant) or self.desk.comment(step, text))

    def _wait_for(self, act: Callable[[], object], *, pressed: bool = True) -> None:
        """Do it, once everything pressed before is done."""
        self._pending.append(_Waiting(act, pressed))
        if pressed:
            unfinished().begin(self)
        self._go_on()

    def _go_on(self) -> None:
        if self._going_on:  # what is done may ask for more
            return
        self._going_on = True
        while self._pending and not self.desk.busy:
            waiting = self._pending.popleft()
            self._doing = waiting.pressed
            waiting.act()
        self._going_on = False
        self._comment_waits = self._comment_waits and bool(self._pending)
        if not self.at_rest:
            return
        if self._leaving and self.item.comment.writing:
            self.item.comment.close_field(keep=True)  # it opened after the page was left: `c`, text, and away
            self._go_on()
            return
        if self._leaving:
            self.desk.release()
        unfinished().end(self)
        self.rested.emit()

    def _forget_pending(self) -> None:
        self._pending = deque(one for one in self._pending if not one.pressed)
        self._comment_waits = False

    def _replay(self, event: QKeyEvent, meant: int | None) -> None:
        """A key that was pressed after a comment was asked for and before its field could open."""
        if self._has_gone(meant):
            return
        waits, self._comment_waits = self._comment_waits, False
        if self.item.comment.writing:
            QApplication.sendEvent(self.item.comment.field, event)
        else:
            self._take_key(event)
        self._comment_waits = waits

    def _do(self, verb: str, meant: int | None) -> None:
        at, step = self.desk.open_item, self.item.chosen
        if verb == "blind":
            self.blind.toggle()
        elif self.desk.fault is not None and verb not in ("up", "down"):
            return  # the banner says why
        elif verb == "undo":
            self.desk.undo()
        elif self._has_gone(meant) or at is None:
            return
        elif verb in ("up", "down"):
            self.item.steps.choose(step + (1 if verb == "down" else -1))
        elif at.item.done:
            self._do_to_closed(verb, at)
        elif verb == "comment":
            self.item.steps.reveal()
            self.item.write_comment()
        elif verb in ON_SCREEN and self.isVisible() and not self.item.steps.in_view:
            self.item.steps.reveal()
        elif verb == "save":
            self.desk.save(blind=self.blind.isChecked())
        elif verb == "skip":
            self.desk.skip()
        elif verb != "reopen":
            self.desk.judge(JudgeAction(verb, step))

    def _do_to_closed(self, verb: str, at: OpenItem) -> None:
        if verb == "save":
            self.desk.go_on()
        elif verb == "reopen":
            self.desk.reopen()
        elif verb in OPEN_VERBS:
            self.item.notice.say(f"This item is {at.item.status}. Press o to open it again, or Enter to go on.")

    def _blinded(self, blind: bool) -> None:
        settings = Settings()
        settings.set_text("annotate.blind", "on" if blind else "off")
        settings.save()
        at = self.desk.open_item
        if at is not None:
            self.item.show_item(at, blind=blind, another=False)


def _be(count: int, one: str, more: str) -> str:
    return one if count == 1 else more


def _copy(event: QKeyEvent) -> QKeyEvent:
    """The press, for later: Qt's own ends with the call that brought it."""
    return QKeyEvent(
        event.type(),
        event.key(),
        event.modifiers(),
        event.nativeScanCode(),
        event.nativeVirtualKey(),
        event.nativeModifiers(),
        event.text(),
        event.isAutoRepeat(),
        event.count(),
    )
