"""Choosing the runs to compare out of all that there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from sapo_studio.store.records import RunSummary
from sapo_studio.store.run_filter import RunFilter
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.picks import MOST
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip

MOST_GROUPED = 60
"""Runs that may be picked where seeds are grouped: how many lines they make is known once they are read."""


class RunChooser(QDialog):
    """A tick for each run; the search narrows the list, and keeps what is ticked. Too many cannot be confirmed."""

    chosen = Signal(object)
    """(run ids: list[str]) Those to compare, in the order in which they were ticked."""

    def __init__(
        self, runs: Sequence[RunSummary], picked: Sequence[str], *, grouped: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose runs to compare")
        self.resize(520, 460)
        self._runs = [run for run in runs if run.binned_at is None]
        self._ticked = dict.fromkeys(run_id for run_id in picked if any(run.id == run_id for run in self._runs))
        self._most = MOST_GROUPED if grouped else MOST
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search runs by name, id, preset, tag or status")
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Runs")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(3)
        self.list.itemChanged.connect(self._tick)
        self.list.installEventFilter(self)
        self.hint = label("", "small", "muted", wrap=True)
        self.hint.setMinimumHeight(2 * self.hint.fontMetrics().lineSpacing())  # nothing moves when it says more
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText("Compare")
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        column.addWidget(self.hint)
        column.addWidget(self.buttons)
        self.finished.connect(self.deleteLater)
        self._fill()
        self.search.setFocus()

    @property
    def ticked(self) -> Collection[str]:
        """Ids of the ticked runs."""
        return self._ticked.keys()

    def _fill(self) -> None:
        wanted = self.search.text()
        blocked = self.list.blockSignals(True)
        self.list.clear()
        for run in self._runs:
            if not any(RunFilter(archived=archived, text=wanted).takes(run) for archived in (False, True)):
                continue
            greedy = run.headline.get("greedy_accuracy")
            state = "imported file, which has no evaluation" if run.imported else run.status.value
            facts = [state, *([f"greedy {fmt.percent(greedy)}"] if greedy is not None else [])]
            facts += ["archived"] if run.archived_at is not None else []
            item = QListWidgetItem("  \u00b7  ".join((run.name, *facts)))
            item.setData(Qt.ItemDataRole.UserRole, run.id)
            item.setToolTip(plain_tip(f"{run.name}\nid {run.id}"))
            flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
            item.setFlags(flags | Qt.ItemFlag.ItemIsEnabled if not run.imported else Qt.ItemFlag.NoItemFlags)
            on = run.id in self._ticked
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(blocked)
        if self.list.count():
            self.list.setCurrentRow(0)
        self._say()

    def _tick(self, item: QListWidgetItem) -> None:
        run_id = str(item.data(Qt.ItemDataRole.UserRole))
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked[run_id] = None
        else:
            self._ticked.pop(run_id, None)
        self._say()

    def _say(self) -> None:
        count, over = len(self._ticked), len(self._ticked) - self._most
        text = f"{count} picked."
        if not self.list.count():
            text += " No run matches the search."
        if over > 0:
            text = f"{count} picked, and at most {self._most} can be told apart: untick {over}."
        self.hint.setText(text)
        self.hint.setProperty("look", "bad" if over > 0 else "muted")
        self.hint.style().unpolish(self.hint)
        self.hint.style().polish(self.hint)
        self.ok.setEnabled(over <= 0)

    def _accept(self) -> None:
        self.chosen.emit(list(self._ticked))
        self.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down move in the list from the search field; Enter confirms from either."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if watched is self.search and key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.list.count():
                self.list.setFocus()
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self.ok.isEnabled():
                    self._accept()
                return True
        return super().eventFilter(watched, event)
