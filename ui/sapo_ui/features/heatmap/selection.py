"""Which trajectories the heatmap shows, whose scores, in which order: the controls above it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from sapo_studio.store.records import HeatmapQuery
from sapo_ui import theme
from sapo_ui.theme import icons
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.segmented import Segmented
from sapo_ui.wording import FOUND, OUTCOMES

FRESH, PROCESS, ALL = -2, -3, -1
"""Whose trajectories, beside an iteration's number: those each verifier scored first; the process benchmark;
all."""

REPLAY_MS = 1100
SORTS = (
    ("Sort: first error", "first_error"),
    ("Sort: question", "question"),
    ("Sort: mean score", "score"),
    ("Sort: disagreement", "disagreement"),
    ("Sort: length", "length"),
)

KINDS = (*OUTCOMES, *FOUND)


@dataclass(frozen=True)
class HeatmapSelection:
    """Which scores are asked for, of which trajectories, in which order. `verifier` None: the newest."""

    whose: int
    verifier: int | None
    outcome: str
    case: str
    sort: str

    def queries(self, run_id: str, newest: int, limit: int, *, imported: bool = False) -> list[HeatmapQuery]:
        """The queries to try, in order, until one finds something. `imported`: an imported file has one kind of
        trajectories, and no iterations."""
        verifier = newest if self.verifier is None else self.verifier
        if imported:
            return [HeatmapQuery(run_id, -1, verifier, "import", self.outcome, self.case, self.sort, limit)]
        source = "process" if self.whose == PROCESS else "sample"
        if self.whose == FRESH:
            iterations = [verifier + 1, verifier]
        else:
            iterations = [-1 if self.whose in (PROCESS, ALL) else self.whose]
        return [
            HeatmapQuery(run_id, iteration, verifier, source, self.outcome, self.case, self.sort, limit)
            for iteration in iterations
        ]


class HeatmapControls(FlowRow):
    """The heatmap's controls. They follow the run until the user picks a verifier."""

    changed = Signal()
    """The user, or the replay, asks for another picture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scrubber = Segmented(
            "Verifier",
            "Whose scores are shown: the verifier before iteration 1 (V0), after it (V1), and so on.\n"
            "Left and Right step through them, Space replays them.",
        )
        self.play = QToolButton()
        self.play.setAccessibleName("Replay the run")
        self.play.setToolTip("Replay the run, verifier by verifier (Space)")
        self.whose = combo_box(
            "Whose trajectories",
            [("Fresh samples", FRESH), ("All samples", ALL), ("Benchmark", PROCESS)],
            "Which trajectories: fresh samples (those that each verifier scored first), one iteration's samples, all "
            "samples, or the process benchmark, which is the same for every verifier.",
        )
        self.kind = combo_box("Outcome or case", KINDS, "Only correct or incorrect answers, or one case")
        self.sort = combo_box("Sort", SORTS, "Order of the trajectories, from left to right")
        self.add(self.scrubber, self.play, self.whose, self.kind, self.sort)
        self._timer = QTimer(self)
        self._timer.setInterval(REPLAY_MS)
        self._timer.timeout.connect(self._next)
        self._pinned = False
        self.scrubber.chosen.connect(self._pick)
        self.play.clicked.connect(self.toggle_replay)
        for box in (self.whose, self.kind, self.sort):
            box.currentIndexChanged.connect(self._combo_changed)
        theme.on_change(self, self._restyle)

    @property
    def selection(self) -> HeatmapSelection:
        """What is asked for now."""
        chosen = self.scrubber.value if self._pinned else None
        kind, order = str(self.kind.currentData()), str(self.sort.currentData())
        outcome, case = (kind, "") if kind in ("all", "wrong", "right") else ("all", kind)
        return HeatmapSelection(_value(self.whose), chosen, outcome, case, order)

    @property
    def boxes(self) -> dict[str, QComboBox]:
        """The boxes whose choice is remembered."""
        return {"whose": self.whose, "kind": self.kind, "sort": self.sort}

    @property
    def playing(self) -> bool:
        """Whether the replay runs."""
        return self._timer.isActive()

    def show_known(self, verifiers: list[int], iterations: int, shown: int | None) -> None:
        """Offer these verifiers and iterations; `shown` is whose scores are on screen."""
        self.scrubber.set_items([(f"V{number}", number) for number in verifiers])
        self.scrubber.set_value(shown)
        self.play.setEnabled(len(verifiers) > 1)
        fixed = [("Fresh samples", FRESH), ("All samples", ALL), ("Benchmark", PROCESS)]
        set_items(self.whose, fixed + [(f"Samples of it {number}", number) for number in range(iterations + 1)])

    def follow(self) -> None:
        """Show the newest verifier again, and go on doing so."""
        self._pinned = False
        self._timer.stop()
        self._restyle()

    def position(self) -> dict[str, str]:
        """Whose scores the user picked; empty: those of the newest verifier."""
        return {"verifier": str(self.scrubber.value) if self._pinned else ""}

    def pin(self, verifier: int) -> None:
        """Show this verifier's scores, as if the user had picked it."""
        self.scrubber.set_items([(f"V{verifier}", verifier)])
        self.scrubber.set_value(verifier)
        self._pinned = True

    def toggle_replay(self) -> None:
        """Start the replay at the first verifier, or stop it where it is."""
        if self.playing:
            self._timer.stop()
        elif len(self.scrubber.values) > 1:
            self._pick(self.scrubber.values[0])
            self._timer.start()
        self._restyle()

    def _next(self) -> None:
        values = self.scrubber.values
        at = values.index(self.scrubber.value) if self.scrubber.value in values else -1
        if at + 1 < len(values):
            self._set(values[at + 1])
        if at + 2 >= len(values):
            self._timer.stop()
            self._restyle()

    def _pick(self, value: object) -> None:
        self._timer.stop()
        self._restyle()
        if isinstance(value, int):
            self._set(value)

    def _set(self, value: int) -> None:
        self._pinned = value != max(self.scrubber.values, default=value)
        self.scrubber.set_value(value)
        self.changed.emit()

    def _combo_changed(self) -> None:
        self.changed.emit()

    def _restyle(self) -> None:
        self.play.setIcon(QIcon(icons.icon("pause" if self.playing else "play")))


def _value(box: QComboBox) -> int:
    value: object = box.currentData()
    return value if isinstance(value, int) else FRESH
