"""The form that makes a process benchmark from a run or a queue."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from sapo_studio.app.benchmarks.making import Choice
from sapo_studio.domain.process_benchmark import LabelSource, parse_reference
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label

LABELS: tuple[tuple[str, LabelSource], ...] = (
    ("People's judgements", "human"),
    ("Rollouts", "rollouts"),
    ("The task's oracle", "oracle"),
    ("Consensus of sources", "consensus"),
)
PER_QUESTION = tuple((f"{count} a question", count) for count in (1, 2, 4, 8))
MOST = (("All there are", 0), *((f"At most {count:,}", count) for count in (20, 50, 100, 200, 500, 1000, 5000)))
TUNING = tuple(
    (f"{100 * share:.0f}{fmt.THIN}% for tuning" if share else "None for tuning", share)
    for share in (0.0, 0.1, 0.2, 0.5)
)
NAME_RULE = "Letters, digits, dots, dashes and underscores, a letter or digit first."


class MakeForm(QFrame):
    """Name, source, labels, how many. Sends what is asked for; makes nothing itself."""

    wanted = Signal(str, str, object)
    """(name, source, Choice)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self._busy = False
        self._told = False  # which runs and queues there are
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name")
        self.name.setAccessibleName("Name of the benchmark")
        self.name.setToolTip(f"{NAME_RULE} A name that is there already gets its next version.")
        self.name.setMinimumWidth(160)
        self.source = combo_box("Run or queue", (), "Where its solutions come from")
        self.labels = combo_box("Labels", LABELS, "Whose first error its solutions get")
        self.per_question = combo_box("Most solutions of a question", PER_QUESTION)
        self.per_question.setCurrentIndex(1)
        self.most = combo_box("Most solutions in all", MOST)
        self.tuning = combo_box("Share of the questions on which thresholds are tuned", TUNING)
        self.tuning.setCurrentIndex(2)
        self.held_out = QCheckBox("Held-out questions only")
        self.held_out.setToolTip("Leave out questions that the runs are trained on")
        self.make = QPushButton("Make draft")
        self.make.setProperty("look", "primary")
        self.make.clicked.connect(self._make)
        self.hint = label("", "small", "muted", wrap=True)
        fields = FlowRow()
        fields.add(self.name, self.source, self.labels, self.per_question, self.most, self.tuning, self.held_out)
        foot = QHBoxLayout()
        foot.addWidget(self.hint, 1)
        foot.addWidget(self.make)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_3, theme.SPACE_3, theme.SPACE_3)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(label("Make one from a run or a queue", "strong"))
        column.addWidget(fields)
        column.addLayout(foot)
        self.name.textChanged.connect(self._look)
        self.name.returnPressed.connect(self._make)
        self._look()

    def show_sources(self, sources: Sequence[tuple[str, str]]) -> None:
        """Offer these runs and queues."""
        self._told = True
        set_items(self.source, sources)
        self._look()

    def set_busy(self, busy: bool) -> None:
        """One is being made, or no longer."""
        self._busy = busy
        self._look()

    def _look(self) -> None:
        name = self.name.text().strip()
        fits = parse_reference(name)
        good = fits is not None and fits[1] is None
        self.name.setProperty("wrong", bool(name) and not good)
        self.name.style().unpolish(self.name)
        self.name.style().polish(self.name)
        if not self.source.count():
            hint = "There is no run yet whose solutions could be taken." if self._told else ""
        elif name and not good:
            hint = NAME_RULE
        else:
            hint = "Outcomes are balanced, and solutions of one question stay on one side of the split."
        self.hint.setText(hint)
        self.make.setEnabled(good and bool(self.source.count()) and not self._busy)

    def _make(self) -> None:
        if not self.make.isEnabled():
            return
        choice = Choice(
            labels=self.labels.currentData(),
            per_question=self.per_question.currentData(),
            size=self.most.currentData() or None,
            tuning=self.tuning.currentData(),
            held_out=self.held_out.isChecked(),
        )
        self.wanted.emit(self.name.text().strip(), str(self.source.currentData()), choice)
