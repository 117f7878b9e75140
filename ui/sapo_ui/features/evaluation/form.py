"""Which verifier is evaluated, on what, and what else is measured: the fields of the dialog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from sapo_studio.app.benchmarks.evaluating import Wanted
from sapo_studio.app.studies.verifier_page import WAYS
from sapo_studio.domain.aggregation import AGGREGATIONS
from sapo_studio.readable import counted, listing
from sapo_studio.requests.limits import BEST_OF, BEST_OF_PROPOSED, QUESTIONS, TRAJECTORIES, Limits
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.services.evaluation import Measurable, Offers
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.spin_boxes import whole_box

LABEL, FIELD, NUMBER = 80, 288, 108
"""Pixels of what a field is called, of a field, and of one for a number."""
ALONE, SEEDS, NO_RUN = "alone", "seeds", "none"
FOLDER = "folder"
OWN, FILE = "", "file"
FILES = "Labeled steps (*.jsonl *.json *.gz);;All files (*)"
MOST = 2**31 - 1
OWN_VERIFIERS_ONLY = "A model from elsewhere is measured on a benchmark alone."


@dataclass
class Place:
    """A line with a button beside it, for a file or a folder."""

    line: QLineEdit
    button: QPushButton

    @property
    def text(self) -> str:
        """What stands there."""
        return self.line.text().strip()

    def row(self) -> QHBoxLayout:
        """Both beside each other."""
        made = QHBoxLayout()
        made.setSpacing(theme.SPACE_2)
        made.addWidget(self.line, 1)
        made.addWidget(self.button)
        return made


class EvaluationForm(QWidget):
    """Only what can be measured can be chosen. What stands in the fields stays there until somebody changes it."""

    changed = Signal()
    """Something else is to be measured."""

    def __init__(self, run: RunSummary | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self._offers: Offers | None = None
        self.runs = ElidedCombo("Run", FIELD)
        self.verifier = combo_box("Verifier", (), "Which of the run's verifiers, or a model from elsewhere")
        self.folder = self._place("Model folder", "A token- or sequence-classification model")
        self.benchmark = ElidedCombo("Benchmark", FIELD)
        self.file = self._place(
            "Benchmark file", "Solutions whose first error is known: ProcessBench, or another format"
        )
        self.best = QCheckBox("Best of N samples")
        self.best.setToolTip("What the verifier is worth as a chooser among samples of the run's last reasoner")
        self.samples = number("Samples N", BEST_OF, least=1, value=BEST_OF_PROPOSED)
        self.questions = number("Test questions", QUESTIONS)
        ways = [(WAYS[way].capitalize(), way) for way in AGGREGATIONS]
        self.aggregation = combo_box("Solution score", ways, "How the scores of a solution's steps become one")
        self.matrix = QCheckBox("V \u00d7 M matrix")
        self.matrix.setToolTip("Self-verification error of every verifier with every reasoner of the run")
        self.trajectories = number("Trajectories", TRAJECTORIES)
        self.device = QLineEdit()
        self.device.setAccessibleName("Device")
        self.device.setPlaceholderText("As the run does")
        self.device.setToolTip("Where to compute: auto, cpu, cuda or cuda:1")
        self.hint = label("", "small", "muted", wrap=True)
        self._lay_out()
        for box in (self.runs, self.verifier, self.benchmark, self.aggregation):
            box.currentIndexChanged.connect(self._fit)
        for check in (self.best, self.matrix):
            check.toggled.connect(self._fit)
        for place, choose in ((self.folder, self._choose_folder), (self.file, self._choose_file)):
            place.line.textChanged.connect(self._fit)
            place.button.clicked.connect(choose)
        self.device.textChanged.connect(self._fit)
        for box in (self.samples, self.questions, self.trajectories):
            box.valueChanged.connect(self._fit)
        self._fit()

    def _place(self, name: str, hover: str) -> Place:
        line = QLineEdit()
        line.setAccessibleName(name)
        line.setToolTip(hover)
        button = QPushButton("Choose\u2026")
        button.setAccessibleName(f"Choose {name[0].lower()}{name[1:]}")
        button.setAutoDefault(False)
        return Place(line, button)

    def _lay_out(self) -> None:
        rows = self._rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(theme.SPACE_3)
        rows.setVerticalSpacing(theme.SPACE_2)
        rows.addRow("Run", self.runs)
        rows.labelForField(self.runs).setMinimumWidth(LABEL)  # fields stay in place, whichever are shown
        rows.addRow("Verifier", self.verifier)
        self._folder_row = self.folder.row()
        rows.addRow("Folder", self._folder_row)
        rows.addRow("Benchmark", self.benchmark)
        self._file_row = self.file.row()
        rows.addRow("File", self._file_row)
        rows.addRow("", self.best)
        rows.addRow("Samples N", self.samples)
        rows.addRow("Questions", self.questions)
        rows.addRow("Score by", self.aggregation)
        rows.addRow("", self.matrix)
        rows.addRow("Trajectories", self.trajectories)
        rows.addRow("Device", self.device)
        rows.addRow("", self.hint)

    # -- What there is

    def offer(self, offers: Offers) -> None:
        """Offer what there is."""
        self._offers = offers
        run, items = self._run, list[tuple[str, object]]()
        if run is not None and offers.alone is not None:
            items.append((f"{run.name} ({run.id})", ALONE))
        if run is not None and offers.seeds is not None:
            items.append((f"{len(offers.seeds.runs)} seeds of this configuration", SEEDS))
        items.append(("None: a model from elsewhere", NO_RUN))
        self.runs.fill(items, items[0][1])
        self._fit()

    @property
    def measurable(self) -> Measurable | None:
        """The runs that are chosen; None: no run."""
        if self._offers is None:
            return None
        return {ALONE: self._offers.alone, SEEDS: self._offers.seeds}.get(self.runs.currentData())

    # -- What is wanted

    @property
    def complete(self) -> bool:
        """Whether everything is said that has to be."""
        if self._offers is None or self.verifier.currentData() is None:
            return False
        folder = self.verifier.currentData() != FOLDER or bool(self.folder.text)
        return folder and (self.benchmark.currentData() != FILE or bool(self.file.text))

    @property
    def wanted(self) -> Wanted:
        """What is to be measured."""
        runs, verifier, benchmark = self.measurable, self.verifier.currentData(), self.benchmark.currentData()
        best = self.best.isEnabled() and self.best.isChecked()
        return Wanted(
            runs=() if runs is None else runs.runs,
            verifier=Path(self.folder.text) if verifier == FOLDER else verifier,
            benchmark=self.file.text if benchmark == FILE else benchmark,
            best_of=self.samples.value() if best else BEST_OF.default,
            questions=self.questions.value(),
            aggregation=self.aggregation.currentData(),
            matrix=self.matrix.isEnabled() and self.matrix.isChecked(),
            trajectories=self.trajectories.value(),
            device=self.device.text().strip(),
        )

    @property
    def measured_on(self) -> str:
        """What the benchmark is called."""
        match self.benchmark.currentData():
            case "":
                return "the run's own benchmark"
            case "file":
                return Path(self.file.text).name
            case _:
                return self.benchmark.currentText()

    def _fit(self) -> None:
        """Show the fields that what is chosen has."""
        runs, offers = self.measurable, self._offers
        if offers is not None:
            self._offer_verifiers(runs)
            own = [("The run's own", OWN)] if runs is not None else []
            frozen = [(f"{one.title}, {counted(one.rows, 'solution')}", one.reference) for one in offers.benchmarks]
            self._refill(self.benchmark, [*own, *frozen, ("A file", FILE)])
        foreign = self.verifier.currentData() == FOLDER
        self._rows.setRowVisible(self._folder_row, foreign)
        self._rows.setRowVisible(self._file_row, self.benchmark.currentData() == FILE)
        for check in (self.best, self.matrix):
            check.setEnabled(not foreign)
        for field in (self.samples, self.questions, self.aggregation):
            self._rows.setRowVisible(field, not foreign and self.best.isChecked())
        self._rows.setRowVisible(self.trajectories, not foreign and self.matrix.isChecked())
        self.device.setPlaceholderText("As the run does" if runs is not None else "The card, where there is one")
        self.hint.setText(self._hint(runs, foreign=foreign))
        self.changed.emit()

    def _offer_verifiers(self, runs: Measurable | None) -> None:
        numbers = () if runs is None else runs.verifiers
        named = [(f"V{n}{', the last' if at == 0 and len(numbers) > 1 else ''}", n) for at, n in enumerate(numbers)]
        blocked = self.verifier.blockSignals(True)
        set_items(self.verifier, [*named, ("A model's folder", FOLDER)])
        if self.verifier.currentIndex() < 0:
            self.verifier.setCurrentIndex(0)
        self.verifier.blockSignals(blocked)

    @staticmethod
    def _refill(box: ElidedCombo, items: list[tuple[str, str]]) -> None:
        if [(box.itemText(at), box.itemData(at)) for at in range(box.count())] != items:
            values = [value for _, value in items]
            box.fill(items, box.currentData() if box.currentData() in values else values[0])

    def _hint(self, runs: Measurable | None, *, foreign: bool) -> str:
        said: list[str] = []
        if self._offers is not None and self._run is not None and runs is not None and not runs.verifiers:
            said.append("This run has no verifier yet.")
        if runs is not None and len(runs.runs) > 1:
            said.append(f"Measured one by one and put together: {listing(list(runs.runs))}.")
        if foreign:
            said.append(OWN_VERIFIERS_ONLY)
        return " ".join(said)

    # -- Files

    def _choose_folder(self) -> None:
        self._ask("A model's folder", self.folder, folder=True)

    def _choose_file(self) -> None:
        self._ask("A process benchmark", self.file, folder=False)

    def _ask(self, title: str, place: Place, *, folder: bool) -> None:
        dialog = QFileDialog(self, title, str(saving().folder), "" if folder else FILES)
        dialog.setFileMode(QFileDialog.FileMode.Directory if folder else QFileDialog.FileMode.ExistingFile)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.fileSelected.connect(self._taker(place))
        dialog.open()

    @staticmethod
    def _taker(place: Place) -> Callable[[str], None]:
        def take(name: str) -> None:
            place.line.setText(name)
            saving().remember(Path(name).parent)

        return take


def number(name: str, limits: Limits[int], *, least: int = 0, value: int | None = None) -> QSpinBox:
    """A field for a number within `limits`, and `least` at least; `value`: what stands there at first, where that is
    not the request's own default."""
    low = max(limits.low or 0, least)
    box = whole_box(name, low, MOST if limits.high is None else limits.high, limits.default if value is None else value)
    box.setFixedWidth(NUMBER)
    return box
