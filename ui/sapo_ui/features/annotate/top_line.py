"""The line above a queue: which one, under whose name, what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QWidget

from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import theme
from sapo_ui.features.annotate.subpage import SubpageSpec
from sapo_ui.services.annotations import annotator_name, set_annotator_name
from sapo_ui.theme import icons
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.segmented import Segmented


class TopLine(FlowRow):
    """Knows no store: it is told what there is, and tells what was chosen."""

    queue_chosen = Signal(object)
    """(queue id: int)"""

    subpage_chosen = Signal(object)
    """(place among the subpages: int)"""

    new_queue = Signal()
    rename = Signal()
    delete = Signal()
    export = Signal(object)
    """(with scores: bool) Write the queue to a bundle."""

    take_in = Signal()
    """Bring a bundle in."""

    def __init__(self, subpages: Sequence[SubpageSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._subpages = list(subpages)
        self._counts: dict[int, int] = {}
        self.queue = ElidedCombo("Queue", 220)
        self.queue.activated.connect(self._queue)
        self.name = ElidedCombo("Judge as", 130)
        self.name.activated.connect(self._name)
        self.switch = Segmented("What is shown of the queue")
        self.switch.chosen.connect(self.subpage_chosen)
        self.make = QPushButton("New queue\u2026")
        self.make.setFont(theme.font("small"))
        self.make.setToolTip("Make a queue out of a run, an imported file or a process benchmark")
        self.make.clicked.connect(self.new_queue)
        self.more = QToolButton()
        self.more.setAccessibleName("More about this queue")
        self.more.setToolTip("Take this queue to another machine and back; rename or delete it")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setIconSize(QSize(16, 16))
        menu = QMenu(self.more)
        self._of_queue: list[QAction] = []
        self._add_action(menu, "Export bundle\u2026", lambda: self.export.emit(False))
        self._add_action(menu, "Export bundle with scores\u2026", lambda: self.export.emit(True))
        self._add_action(menu, "Import bundle\u2026", self.take_in.emit, needs_queue=False)
        menu.addSeparator()
        self._add_action(menu, "Rename queue\u2026", self.rename.emit)
        self._add_action(menu, "Delete queue\u2026", self.delete.emit)
        self.more.setMenu(menu)
        self.add(label("Annotate", "heading"), self.queue, label("as", "small", "muted"), self.name, self.switch)
        self.add(self.make, self.more)
        self._say_switch()
        theme.on_change(self, self._restyle)

    def _add_action(self, menu: QMenu, words: str, act: Callable[[], object], *, needs_queue: bool = True) -> None:
        action = QAction(words, menu)
        action.triggered.connect(lambda _checked=False: act())
        menu.addAction(action)
        if needs_queue:
            self._of_queue.append(action)

    def show_queues(self, queues: Sequence[QueueInfo], chosen: int | None) -> None:
        """Offer these queues."""
        self.queue.fill([(one.name, one.id) for one in queues], chosen)
        for widget in (self.queue, self.switch):
            widget.setVisible(bool(queues))
        for action in self._of_queue:
            action.setEnabled(bool(queues))

    def show_names(self, known: Sequence[str]) -> None:
        """Offer the names that judgements have been kept under."""
        me = annotator_name()
        names = [me, *sorted({one for one in known if one != me}, key=str.casefold)]
        self.name.fill([*((one, one) for one in names), ("Another name\u2026", None)], me)

    def show_subpage(self, at: int) -> None:
        """This one is in front."""
        self.switch.set_value(at)

    def count(self, at: int, number: int | None) -> None:
        """Write a number beside a subpage's name; None: none."""
        self._counts.pop(at, None)
        if number is not None:
            self._counts[at] = number
        self._say_switch()

    def _say_switch(self) -> None:
        titles = [spec.title for spec in self._subpages]
        self.switch.set_items(
            [(f"{title} {self._counts[at]:,}" if at in self._counts else title, at) for at, title in enumerate(titles)]
        )

    def _queue(self) -> None:
        self.queue_chosen.emit(self.queue.currentData())

    def _name(self) -> None:
        chosen: object = self.name.currentData()
        if isinstance(chosen, str):
            set_annotator_name(chosen)
            return
        self.name.setCurrentIndex(0)
        dialogs.ask_name(
            self.window(), "Judge as", "Keep my judgements under the name:", annotator_name(), set_annotator_name
        )

    def _restyle(self) -> None:
        self.more.setIcon(icons.icon("more"))
