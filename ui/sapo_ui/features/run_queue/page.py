"""The Queue page: the cards, what runs and waits, and the timeline; order, cards, pause, taking out and undoing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.store.db import Store
from sapo_ui import theme
from sapo_ui.features.run_queue.card_tiles import CardTiles
from sapo_ui.features.run_queue.column_heads import ColumnHeads
from sapo_ui.features.run_queue.rows import Row, headline, rows_of
from sapo_ui.features.run_queue.timeline import QueueTimeline
from sapo_ui.features.run_queue.view import QueueModel, QueueView
from sapo_ui.panels.page import Page
from sapo_ui.services import run_queue, tasks
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.run_queue import MachineWatch, Overview, QueuedRun
from sapo_ui.theme import icons
from sapo_ui.widgets.labels import EmptyState, label
from sapo_ui.widgets.notice import Notice
from sapo_ui.wording import told

T = TypeVar("T")

LOOK_MS = 2000
UNDO_MS = 10_000

HELP = """### Queue

Runs that start by themselves once there is room for them, in their order. The queue goes on with the window closed,
and after a restart as soon as the window or `sapo` looks at runs (`sapo queue autostart` prints how it does so at
login). *Add to queue* on New run, `sapo run --queue` and `sapo matrix --queue` put runs in.

**Drag a row**, or **Alt+arrows**: another place; the timeline shows what it would come to before the drop.
**0 to 9** or a click on a number: which cards a run may use. **Del** takes a run out, **u** within ten seconds puts it
back. **Enter** opens the run. **j k** next and previous. **Pause queue** starts nothing more; what runs goes on.

