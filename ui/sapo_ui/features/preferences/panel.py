"""Preference pairs: how wide their margins are, how many a threshold would leave, and the two solutions of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import PairInfo, TraceDetail
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.panels import emptiness
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.widgets.charts.histogram import ThresholdHistogram
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.tinted_lines import TintedLines

NEWEST = -1
FEW = 50
WIDE = 720
"""Pixels from which on the pairs stand beside the histogram."""

ETA_MEANING = (
    "eta: least difference between the mean step scores of winner and loser. Drag the line to see what another value "
    "would leave; the run itself keeps the value it was started with."
)


@dataclass(frozen=True, eq=False)
class _Found:
    wanted: object
    iteration: int
    iterations: list[int]
    pairs: list[PairInfo]
    eta: float


@dataclass(frozen=True, eq=False)
class _PairDetail:
    pair: PairInfo
    winner: TraceDetail
    loser: TraceDetail


class PreferencesPanel(DataPanel):
    """Histogram with a line to drag, live count, and a reader for the pairs that are left, the weakest first."""

    panel_id = "preferences"
    title = "Preferences"
    help = f"""### Preference pairs

A pair is two solutions of one question: the winner has the correct answer, and its mean step score lies above the
loser's by the **margin**. Only pairs whose margin reaches **eta** are trained on.

{ETA_MEANING} The right mouse button saves the histogram and its numbers (Ctrl+Shift+E).

