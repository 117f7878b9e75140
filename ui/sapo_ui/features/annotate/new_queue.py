"""The dialog that makes a queue."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.annotation.queues import suggested_name
from sapo_studio.names import LONGEST_QUEUE
from sapo_studio.store.queue_records import RULES, QueueSpec
from sapo_studio.store.queues import LARGEST
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_ui import theme
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.name_field import NameField
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.spin_boxes import whole_box
from sapo_ui.wording import CASES, OUTCOMES, SOURCES

ANY = -1
PEOPLE: tuple[tuple[str, bool | None], ...] = (
    ("Judged or not", None),
    ("Not judged by anybody yet", False),
    ("Judged by people", True),
)
IMPORTED = ("Imported rows", "import")
HINT = (
    "The same trajectories, rule, size and seed give everybody the same items. Blind, the order of a queue is the only "
    "thing that still tells of models; random order tells nothing."
)


class NewQueueDialog(QDialog):
    """Asks which trajectories, in which order, and for whom. Does not block the window."""

    asked = Signal(object)
    """(QueueSpec) Make was pressed. The dialog stays until `made` or `refuse`."""

    def __init__(self, runs: Sequence[RunSummary], first: TraceFilter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Make a queue")
        self.setModal(True)
        self.setMinimumWidth(440)
        self._named = False
        self._set = ""  # of the evaluation sets that the view showed; there is no box for it
        self._runs = list(runs)
        self.run = ElidedCombo("Run or imported file", 320)
        self.run.fill([(f"{run.name} ({run.id})", run.id) for run in runs], first.run_id)
        self.source = combo_box("Source", [*SOURCES, IMPORTED], "Which of the run's trajectories")
        self.iteration = combo_box("Iteration", [("All iterations", ANY)])
        self.outcome = combo_box("Outcome", OUTCOMES)
        self.case = combo_box("Self-verification case", CASES)
        self.people = combo_box("Judged", PEOPLE)
        self.text = QLineEdit()
        self.text.setPlaceholderText("any")
        self.text.setAccessibleName("Words in the question or the steps")
        self.rule = combo_box("Order", [(words, rule) for rule, words in RULES.items()])
        self.items = whole_box("Items", 1, LARGEST, 100)
        self.seed = whole_box("Seed", 0, 2**31 - 1, 0)
        self.overlap = whole_box("Share of the items that everybody gets", 0, 100, 100, " %")
        self.gold = whole_box("Share of items whose first error is known, unmarked", 0, 100, 0, " %")
        for box in (self.items, self.seed, self.overlap, self.gold):
            box.setMaximumWidth(140)
        self.name = NameField("Name of the queue", longest=LONGEST_QUEUE)
        self.name.textEdited.connect(self._was_named)
        self.notice = Notice("bad")
        form = QFormLayout()
        form.setHorizontalSpacing(theme.SPACE_4)
        form.setVerticalSpacing(theme.SPACE_2)
        for words, widget in (
            ("From", self.run),
            ("Trajectories", self.source),
            ("Iteration", self.iteration),
            ("Outcome", self.outcome),
            ("Case", self.case),
            ("Judged", self.people),
            ("With the words", self.text),
            ("Order", self.rule),
            ("Items", self.items),
            ("Seed", self.seed),
            ("For everybody", self.overlap),
            ("Gold items", self.gold),
            ("Name", self.name),
        ):
            tag = label(words)
            tag.setBuddy(widget)
            form.addRow(tag, widget)
        self.overlap.setToolTip("The others go to whoever comes first. Agreement is measured on what several judged.")
        self.gold.setToolTip("Mixed in unmarked; how often they are judged correctly is counted apart.")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.make = QPushButton("Make queue")
        buttons.addButton(self.make, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._make)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_4, theme.SPACE_4, theme.SPACE_4, theme.SPACE_4)
        column.setSpacing(theme.SPACE_3)
        column.addLayout(form)
        column.addWidget(label(HINT, "small", "muted", wrap=True))
        column.addWidget(self.notice)
        column.addWidget(buttons)
        for box in (self.run, self.source, self.iteration, self.rule):
            box.currentIndexChanged.connect(self._fit)
        self._fit()
        self._begin_with(first)

    @property
    def spec(self) -> QueueSpec:
        """What is asked for."""
        iteration = int(self.iteration.currentData())
        return QueueSpec(
            self.name.text().strip(),
            TraceFilter(
                str(self.run.currentData()),
                iteration=None if iteration == ANY else iteration,
                source=str(self.source.currentData()),
                outcome=str(self.outcome.currentData()),
                case=str(self.case.currentData()),
                annotated=self.people.currentData(),
                set=self._set if self.source.currentData() == "test" else "",
                text=self.text.text().strip(),
            ),
            rule=self.rule.currentData(),
            size=self.items.value(),
            seed=self.seed.value(),
            overlap=self.overlap.value() / 100,
            gold_rate=self.gold.value() / 100,
        )

    def refuse(self, what: str) -> None:
        """Say why no queue was made."""
        self.make.setEnabled(True)
        self.notice.say(what)

    def _begin_with(self, view: TraceFilter) -> None:
        """Ask for what this view of the trace table shows, to begin with."""
        self._set = view.set
        for box, value in (
            (self.source, view.source),
            (self.iteration, ANY if view.iteration is None else view.iteration),
            (self.outcome, view.outcome),
            (self.case, view.case),
        ):
            if (at := box.findData(value)) >= 0:
                box.setCurrentIndex(at)
        self.people.setCurrentIndex([value for _, value in PEOPLE].index(view.annotated))
        self.text.setText(view.text)

    def _fit(self) -> None:
        """Offer what the chosen run has, and a name, unless one was typed."""
        run = next((one for one in self._runs if one.id == self.run.currentData()), None)
        reached = 0 if run is None else max(run.iteration, 0)
        items = [("All iterations", ANY), *((f"Iteration {number}", number) for number in range(reached + 1))]
        set_items(self.iteration, items)
        if run is not None and run.imported != (self.source.currentData() == IMPORTED[1]):
            self.source.setCurrentIndex(self.source.findData(IMPORTED[1] if run.imported else SOURCES[0][1]))
        if run is None or self._named:
            return
        asked = self.spec
        self.name.setText(suggested_name(run.name, asked.filter.iteration, asked.rule))
        self.name.setCursorPosition(0)

    def _was_named(self, text: str) -> None:
        self._named = bool(text.strip())

    def _make(self) -> None:
        self.notice.say("")
        self.make.setEnabled(False)
        self.asked.emit(self.spec)