A run waits until its forecast peak fits into what is free and not promised to another run. A later run may start first
only on what all earlier ones can do without.
"""


class RunQueuePage(Page):
    """Reads the queue and the machine while it is in front, every two seconds and when the store changes."""

    help = HELP

    run_opened = Signal(str)
    """(run id) Somebody wants to see the run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: Overview | None = None
        self._change = StoreChange((), frozenset())
        self._watch: MachineWatch | None = None
        self._removed: QueuedRun | None = None
        self._leaving: set[str] = set()
        self.summary = label("", "body", "muted")
        self.hold = QPushButton("Pause queue")
        self.hold.clicked.connect(self._toggle_paused)
        self.tiles = CardTiles()
        self.trouble = Notice("bad")
        self.notice = Notice("warning")
        self.model = QueueModel(self)
        self.view = QueueView(self.model)
        self.heads = ColumnHeads(self.model)
        self.empty = EmptyState("Reading the queue", "")
        self.undo_bar = QFrame()
        self.undo_text = label("")
        self.undo = QPushButton("Undo (u)")
        self.timeline = QueueTimeline()
        self.timeline_note = label("", "small", "muted")
        self._undo_clock = QTimer(self)
        self._undo_clock.setSingleShot(True)
        self._undo_clock.setInterval(UNDO_MS)
        self._undo_clock.timeout.connect(self._forget_removed)
        self._clock = QTimer(self)
        self._clock.setInterval(LOOK_MS)
        self._clock.timeout.connect(self.read)
        self._arrange()
        self._connect()
        self._forget_removed()
        theme.on_change(self, self._restyle)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE_3)
        head.addWidget(label("Queue", "heading"))
        head.addWidget(self.summary, 1)
        head.addWidget(self.hold)
        card = QFrame()
        card.setProperty("look", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(4, 0, 4, 4)
        inside.setSpacing(0)
        inside.addWidget(self.heads)
        inside.addWidget(self.view, 1)
        self.body = QStackedWidget()
        self.body.addWidget(self.empty)
        self.body.addWidget(card)
        row = QHBoxLayout(self.undo_bar)
        row.setContentsMargins(12, 4, 4, 4)
        row.addWidget(self.undo_text, 1)
        row.addWidget(self.undo)
        self.undo_bar.setProperty("look", "card")
        self.plan = QFrame()
        self.plan.setProperty("look", "card")
        below = QVBoxLayout(self.plan)
        below.setContentsMargins(12, 8, 12, 8)
        below.setSpacing(4)
        title = QHBoxLayout()
        title.addWidget(label("Timeline", "strong"))
        title.addStretch(1)
        title.addWidget(self.timeline_note)
        below.addLayout(title)
        below.addWidget(self.timeline)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.trouble)
        column.addWidget(self.notice)
        column.addWidget(self.tiles)
        column.addWidget(self.body, 1)
        column.addWidget(self.undo_bar)
        column.addWidget(self.plan)
        for first, second in ((self.hold, self.view), (self.view, self.undo)):
            QWidget.setTabOrder(first, second)

    def _connect(self) -> None:
        self.view.moved.connect(self.move_run)
        self.view.previewed.connect(self._preview)
        self.view.card_toggled.connect(self.toggle_card)
        self.view.remove_wanted.connect(self.remove)
        self.view.undo_wanted.connect(self.put_back)
        self.view.opened.connect(self.run_opened)
        self.view.doubleClicked.connect(self._open_current)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.undo.clicked.connect(self.put_back)

    def _restyle(self) -> None:
        paused = self.found is not None and self.found.paused
        self.hold.setIcon(icons.icon("play" if paused else "pause"))
        self.view.viewport().update()

    # -- what there is

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    def take(self, change: StoreChange) -> None:
        self._change = change
        if self.isVisible():
            self.read()

    def catch_up(self, change: StoreChange) -> None:
        self._change = change
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def read(self) -> None:
        """Read the queue and the machine again, in the background."""
        if self._watch is None:
            self._watch = MachineWatch(open_now=False)
        watch = self._watch
        tasks.run(
            self,
            lambda store: run_queue.overview(store, watch),
            self._arrived,
            failed=self._failed,
            key="read",
            keep_running=True,
        )

    def _arrived(self, found: Overview) -> None:
        self._leaving.clear()
        self.show_overview(found)

    def show_overview(self, found: Overview) -> None:
        """Show the queue as it is; not under a row that is being dragged."""
        self.found = found
        if self.view.dragging:
            return
        current = self.view.current()
        rows = rows_of(found, self._change.run)
        self.model.show(rows)
        if rows and self.view.current() is None:
            self.view.choose(current.run_id if current is not None else rows[0].run_id)
            if self.view.current() is None:
                self.view.choose(rows[0].run_id)
        self.heads.update()
        self.empty.say(
            "Nothing runs and nothing waits",
            "Add to queue on New run puts a run here, and so do `sapo run --queue` and Add to queue in a run's menu. "
            "It starts by itself once there is room for it.",
        )
        self.body.setCurrentIndex(1 if rows else 0)
        self.summary.setText(headline(found))
        self.hold.setText("Resume queue" if found.paused else "Pause queue")
        self.hold.setToolTip(
            "Start runs again as there is room for them" if found.paused else "Start nothing more; what runs goes on"
        )
        self._restyle()
        self.tiles.show_overview(found)
        self.notice.say(self._warning(found))
        self._show_plan(found, "")

    def _warning(self, found: Overview) -> str:
        if self.tiles.stale:
            return self.tiles.stale
        if found.paused and found.waiting:
            return "The queue is paused: nothing more is started. What runs goes on."
        return ""

    def _show_plan(self, found: Overview, moved: str) -> None:
        self.timeline.show_overview(found, moved)
        known = any(lane.bars for lane in self.timeline.lanes)
        self.plan.setVisible(known)
        if moved:
            self.timeline_note.setText("as it would be after the drop")
        else:
            self.timeline_note.setText("if the queue were not paused" if found.paused else "by forecast")

    def _preview(self, run_id: str, place: int) -> None:
        if self.found is not None:
            self._show_plan(self.found.moved(run_id, place) if place else self.found, run_id if place else "")

    def _failed(self, error: Exception) -> None:
        self.trouble.say(told(error))
        if self.found is None:
            self.empty.say("The queue could not be read", "")

    # -- what is done

    def _act(self, work: Callable[[Store], T], then: Callable[[T], object] | None = None) -> None:
        self.trouble.say("")

        def done(result: T) -> None:
            if then is not None:
                then(result)
            self.read()

        def failed(error: Exception) -> None:
            self._failed(error)
            self.read()

        tasks.change(self, work, done, failed=failed)

    def _toggle_paused(self) -> None:
        paused = self.found is not None and not self.found.paused
        self._act(lambda store: run_queue.set_paused(store, paused))

    def move_run(self, run_id: str, place: int) -> None:
        """Give a waiting run another place, from 1 on."""
        if self.found is not None:  # at once here, so that the next press goes on from there
            self.show_overview(self.found.moved(run_id, place))
            self.view.choose(run_id)
        self._act(lambda store: run_queue.move(store, run_id, place))

    def toggle_card(self, run_id: str, number: int) -> None:
        """Let a waiting run use a card, or no longer."""
        row = next((one for one in self.model.rows if one.run_id == run_id), None)
        watch = self._watch
        if row is None or watch is None:
            return
        if not row.waits:
            self.trouble.say(f"{row.name} runs already: its cards are fixed until it ends.")
            return
        box = next((one for one in row.boxes if one.number == number), None)
        if box is None or not box.room:
            why = "it works on the CPU" if row.on_cpu else "too small for it" if box else "not in this machine"
            self.trouble.say(f"{row.name} cannot use card {number}: {why}.")
            return
        chosen = [one for one in row.boxes if one.chosen != (one.number == number)]
        if not chosen:
            self.trouble.say(f"{row.name} needs a card. Choose another one first.")
            return
        if chosen == [one for one in row.boxes if one.room]:
            chosen = []
        numbers = [one.number for one in chosen]
        if self.found is not None:  # at once here, so that the next press goes on from there
            self.show_overview(self.found.on_cards(run_id, [one.uuid for one in chosen]))
        self._act(lambda store: run_queue.choose_cards(store, run_id, numbers, watch))

    def remove(self, run_id: str) -> None:
        """Take a waiting run out; for ten seconds it can be put back."""
        row = next((one for one in self.model.rows if one.run_id == run_id), None)
        if row is not None and not row.waits:
            self.trouble.say(f"{row.name} runs. Stop it on its page; the queue only takes out what waits.")
            return
        if run_id in self._leaving:
            return  # it is listed until the queue is read again: a second press means nothing
        self._leaving.add(run_id)
        self._act(lambda store: run_queue.remove(store, run_id), self._was_removed)

    def _was_removed(self, row: QueuedRun) -> None:
        self._removed = row
        self.undo_text.setText(f"{row.name} is out of the queue. The run itself stays.")
        self.undo_bar.show()
        self._undo_clock.start()

    def put_back(self) -> None:
        """Undo the last removal."""
        row = self._removed
        if row is not None:
            self._forget_removed()
            self._act(lambda store: run_queue.put_back(store, row))

    def _forget_removed(self) -> None:
        self._removed = None
        self._undo_clock.stop()
        self.undo_bar.hide()

    def _open_current(self) -> None:
        row = self.view.current()
        if row is not None:
            self.run_opened.emit(row.run_id)

    def _menu(self, where: QPoint) -> None:
        row = self.view.current()
        if row is not None and self.view.indexAt(where).isValid():
            self.menu_of(row).popup(self.view.viewport().mapToGlobal(where))

    def menu_of(self, row: Row) -> QMenu:
        """What can be done to a row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open run\tEnter", lambda: self.run_opened.emit(row.run_id))
        if row.waits:
            last = sum(1 for one in self.model.rows if one.waits)
            up = menu.addAction("Move up\tAlt+Up", lambda: self.move_run(row.run_id, row.place - 1))
            down = menu.addAction("Move down\tAlt+Down", lambda: self.move_run(row.run_id, row.place + 1))
            first = menu.addAction("Move to the front", lambda: self.move_run(row.run_id, 1))
            up.setEnabled(row.place > 1)
            first.setEnabled(row.place > 1)
            down.setEnabled(row.place < last)
            menu.addSeparator()
            menu.addAction("Take out of the queue\tDel", lambda: self.remove(row.run_id))
        return menu