Below, the pairs that are left, the weakest first, with both solutions side by side: **j / k** next and previous.
"""
    empty_headline = "No pairs yet"
    empty_text = "They are made in each iteration, after the new verifier has scored all trajectories."
    import_text = "Pairs are made from a run's own samples, and an imported file has none."

    def why_never(self, config: RunConfig) -> str:
        return emptiness.no_pairs(config)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._pairs: list[PairInfo] = []
        self._margins = np.zeros(0)
        self._shown: _PairDetail | None = None
        self._at = 0
        self._iteration = 0
        self._eta: float | None = None
        self.iteration = combo_box("Iteration", [("Newest iteration", NEWEST)])
        self.iteration.currentIndexChanged.connect(self._asked_again)
        self.count = label("", "strong")
        self.of = label("", "small", "muted")
        self.few = Notice("warning")
        self.histogram = ThresholdHistogram(name="eta", units=("margin", "pairs"))
        self.histogram.setMinimumHeight(90)
        self.histogram.setToolTip(ETA_MEANING)
        self.histogram.setAccessibleName("Margins of the pairs, with the threshold eta")
        self.histogram.threshold_changed.connect(self._eta_moved)
        top = FlowRow()
        top.add(self.iteration, self.count, self.of)
        self.column.addWidget(top)
        self.column.addWidget(self.few)
        self.body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.body.setSpacing(theme.SPACE_4)
        self.body.addWidget(self.histogram, 5)
        self.body.addWidget(self._reader(), 6)
        self.column.addLayout(self.body, 1)

    def _reader(self) -> QWidget:
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        self.place = label("", "small", "muted")
        self.question = label("", "small", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_1)
        for text, name, step in (("\u2039", "Previous pair (k)", -1), ("\u203a", "Next pair (j)", 1)):
            button = QToolButton()
            button.setText(text)
            button.setAccessibleName(name)
            button.setToolTip(name)
            button.clicked.connect(lambda _checked=False, step=step: self.go(step))
            row.addWidget(button)
        row.addWidget(self.place)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.question)
        sides = QHBoxLayout()
        sides.setSpacing(theme.SPACE_4)
        self.winner, self.loser = TintedLines(), TintedLines()
        self.winner_chip, self.loser_chip = Chip(), Chip()
        for chip, lines in ((self.winner_chip, self.winner), (self.loser_chip, self.loser)):
            side = QVBoxLayout()
            side.setSpacing(theme.SPACE_1)
            side.addWidget(chip)
            side.addWidget(lines)
            side.addStretch(1)
            sides.addLayout(side, 1)
        column.addLayout(sides, 1)
        area = QScrollArea()
        area.setWidget(whole)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return area

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        used, made = queries.newest_pairs(store, run_id)
        return f"{used:,} of {made:,} pairs" if made else ""

    @property
    def left(self) -> list[PairInfo]:
        """The pairs whose margin reaches the line, the weakest first."""
        return [pair for pair in reversed(self._pairs) if pair.margin >= self.histogram.threshold]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # in a low and wide place the histogram would be squeezed onto its axis
        beside = self.width() >= WIDE
        ways = QBoxLayout.Direction
        self.body.setDirection(ways.LeftToRight if beside else ways.TopToBottom)

    @property
    def shown_pair(self) -> PairInfo | None:
        """The pair in the reader."""
        return None if self._shown is None else self._shown.pair

    def clear(self) -> None:
        self._pairs, self._shown, self._at, self._eta = [], None, 0, None
        self._margins = np.zeros(0)

    def load(self, run_id: str) -> None:
        wanted: object = self.iteration.currentData()

        def work(store: Store) -> _Found:
            run = queries.get_run(store, run_id)
            if run.imported:
                return _Found(wanted, 0, [], [], 0.0)
            reached = run.iteration
            eta = queries.get_config(store, run_id).optimiser.eta
            there = [number for number in range(reached + 1) if len(queries.margins(store, run_id, number))]
            chosen = wanted if isinstance(wanted, int) and wanted in there else (there[-1] if there else 0)
            return _Found(wanted, chosen, there, queries.pairs(store, run_id, chosen) if there else [], eta)

        self.read(work, self._take)

    def _asked_again(self) -> None:
        if self._run_id is not None:
            self.load(self._run_id)

    def _take(self, found: _Found) -> None:
        if found.wanted != self.iteration.currentData():
            return  # another iteration is being read by now
        if not found.pairs:
            self.set_filled(bool(self._pairs))
            return
        self.set_filled(True)
        names = [(f"Iteration {number}", number) for number in found.iterations]
        set_items(self.iteration, [("Newest iteration", NEWEST), *names])
        again = found.iteration == self._iteration
        same = again and len(found.pairs) == len(self._pairs)
        before = self.left[self._at : self._at + 1] if again else []
        self._iteration, self._pairs = found.iteration, found.pairs
        self._margins = np.array([pair.margin for pair in found.pairs])
        if self._eta is None:
            self._eta = found.eta
            self.histogram.set_threshold(found.eta)
        if not same:
            self.histogram.set_values(self._margins)
            self._say_left()
            ids = [pair.id for pair in self.left]
            self._at = next((ids.index(pair.id) for pair in before if pair.id in ids), 0)  # the one that is read stays
            self._read_pair()

    def _eta_moved(self, eta: object) -> None:
        del eta
        self._say_left()
        self._at = 0
        self._read_pair()

    def _say_left(self) -> None:
        left = self.left
        questions = len({pair.question_id for pair in left})
        self.count.setText(f"{len(left):,} of {len(self._pairs):,} pairs")
        own = "" if self._eta is None else f", the run uses eta {self._eta:g}"
        self.of.setText(f"of {questions:,} questions reach eta {self.histogram.threshold:g}{own}")
        few = "Few pairs are left: an alignment on fewer than 50 learns little. Try a lower eta in the next run."
        self.few.say(few if len(left) < FEW and self._pairs else "")

    def go(self, step: int) -> None:
        """Go to the next or the previous pair."""
        self._at = max(0, min(len(self.left) - 1, self._at + step))
        self._read_pair()

    def _read_pair(self) -> None:
        left = self.left
        if not left:
            self._shown = None
            self.place.setText("No pair reaches the line")
            self.question.setText("")
            self.winner.set_lines(())
            self.loser.set_lines(())
            self.winner_chip.setVisible(False)
            self.loser_chip.setVisible(False)
            return
        pair = left[min(self._at, len(left) - 1)]

        def work(store: Store) -> _PairDetail:
            return _PairDetail(pair, queries.trace(store, pair.winner_id), queries.trace(store, pair.loser_id))

        self.read(work, self._show_pair, key="pair")

    def _show_pair(self, shown: _PairDetail) -> None:
        left = self.left
        if self._at >= len(left) or left[self._at].id != shown.pair.id:
            return
        self._shown = shown
        self.place.setText(f"Pair {self._at + 1:,} of {len(left):,}, margin {fmt.number(shown.pair.margin)}")
        self.question.setText(" ".join(shown.winner.question.split()))
        for name, detail, chip, lines in (
            ("Winner", shown.winner, self.winner_chip, self.winner),
            ("Loser", shown.loser, self.loser_chip, self.loser),
        ):
            scores = detail.scores.get(self._iteration)
            mean = "" if scores is None else f", mean {float(np.mean(scores)):.2f}"
            ending = "correct" if detail.correct else "incorrect"
            tone, icon = ("good", "done") if detail.correct else ("bad", "failed")
            chip.set_text(f"{name}: {ending} answer{mean}", tone, icon)
            chip.setVisible(True)
            values = [None] * len(detail.steps) if scores is None else [float(value) for value in scores]
            lines.set_lines(list(zip(detail.steps, values, strict=True)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_J: 1, Qt.Key.Key_K: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.go(step)
