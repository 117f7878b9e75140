"""The filter bar over the trace table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from sapo_studio.store.records import TraceFilter
from sapo_ui import theme
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.wording import CASES, OUTCOMES, SOURCES

PEOPLE = (("Judged or not", -1), ("Judged by people", 1), ("Not judged yet", 0))
ANY = -1
ONE_SET = "test:"
"""Stands before the name of a set among the sources."""


class TraceFilters(FlowRow):
    """Search text, source, iteration, outcome, case, judged. `changed` waits until typing pauses."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search questions and steps")
        self.search.setAccessibleName("Search questions and steps")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(180)
        self.search.setFont(theme.font("small"))
        self.source = combo_box(
            "Source",
            SOURCES,
            "Sampled solutions, those that come with the task, rollouts kept as trajectories, or the benchmark's",
        )
        self.iteration = combo_box("Iteration", [("All iterations", ANY)])
        self.outcome = combo_box("Outcome", OUTCOMES)
        self.case = combo_box("Self-verification case", CASES)
        self.people = combo_box("Judged by people", PEOPLE)
        self.add(self.search, self.source, self.iteration, self.outcome, self.case, self.people)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self.changed)
        self.search.textChanged.connect(self._typed)
        for box in (self.source, self.iteration, self.outcome, self.case, self.people):
            box.currentIndexChanged.connect(self._picked)

    def show_known(self, iterations: int) -> None:
        """Offer iterations 0 to this one."""
        items = [("All iterations", ANY)] + [(f"Iteration {number}", number) for number in range(iterations + 1)]
        set_items(self.iteration, items)

    def show_sets(self, names: Sequence[str]) -> None:
        """Offer each of several evaluation sets for itself, behind all of them."""
        more = [(f"Evaluation set {name}", f"{ONE_SET}{name}") for name in names] if len(names) > 1 else []
        set_items(self.source, [*SOURCES, *more])

    def show_import(self, *, imported: bool) -> None:
        """An imported file has one kind of trajectories: where one is shown there is nothing to choose."""
        for box in (self.source, self.iteration, self.case):
            box.setVisible(not imported)

    def filter(self, run_id: str, sort: str, *, descending: bool) -> TraceFilter:
        """What is asked for."""
        iteration: object = self.iteration.currentData()
        people: object = self.people.currentData()
        source = str(self.source.currentData())
        of = source.removeprefix(ONE_SET) if source.startswith(ONE_SET) else ""
        return TraceFilter(
            run_id,
            iteration=iteration if isinstance(iteration, int) and iteration != ANY else None,
            source="test" if of else source,
            set=of,
            outcome=str(self.outcome.currentData()),
            case=str(self.case.currentData()),
            text=self.search.text().strip(),
            annotated=None if people == ANY else bool(people),
            sort=sort,
            descending=descending,
        )

    def show_filter(self, wanted: TraceFilter) -> None:
        """Choose what `wanted` says, as far as this run offers it; told once, as `changed`."""
        source = f"{ONE_SET}{wanted.set}" if wanted.set else wanted.source
        people = ANY if wanted.annotated is None else int(wanted.annotated)
        iteration = ANY if wanted.iteration is None else wanted.iteration
        for box, value in (
            *((self.source, source), (self.iteration, iteration), (self.outcome, wanted.outcome)),
            *((self.case, wanted.case), (self.people, people)),
        ):
            blocked = box.blockSignals(True)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.blockSignals(blocked)
        blocked = self.search.blockSignals(True)
        self.search.setText(wanted.text)
        self.search.blockSignals(blocked)
        self._picked()

    @property
    def boxes(self) -> dict[str, QComboBox]:
        """The boxes whose choice is remembered: those that mean the same in every run."""
        return {"source": self.source, "outcome": self.outcome, "case": self.case, "people": self.people}

    @property
    def active(self) -> bool:
        """Whether anything but the defaults is chosen."""
        boxes = (self.source, self.iteration, self.outcome, self.case, self.people)
        return bool(self.search.text().strip()) or any(box.currentIndex() > 0 for box in boxes)

    def reset(self) -> None:
        """Back to the defaults."""
        self.search.clear()
        for box in (self.source, self.iteration, self.outcome, self.case, self.people):
            box.setCurrentIndex(0)

    def _typed(self) -> None:
        self._pause.start()

    def _picked(self) -> None:
        self._pause.stop()
        self.changed.emit()
