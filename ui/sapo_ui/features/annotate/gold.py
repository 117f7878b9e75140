"""Gold items: what each person said of the items whose first error is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.annotation.agreement import People
from sapo_studio.domain.gold import judged_wrongly
from sapo_studio.domain.judgements import first_error
from sapo_studio.store.agreement import SavedByPeople, gold_item
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.annotate.conflict_steps import ConflictStep, ConflictSteps
from sapo_ui.features.annotate.item_rows import name_of
from sapo_ui.features.annotate.people_column import PeopleColumn
from sapo_ui.features.annotate.person_names import short_name
from sapo_ui.features.annotate.subpage import Subpage
from sapo_ui.services.resolutions import ConflictDesk, Evidence
from sapo_ui.theme import icons
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.kept_place import kept_place
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.message_page import MessagePage
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.row_table import dress_rows

ROW, LEAST_COLUMN = 28, 64

HELP = """### Annotate: gold items

Items whose first error is known were mixed into the queue, unmarked. Each row is one that somebody has saved: the known
first error, and which one each person names. Below the table: the steps of the chosen row. Items that you have still to
judge are not listed, or you would know what they are.

On the right, for each person: of how many items the first error is exact, and of how many steps up to it the judgement
is. A sentence says which way a person leans, where chance does not explain it. *Show them* lists the items that this
person judged wrongly.
"""

Index = QModelIndex | QPersistentModelIndex


class GoldModel(QAbstractTableModel):
    """A row an item; a column for what is known, and one a person."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: tuple[SavedByPeople, ...] = ()
        self.people: tuple[str, ...] = ()

    def take(self, items: tuple[SavedByPeople, ...]) -> None:
        """Show these gold items."""
        self.beginResetModel()
        self.items = items
        self.people = tuple(sorted({who for item in items for who in item.judged.steps}, key=str.casefold))
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 2 + len(self.people)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("Item", "Known", *map(short_name, self.people))[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole and section > 1:
            return plain_tip(self.people[section - 2])
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item, column = self.items[index.row()], index.column()
        if column == 0:
            return name_of(item.question_id, item.sample) if role == Qt.ItemDataRole.DisplayRole else None
        if column == 1:
            return str(item.gold or "none") if role == Qt.ItemDataRole.DisplayRole else None
        who = self.people[column - 2]
        if who not in item.judged.steps:
            return fmt.NONE if role == Qt.ItemDataRole.DisplayRole else None
        said = first_error(item.judged.steps[who], item.judged.n_steps)
        right = said == item.gold
        if role == Qt.ItemDataRole.DisplayRole:
            return "open" if said < 0 else str(said or "none")
        if role == Qt.ItemDataRole.DecorationRole:
            return icons.icon("check" if right else "close")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{who}: {said or 'none'}, {'exact' if right else 'not the known one'}"
        return None


class GoldPage(Subpage):
    """The gold items that somebody has saved, and how everybody does."""

    help = HELP

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue: QueueInfo | None = None
        self._people: People | None = None
        self._who = ""  # whose mistakes alone are listed
        self._all = False  # items that this user has still to judge are listed, too
        self.desk = ConflictDesk(self)
        self.desk.looked.connect(self._looked)
        self.desk.opened.connect(self._opened)
        self.rows = GoldModel(self)
        self.table = QTableView()
        self.table.setModel(self.rows)
        self.table.setAccessibleName("Gold items that were saved")
        dress_rows(self.table, ROW)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head.setMinimumSectionSize(LEAST_COLUMN)
        head.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.selectionModel().currentRowChanged.connect(self._chosen)
        self.question = label("", "body", "muted", wrap=True)
        self.steps = ConflictSteps("known", fmt.NONE)
        self.message = MessagePage(card=True)
        self.message.pressed.connect(self._reveal)
        self.people = PeopleColumn()
        self.people.wrong_asked.connect(self.show_person)
        card = QFrame()
        card.setProperty("look", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_3, theme.SPACE_3, theme.SPACE_3)
        column.setSpacing(theme.SPACE_2)
        self.title = ElidedLabel(theme.font("strong"))
        self.title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.everybody = _small_button("All gold items", self._show_everybody)
        self.unseen = label("", "small", "muted", wrap=True)
        self.reveal = _small_button("List them all the same", self._reveal)
        column.addLayout(_in_a_row(self.title, self.everybody))
        column.addLayout(_in_a_row(self.unseen, self.reveal))
        column.addWidget(self.table, 3)
        column.addWidget(self.question)
        column.addWidget(self.steps, 4)
        self._card = card
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(theme.SPACE_2)
        across.addWidget(self.message, 1)
        across.addWidget(card, 1)
        across.addWidget(self.people)
        self._fill(filled=False)
        theme.on_change(self, self._restyle)

    def show_queue(self, queue: QueueInfo | None) -> None:
        self._queue, self._people, self._who, self._all = queue, None, "", False
        self.rows.take(())
        self._fill(filled=False)
        self.message.say("", "")
        self.counted.emit(queue.gold if queue is not None and queue.gold else None)
        self.desk.show_queue(None if queue is None else queue.id)
        if self.isVisible():
            self.desk.look()

    def refresh(self) -> None:
        self.desk.look()

    def take_focus(self) -> None:
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_person(self, who: object) -> None:
        """List the items that this person judged wrongly."""
        self._who = str(who)
        self._list()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_everybody(self) -> None:
        self._who = ""
        self._list()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _reveal(self) -> None:
        self._all = True
        self._list()
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _looked(self, people: object) -> None:
        if isinstance(people, People):
            self._people = people
            self.people.show_people(self._queue, people)
            self._list()

    def _list(self) -> None:
        """List the gold items that are open to this user, and say what is left out."""
        if self._people is None:
            return
        gold = [item for item in self._people.items if item.gold is not None]
        seen = [item for item in gold if self._all or item.item_id in self.desk.done]
        listed = tuple(item for item in seen if not self._who or _wrong_of(item, self._who))
        if listed != self.rows.items:
            row = max(0, self.table.currentIndex().row())
            with kept_place(self.table, lambda row: self.rows.items[row].item_id):
                self.rows.take(listed)
            if not self.table.currentIndex().isValid():
                self.table.selectRow(min(row, len(listed) - 1))
        unseen = len(gold) - len(seen)
        self.title.set_text(f"Judged wrongly by {self._who}" if self._who else "First errors")
        self.everybody.setVisible(bool(self._who))
        self.unseen.setText(f"{_items(unseen)} not listed: you have still to judge {'it' if unseen == 1 else 'them'}.")
        for widget in (self.unseen, self.reveal):
            widget.setVisible(unseen > 0)
        self.question.setVisible(bool(listed))
        self.steps.setVisible(bool(listed))
        self._fill(filled=bool(seen))
        if not seen:
            self._say_none(unseen)

    def _say_none(self, unseen: int) -> None:
        if unseen:
            self.message.say(
                "Gold items are listed once you are done with them",
                f"{_items(unseen)} that others have saved {'waits' if unseen == 1 else 'wait'} for you on Judge. Who "
                "judges is not to know which ones they are.",
                "List them all the same",
            )
        elif self._queue is not None and self._queue.gold:
            self.message.say("No gold item is saved yet", "Here stands what each person said of it, once it is.")
        else:
            self.message.say(
                "No gold items in this queue",
                "They are mixed in when a queue is made, where first errors are known: by the task, or by a "
                "resolution.",
            )

    def _fill(self, *, filled: bool) -> None:
        self._card.setVisible(filled)
        self.message.setVisible(not filled)

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.desk.open(self.rows.items[index.row()].trajectory_id)

    def _opened(self, evidence: object) -> None:
        row = self.table.currentIndex().row()
        if not isinstance(evidence, Evidence) or not 0 <= row < len(self.rows.items):
            return
        item, detail = self.rows.items[row], evidence.detail
        if item.trajectory_id == detail.id:
            self.question.setText(" ".join(detail.question.split()))
            people = tuple(who for who in self.rows.people if who in item.judged.steps)
            self.steps.show_steps(people, known_rows(item, people, detail.steps), item.gold or 1)

    def _restyle(self) -> None:
        self.table.viewport().update()


def _wrong_of(item: SavedByPeople, who: str) -> bool:
    said = gold_item(item, who)
    return said is not None and judged_wrongly(said)


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


def _small_button(words: str, act: Callable[[], object]) -> QPushButton:
    """A button of small text, which does something to a list."""
    made = QPushButton(words)
    made.setFont(theme.font("small"))
    made.setAutoDefault(False)
    made.clicked.connect(lambda _checked=False: act())
    return made


def _in_a_row(wide: QWidget, button: QWidget) -> QHBoxLayout:
    """Something to be read, and a button at its right."""
    row = QHBoxLayout()
    row.addWidget(wide, 1)
    row.addWidget(button)
    return row


def known_rows(item: SavedByPeople, people: tuple[str, ...], texts: list[str]) -> list[ConflictStep]:
    """The steps of a gold item: what each says, and what is known up to its first error. Framed where somebody is
    off."""
    gold, judged = item.gold or 0, item.judged
    firsts = [first_error(judged.steps[who], judged.n_steps) for who in people]
    rows: list[ConflictStep] = []
    for number, text in enumerate(texts, start=1):
        said = tuple(judged.steps[who].get(number) for who in people)
        known = None if gold and number > gold else -1 if number == gold else 1
        off = known is not None and any(one is not None and (one < 0) != (known < 0) for one in said)
        rows.append(
            ConflictStep(number, text, said, tuple(error == number for error in firsts), known, number == gold, off)
        )
    return rows
