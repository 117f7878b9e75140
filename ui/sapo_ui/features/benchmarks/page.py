"""The page of process benchmarks: what there is, a form that makes one, and what can be done to the chosen one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.benchmarks.making import Choice, Made
from sapo_studio.formats.registry import WRITTEN
from sapo_studio.store.db import Store
from sapo_studio.store.records import BenchmarkInfo
from sapo_ui import theme
from sapo_ui.features.benchmarks.make_form import MakeForm
from sapo_ui.features.benchmarks.table import BenchmarkModel, BenchmarkTable
from sapo_ui.panels.page import Page
from sapo_ui.services import benchmarks, tasks
from sapo_ui.services.benchmarks import Benchmarks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.labels import EmptyState, label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.saving import saving
from sapo_ui.wording import told

T = TypeVar("T")

HELP = """### Process benchmarks

Written solutions whose first error is known, under a name and a version. Verifiers, their upper bound and the gap are
measured on them.

**Make draft** takes solutions of a run or of an Annotate queue with the first errors that people, rollouts or the
task's oracle say; the same name again is its next version. **Freeze** fixes a version for ever: only then it can be
measured on. **Copy for a run** copies what the field *Process data* of a new run takes. **Export** writes its solutions
in the format of others.

*Trained on* counts solutions of questions that the runs it was made from are trained on: numbers of these runs on it
flatter them. **Esc** goes back.
"""


class BenchmarksPage(Page):
    """The table, the form and the buttons."""

    left = Signal()
    """Somebody wants to go back."""

    help = HELP

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = BenchmarkModel()
        self.table = BenchmarkTable(self.model)
        self.empty = EmptyState("Reading the benchmarks", "")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.table)
        self.notice = Notice("warning")
        self.trouble = Notice("bad")
        self.form = MakeForm()
        self.freeze = self._button("Freeze\u2026", "Fix the version, so that it can be measured on", self._freeze)
        self.copy = self._button("Copy for a run", "Copy the value of task.process_data", self._copy)
        self.export = self._button("Export\u2026", "Write its solutions to a file", self._export)
        self.delete = self._button("Delete\u2026", "Delete this version", self._delete)
        self.done = label("", "small", "muted")
        self._shown = False
        self.back = self._button("Back", "Back to the run (Esc)", self.left.emit)
        head = QHBoxLayout()
        head.addWidget(label("Process benchmarks", "heading"))
        head.addStretch(1)
        head.addWidget(self.back)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_2)
        for button in (self.freeze, self.copy, self.export, self.delete):
            row.addWidget(button)
        row.addWidget(self.done, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(self.trouble)
        column.addWidget(self.notice)
        column.addWidget(self.pages, 1)
        column.addLayout(row)
        column.addWidget(self.form)
        self.form.wanted.connect(self._make)
        self.table.selectionModel().selectionChanged.connect(self._show_what_can_be_done)
        self.model.modelReset.connect(self._show_what_can_be_done)
        self._show_what_can_be_done()

    @staticmethod
    def _button(text: str, hover: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(hover)

        def pressed(checked: bool = False) -> None:
            del checked
            act()

        button.clicked.connect(pressed)
        return button

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()

    def take(self, change: StoreChange) -> None:
        if self.isVisible():
            self.read()

    # -- what there is

    def read(self) -> None:
        """Read again, in the background."""
        tasks.run(self, benchmarks.read_benchmarks, self._show, failed=self._failed, key="read", keep_running=True)

    def _show(self, found: Benchmarks) -> None:
        chosen = self.chosen
        self.model.show(found.all)
        self.form.show_sources(found.sources)
        self.empty.say(
            "No process benchmark yet",
            "Judge solutions of a run, or take the labels of its rollouts, and make one below. Once it is frozen, "
            "verifiers can be measured on it.",
        )
        self.pages.setCurrentWidget(self.table if found.all else self.empty)
        # First the row: a table that gets the focus makes its first row the current one, and chooses none.
        if found.all and not self.table.selectionModel().hasSelection():
            self.choose(chosen.title if chosen is not None else found.all[0].title)
        if not self._shown:
            self._shown = True
            self._take_focus()

    def _take_focus(self) -> None:
        """The first time: what the page is about has the focus, unless somebody has chosen something already."""
        chosen = self.window().focusWidget()
        if chosen is self.back or not self.isAncestorOf(chosen):  # also where nothing has it
            (self.table if self.model.rows else self.form.name).setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def chosen(self) -> BenchmarkInfo | None:
        """The version of the current row."""
        row = self.table.currentIndex().row()
        return self.model.rows[row] if 0 <= row < len(self.model.rows) else None

    def choose(self, title: str) -> None:
        """Make the row of this version the current one, where it is there, else the first."""
        at = next((at for at, one in enumerate(self.model.rows) if one.title == title), 0)
        self.table.selectRow(at)

    def _show_what_can_be_done(self) -> None:
        one = self.chosen
        self.freeze.setEnabled(one is not None and one.frozen_at is None)
        self.copy.setEnabled(one is not None and one.frozen_at is not None)
        self.export.setEnabled(one is not None)
        self.delete.setEnabled(one is not None)

    def _failed(self, error: Exception) -> None:
        self.trouble.say(told(error))
        if not self.model.rows:
            self.empty.say("The benchmarks could not be read", "")

    # -- what is done

    def _act(self, work: Callable[[Store], T], then: Callable[[T], None]) -> None:
        self.trouble.say("")
        self.done.setText("")

        def done(result: T) -> None:
            then(result)
            self.read()

        def failed(error: Exception) -> None:
            self.form.set_busy(False)
            self._failed(error)

        tasks.change(self, work, done, failed=failed)

    def _make(self, name: str, source: str, choice: Choice) -> None:
        self.form.set_busy(True)

        def made(result: Made) -> None:
            self.form.set_busy(False)
            self.form.name.clear()
            self.notice.say(result.note)
            self.done.setText(f"{result.benchmark.title} is made, as a draft.")

        self._act(lambda store: benchmarks.make(store, name, source, choice), made)

    def _freeze(self) -> None:
        one = self.chosen
        if one is None:
            return

        def agreed() -> None:
            self._act(
                lambda store: benchmarks.freeze(store, one.title),
                lambda frozen: self.done.setText(f"{frozen.title} is frozen."),
            )

        text = f"Its {one.rows:,} solutions never change from then on. A later version can be made under the same name."
        dialogs.ask(self, f"Freeze {one.title}?", text, "Freeze", agreed)

    def _copy(self) -> None:
        one = self.chosen
        if one is not None:
            QGuiApplication.clipboard().setText(one.reference)
            self.done.setText(f"Copied {one.reference}: paste it into Process data of a new run.")

    def _export(self) -> None:
        one = self.chosen
        if one is None:
            return
        titles = {f"{known.title} (*{known.suffixes[0]})": known for known in WRITTEN}
        first = next(iter(titles.values()))
        start = f"{one.title}{first.suffixes[0]}"
        path, picked = QFileDialog.getSaveFileName(
            self, f"Export {one.title}", str(saving().folder / start), ";;".join(titles)
        )
        if path:
            known, file = titles.get(picked, first), Path(path)
            saving().remember(file.parent)

            def written(count: int) -> None:
                self.done.setText(f"{count:,} solutions are in {file}.")
                saving().tell(file)

            self._act(lambda store: benchmarks.export(store, one.title, file, known.name), written)

    def _delete(self) -> None:
        one = self.chosen
        if one is None:
            return

        def agreed() -> None:
            self._act(
                lambda store: benchmarks.delete(store, one.title),
                lambda _: self.done.setText(f"{one.title} is deleted."),
            )

        frozen = "It is frozen: numbers measured on it can no longer be checked." if one.frozen_at is not None else ""
        dialogs.ask(self, f"Delete {one.title}?", frozen or "It is a draft.", "Delete", agreed)
