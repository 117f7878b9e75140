"""Two of the runs, question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import Comparison, Outcome, QuestionByQuestion, QuestionOutcome
from sapo_studio.store.db import Store
from sapo_ui import theme
from sapo_ui.features.compare.figures import Slots
from sapo_ui.features.compare.four_way import FourWayBar, Part
from sapo_ui.features.compare.question_list import QuestionList
from sapo_ui.services import comparison as reading
from sapo_ui.services import tasks
from sapo_ui.services.comparison import AskedQuestions
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.labels import EmptyState, label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.segmented import PAD, Segmented
from sapo_ui.wording import told

OUTCOMES: tuple[Outcome, ...] = ("left", "right", "neither", "both")
PAIR_WIDTH = 176
LEAST_NAME = 5

Pair = tuple[str, str]


class QuestionsCard(Card):
    """A bar, and the questions of one of its parts."""

    opened = Signal(object)
    """(QuestionOutcome) Somebody wants to see both traces."""

    common_wanted = Signal()
    """Compare on the questions that both runs have."""

    def __init__(self, parent: QWidget | None = None) -> None:
        inside = QWidget()
        super().__init__(inside, "Question by question", parent)
        self.setAccessibleName("Question by question")
        self._asked: AskedQuestions | None = None
        self._comparison: Comparison | None = None
        self._found: QuestionByQuestion | None = None
        self._names: dict[str, str] = {}
        self._slots: dict[str, int | None] = {}
        self._place = 0
        self._more: tasks.Task | None = None  # reads what comes after the rows that are listed
        self._settled = False  # somebody has chosen the part that is shown
        self._wanted: Pair = ("", "")
        self.outcome: Outcome = "left"
        self.pair = ElidedCombo("Two runs", PAIR_WIDTH)
        self.pair.currentIndexChanged.connect(self._pair_chosen)
        self.head.addWidget(self.pair)
        self.bar = FourWayBar()
        self.bar.chosen.connect(self._outcome_chosen)
        self.parts = Segmented("Which questions", "Whose greedy answer is correct")
        self.parts.chosen.connect(self._part_chosen)
        self.list = QuestionList()
        self.list.opened.connect(self.opened)
        self.list.moved.connect(self._moved)
        self.list.questions.more_wanted.connect(self._read_more)
        self.empty = EmptyState("Reading the questions", "")
        self.refused = Notice("warning")
        self.common = QPushButton("Compare on common questions")
        self.common.setAutoDefault(False)
        self.common.clicked.connect(lambda _checked=False: self.common_wanted.emit())
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self.list)
        self.open_button = QPushButton("Open both traces")
        self.open_button.setProperty("look", "link")
        self.open_button.setFont(theme.font("small"))
        self.open_button.setAutoDefault(False)
        self.open_button.setToolTip("Both solutions beside each other, step by step (Enter)")
        self.open_button.clicked.connect(lambda _checked=False: self.list.open_current())
        self.sorted = label("", "small", "muted")
        foot = QHBoxLayout()
        foot.addWidget(self.open_button)
        foot.addStretch(1)
        foot.addWidget(self.sorted)
        column = QVBoxLayout(inside)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_1, theme.SPACE_2, theme.SPACE_2)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(self.refused)
        column.addWidget(self.common, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.bar)
        column.addWidget(self.parts)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)
        self._show_parts(False)

    # -- which two runs

    def choices(self) -> dict[str, str]:
        """What is chosen here, for when the page is opened again."""
        return {"pair": " ".join(self._pair), "outcome": self.outcome, "place": str(self._place)}

    def restore(self, choices: dict[str, str]) -> None:
        """What `choices` gave."""
        outcome = choices.get("outcome", "")
        self.outcome = OUTCOMES[OUTCOMES.index(outcome)] if outcome in OUTCOMES else "left"
        place = choices.get("place", "")
        self._place = int(place) if place.isdecimal() else 0
        left, _, right = choices.get("pair", "").partition(" ")
        self._wanted = (left, right)

    @property
    def _pair(self) -> Pair:
        if self._asked is None:
            return self._wanted
        return self._asked.left, self._asked.right

    @property
    def shown_pair(self) -> Pair | None:
        """Ids of the two runs whose questions are shown."""
        return None if self._found is None else (self._found.left.run_id, self._found.right.run_id)

    def show_comparison(self, comparison: Comparison, slots: Slots, *, common: bool) -> None:
        """Offer pairs of these runs, those with the baseline first, and read the questions of the chosen one."""
        self._names = {run.run_id: run.label for run in comparison.runs}
        self._slots = dict(slots)
        offered = pairs(comparison)
        wanted = self._pair if self._pair in offered else next(iter(offered), None)
        texts = [(f"{self._names[left]}, {self._names[right]}", (left, right)) for left, right in offered]
        self.pair.fill(texts, wanted)
        self.pair.setVisible(bool(offered))
        if wanted is None:
            self._asked = None
            self._say("Two runs are needed", "Pick a second run, and its answers are held against this one's.")
            return
        asked = AskedQuestions(*wanted, comparison.set, self.outcome, common)
        if comparison is self._comparison and asked == self._asked and self._found is not None:
            self._show(asked, self._found)  # in other colours
            return
        self._comparison = comparison
        self._read(asked)

    def _pair_chosen(self) -> None:
        value = self.pair.currentData()
        if self._asked is not None and isinstance(value, tuple | list) and tuple(value) != self._pair:
            left, right = value
            self._place, self._settled = 0, False
            self._read(replace(self._asked, left=left, right=right))

    def _part_chosen(self, at: object) -> None:
        if isinstance(at, int):
            self._outcome_chosen(OUTCOMES[at])

    def _outcome_chosen(self, outcome: object) -> None:
        if outcome in OUTCOMES and self._asked is not None:
            self.outcome = OUTCOMES[OUTCOMES.index(outcome)]
            self._place, self._settled = 0, True
            self._read(replace(self._asked, outcome=self.outcome))

    # -- reading

    def _read(self, asked: AskedQuestions) -> None:
        self._asked = asked
        self._stop_reading_more()
        tasks.run(
            self,
            lambda store: reading.read_questions(store, asked),
            partial(self._show, asked),
            failed=partial(self._failed, asked),
            key="questions",
        )

    def _read_more(self) -> None:
        asked, offset = self._asked, len(self.list.questions.rows)
        if asked is None or self._more is not None:
            return

        def show(found: QuestionByQuestion) -> None:
            self._more = None
            if self._found is not None:
                self._found = replace(self._found, rows=self._found.rows + found.rows)
                self.list.questions.append(found.rows)

        def work(store: Store) -> QuestionByQuestion:
            return reading.read_questions(store, asked, offset)

        self._more = tasks.run(self, work, show, failed=partial(self._failed, asked))

    def _stop_reading_more(self) -> None:
        """The list is another now, or its beginning: what comes after is asked for again."""
        if self._more is not None:
            self._more.cancel()
            self._more = None

    def _failed(self, asked: AskedQuestions, error: Exception) -> None:
        if asked != self._asked:
            return  # something else, or nothing, is wanted by now
        self._say("The questions could not be read", told(error), "warning")

    # -- showing

    def _say(self, headline: str, text: str, sign: str = "") -> None:
        self._found = None
        self._stop_reading_more()
        self._show_parts(False)
        self.refused.say("")
        self.common.hide()
        self.empty.say(headline, text, sign)
        self.pages.setCurrentWidget(self.empty)

    def _show_parts(self, shown: bool) -> None:
        for part in (self.bar, self.parts, self.open_button, self.sorted):
            part.setVisible(shown)

    def _show(self, asked: AskedQuestions, found: QuestionByQuestion) -> None:
        if asked != self._asked:
            return  # something else, or nothing, is wanted by now
        self._found = found
        left, right = found.left.run_id, found.right.run_id
        self.refused.say(found.refused)
        self.common.setVisible(bool(found.refused) and found.common_helps)
        if found.refused:
            self._show_parts(False)
            self.empty.say("", "")
            self.pages.setCurrentWidget(self.empty)
            return
        counts = _counts(found)
        if not counts[self.outcome] and not self._settled and found.n:
            self.outcome = next(one for one in OUTCOMES if counts[one])
            self._read(replace(asked, outcome=self.outcome))
            return
        names = self._names.get(left, left), self._names.get(right, right)
        slots = self._slots.get(left), self._slots.get(right)
        self.bar.show_parts(
            (
                Part("both", "both", found.both),
                Part("left", f"{names[0]} only", found.left_only, slots[0]),
                Part("right", f"{names[1]} only", found.right_only, slots[1]),
                Part("neither", "neither", found.neither),
            )
        )
        self._name_parts(found)
        self.parts.set_value(OUTCOMES.index(self.outcome))
        self._show_parts(True)
        place = self._place
        self.list.questions.show(found.rows, found.total, names, slots)
        self.sorted.setText(
            {"scores": "sorted by score gap", "samples": "sorted by samples\u2019 gap"}.get(found.gap_by, "")
        )
        self.open_button.setEnabled(bool(found.rows))
        if found.rows:
            self.pages.setCurrentWidget(self.list)
            self.list.choose(place)
        else:
            self.empty.say("No such question", "Choose another part of the bar above.")
            self.pages.setCurrentWidget(self.empty)

    def _name_parts(self, found: QuestionByQuestion) -> None:
        """Write on the segments what they stand for: names of runs are cut to the room that there is."""
        left, right = found.left.run_id, found.right.run_id
        names = self._names.get(left, left), self._names.get(right, right)
        counts = _counts(found)
        metrics = QFontMetrics(self.parts.font())
        texts = {name: f"{name.capitalize()} {count:,}" for name, count in counts.items()}
        fixed = sum(metrics.horizontalAdvance(texts[name]) for name in ("both", "neither")) + 8 * PAD
        fixed += sum(metrics.horizontalAdvance(f" only {counts[name]:,}") for name in ("left", "right"))
        room = max(24, (self.inside.width() - 24 - fixed) // 2)
        for at, name in enumerate(("left", "right")):
            short = metrics.elidedText(names[at], Qt.TextElideMode.ElideMiddle, room)
            if len(short) < min(LEAST_NAME, len(names[at])):  # nobody knows a run by two letters
                short = name.capitalize()
            texts[name] = f"{short} only {counts[name]:,}"
        self.parts.set_items([(texts[name], at) for at, name in enumerate(OUTCOMES)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._found is not None and not self._found.refused:
            self._name_parts(self._found)

    def _moved(self, question: object) -> None:
        if isinstance(question, QuestionOutcome):
            self._place = question.place


def _counts(found: QuestionByQuestion) -> dict[Outcome, int]:
    return {"left": found.left_only, "right": found.right_only, "both": found.both, "neither": found.neither}


def pairs(comparison: Comparison) -> Sequence[Pair]:
    """Which two runs can be held against each other: each with one of the baseline's, then the others."""
    base = comparison.groups[comparison.baseline].runs
    others = [run.run_id for run in comparison.runs if run.run_id not in base]
    found = [(one, base[0]) for one in others]
    found += [(one, base[0]) for one in base[1:]]
    found += [(one, other) for at, one in enumerate(others) for other in others[at + 1 :]]
    return found
