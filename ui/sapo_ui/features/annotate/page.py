"""The Annotate page: a queue, under whose name, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from sapo_studio.errors import InputError
from sapo_studio.names import LONGEST_QUEUE
from sapo_studio.store.db import Store
from sapo_studio.store.queries import annotators
from sapo_studio.store.queue_records import QueueInfo, QueueSpec
from sapo_studio.store.queues import list_queues
from sapo_studio.store.records import TraceFilter
from sapo_ui import theme
from sapo_ui.features.annotate.bundle_files import export_queue, take_in_bundle
from sapo_ui.features.annotate.new_queue import NewQueueDialog
from sapo_ui.features.annotate.subpage import Subpage, SubpageSpec
from sapo_ui.features.annotate.subpages import SUBPAGES
from sapo_ui.features.annotate.top_line import TopLine
from sapo_ui.panels.page import Page
from sapo_ui.services import queues, tasks
from sapo_ui.services.annotations import annotation_events
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.focus import holds
from sapo_ui.widgets.message_page import MessagePage
from sapo_ui.wording import told

REFRESH_MS = 5000
"""Between two looks at what others do in the queue."""

LATER_MS = 100
"""Between the page's first look and the subpages that are not in front, one at a time: made at once, they would keep
the page from being seen for as long as itself."""


@dataclass(frozen=True, eq=False)
class _Known:
    queues: list[QueueInfo]
    names: list[str]


class AnnotatePage(Page):
    """Opens the queue that was worked at last. `current_run`: whose trajectories a new queue is first offered from."""

    def __init__(
        self,
        current_run: Callable[[], str | None],
        subpages: Sequence[SubpageSpec] = SUBPAGES,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._current_run = current_run
        self._change = StoreChange((), frozenset())
        self._queues: list[QueueInfo] = []
        self._names: list[str] = []
        self._chosen: QueueInfo | None = None
        self._gone = False  # the queue that was shown; none takes its place by itself
        self._dialog: NewQueueDialog | None = None
        self.top = TopLine(subpages)
        self.top.queue_chosen.connect(self._choose)
        annotation_events().renamed.connect(self._renamed)
        self.top.subpage_chosen.connect(self._turn_to)
        self.top.new_queue.connect(self._ask)
        self.top.rename.connect(self._rename)
        self.top.delete.connect(self._delete)
        self.top.export.connect(self._export)
        self.top.take_in.connect(lambda: take_in_bundle(self, self._taken_in))
        self.none = MessagePage(card=True)
        self.none.pressed.connect(self._ask)
        self._specs = tuple(subpages)
        self._made: dict[int, Subpage] = {}
        self._keys = [spec.key for spec in subpages]
        self.stack = QStackedWidget()
        self.stack.addWidget(self.none)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.top)
        column.addWidget(self.stack, 1)
        self._clock = QTimer(self)
        self._clock.setInterval(REFRESH_MS)
        self._clock.timeout.connect(self._refresh)
        self._later = QTimer(self)
        self._later.setInterval(LATER_MS)
        self._later.timeout.connect(self._make_next)
        self._at, self.help = 0, self._subpage(0).help
        self.top.show_queues([], None)
        self.top.show_names([])
        self.top.show_subpage(0)
        self._read(queues.remembered())

    @property
    def subpages(self) -> list[Subpage]:
        """All of them; makes those that were not needed yet."""
        return [self._subpage(at) for at in range(len(self._specs))]

    def _subpage(self, at: int) -> Subpage:
        """One of them, made where it is wanted for the first time."""
        made = self._made.get(at)
        if made is not None:
            return made
        made = self._made[at] = self._specs[at].make()
        made.counted.connect(partial(self.top.count, at))
        made.rested.connect(self._rested)
        made.turned.connect(self._turn_to_person)
        made.emptied.connect(self._look_for_it)
        self.stack.addWidget(made)
        corner = made.corner()
        if corner is not None:
            self.top.add(corner)
            corner.hide()
        if self._chosen is not None:
            made.show_queue(self._chosen)
        return made

    def _make_next(self) -> None:
        """Make one of those that are not in front, some time after the first has been seen: it counts what it holds."""
        missing = next((at for at in range(len(self._specs)) if at not in self._made), None)
        if missing is None:
            self._later.stop()
        else:
            self._subpage(missing)

    @property
    def queue(self) -> QueueInfo | None:
        """The queue that is shown."""
        return self._chosen

    @property
    def front(self) -> Subpage:
        """The subpage in front."""
        return self._subpage(self._at)

    def take(self, change: StoreChange) -> None:
        self._change = change
        if change.removed:
            self._read()

    def catch_up(self, change: StoreChange) -> None:
        self._change = change

    def leave(self) -> None:
        self._later.stop()
        for subpage in self._made.values():
            subpage.leave()

    @property
    def at_rest(self) -> bool:
        return all(subpage.at_rest for subpage in self._made.values())

    def _rested(self) -> None:
        if self.at_rest:
            self.rested.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._clock.start()
        self._later.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
        self._later.stop()

    def _refresh(self) -> None:
        if self._chosen is not None:
            self.front.refresh()
        elif self._dialog is None or not isValid(self._dialog):
            self._read()  # one may have been made by `sapo annotate make`

    # -- which queue

    def _read(self, uid: str | None = None) -> None:
        """Read which queues there are, and show the one of this name, else the newest. None, or where somebody chooses
        another one meanwhile: the one that is shown by then."""
        before = self._chosen

        def work(store: Store) -> _Known:
            return _Known(list_queues(store), annotators(store))

        def done(known: _Known) -> None:
            self._queues = known.queues
            shown = "" if self._chosen is None else self._chosen.uid
            wanted = uid if uid is not None and self._chosen is before else shown
            chosen = next((one for one in known.queues if one.uid == wanted), None)
            if chosen is None and not self._gone:
                chosen = next(iter(known.queues), None)
            self.top.show_queues(known.queues, None if chosen is None else chosen.id)
            self._names = known.names
            self.top.show_names(known.names)
            if chosen is not None or not self._gone:
                self._show(chosen)

        tasks.run(self, work, done, key="queues")

    def _look_for_it(self) -> None:
        """The queue that is shown holds nothing any more. Where it was deleted elsewhere, say so; another one comes
        only where somebody chooses it: keys are pressed meanwhile."""
        chosen = self._chosen

        def done(known: list[QueueInfo]) -> None:
            if chosen is None or chosen is not self._chosen or any(one.id == chosen.id for one in known):
                return
            self._queues, self._chosen, self._gone = known, None, True
            self.top.show_queues(known, None)
            for subpage in self._made.values():
                subpage.show_queue(None)
            self._say_nothing_chosen(
                f"The queue {chosen.name} is gone",
                "It was deleted, by another window or by `sapo`. What was judged stays with its trajectories. "
                + ("Choose another queue above, or make one." if known else ""),
            )

        tasks.run(self, list_queues, done, key="gone")

    def _choose(self, queue_id: object) -> None:
        chosen = next((one for one in self._queues if one.id == queue_id), None)
        if chosen is not None and chosen is not self._chosen:
            queues.remember(chosen.uid)
            self._show(chosen)

    def _show(self, queue: QueueInfo | None) -> None:
        again = queue is not None and self._chosen is not None and queue.id == self._chosen.id
        self._chosen, self._gone = queue, False
        if queue is None:
            self._say_nothing_chosen(
                "No queue yet",
                "A queue holds trajectories to judge, in an order of your choice: where verifier, rollouts and people "
                "disagree most, where the verifier wavers, or at random.",
            )
        elif again:
            self.front.refresh()  # and whoever types there keeps the focus
        else:
            self._turn_to(self._at)
        if not again:
            for subpage in self._made.values():
                subpage.show_queue(queue)

    def _say_nothing_chosen(self, headline: str, text: str) -> None:
        new = self.stack.currentWidget() is not self.none or self.none.button.isHidden()
        self.none.say(headline, text, "Make a queue\u2026")
        self.stack.setCurrentWidget(self.none)
        for subpage in self._made.values():
            corner = subpage.corner()
            if corner is not None:
                corner.hide()
        if new and self.isVisible():
            self.none.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _turn_to(self, at: object) -> None:
        if not isinstance(at, int):
            return
        front = self._subpage(at)
        self._at, self.help = at, front.help
        self.top.show_subpage(at)
        if self._chosen is not None:
            self.stack.setCurrentWidget(front)
            front.refresh()
            front.take_focus()
        for number, subpage in self._made.items():
            corner = subpage.corner()
            if corner is not None:
                corner.setVisible(number == at and self._chosen is not None)

    def _turn_to_person(self, key: object, who: object) -> None:
        """Bring a subpage to the front that shows what somebody did."""
        at = self._keys.index(str(key))
        self._turn_to(at)
        self._subpage(at).show_person(str(who))

    def _renamed(self) -> None:
        """Here, or elsewhere in the window."""
        if not self.isVisible():  # it was left
            return
        self.top.show_names(self._names)
        for subpage in self._made.values():
            subpage.show_queue(self._chosen)
        self.front.take_focus()

    # -- what is done to queues

    def make_queue(self, view: TraceFilter | None = None) -> NewQueueDialog | None:
        """Open the dialog that makes one, at first out of what this view of the trace table shows. None where there is
        no run to make it from.
        """
        if not self._change.runs:
            self.none.say(
                "Nothing to judge yet", "There are no trajectories: start a run, or import a file of solutions."
            )
            return None
        dialog = NewQueueDialog(self._change.runs, view or TraceFilter(self._current_run() or ""), self)
        self._dialog = dialog
        dialog.asked.connect(self._make)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _ask(self) -> None:
        self.make_queue()

    def _make(self, spec: object) -> None:
        dialog = self._dialog
        if not isinstance(spec, QueueSpec) or dialog is None:
            return

        def done(uid: str) -> None:
            if isValid(dialog):  # it may have been closed meanwhile
                dialog.accept()
            queues.remember(uid)
            self._read(uid)

        def failed(error: Exception) -> None:
            if not isinstance(error, InputError):
                raise error
            if isValid(dialog):
                dialog.refuse(told(error))

        queues.make(self, spec, done, failed)

    def _rename(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            dialogs.ask_name(
                self,
                "Rename queue",
                "Name:",
                chosen.name,
                lambda name: queues.rename(self, chosen.id, name, self._has_other_name),
                LONGEST_QUEUE,
            )

    def _has_other_name(self, _: object) -> None:
        self._read()
        if holds(self.top, QApplication.focusWidget()):  # the dialog was opened from there
            self.front.take_focus()

    def _export(self, with_scores: object) -> None:
        if self._chosen is not None:
            export_queue(self, self._chosen, with_scores=bool(with_scores))

    def _taken_in(self, uid: str) -> None:
        self._read(uid)
        for subpage in self._made.values():
            subpage.refresh()

    def _delete(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            dialogs.ask(
                self,
                f"Delete the queue {chosen.name}?",
                "Who is how far in it is forgotten. Judgements and comments stay with their trajectories.",
                "Delete queue",
                lambda: queues.delete(self, chosen.id, lambda _: self._read()),
            )
