"""The steps that the sources disagree on, as a table: worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from sapo_studio.app.studies.audit import Disagreement
from sapo_studio.domain.consensus import Bounds
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.widgets.panel_export import Table, with_unit
from sapo_ui.widgets.plain_text import plain_tip

Index = QModelIndex | QPersistentModelIndex
STEP, SCORE, ROLLOUTS, OTHERS, WRITTEN, BELIEF, FILTER = range(7)
HEADS = (
    ("Step", "The step, and where it stands in its trajectory"),
    ("Score", "What the verifier before gives the prefix up to here, 0 to 1"),
    ("Rollouts", "How many rollouts from here came to a correct answer, of how many"),
    ("Others", "What people and second graders say"),
    ("Written", "The label that was written"),
    ("P correct", "The chance that the step is correct: from all sources and their estimated errors"),
    ("", "Out: the filter, as it is set here, leaves the label out"),
)
NUMBERS = (SCORE, ROLLOUTS, BELIEF)


class Disagreements(QAbstractTableModel):
    """Steps, one a row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Sequence[Disagreement] = ()
        self._bounds: Bounds | None = None
        theme.on_change(self, self._restyle)

    def show_steps(self, steps: Sequence[Disagreement]) -> None:
        """Show these, in this order."""
        self.beginResetModel()
        self._steps = steps
        self.endResetModel()

    def set_bounds(self, bounds: Bounds | None) -> None:
        """What the filter leaves out; None where there is none."""
        self._bounds = bounds
        self._restyle()

    def numbers(self) -> Table:
        """A row a step, in full."""
        return _rows(self._steps, self._bounds)

    def step(self, row: int) -> Disagreement | None:
        """The step in a row."""
        return self._steps[row] if 0 <= row < len(self._steps) else None

    def called(self, row: int) -> tuple[int, int]:
        """What the step in a row is, whenever it is read: its trajectory and its number."""
        return self._steps[row].trajectory, self._steps[row].step

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own way to ask
        return 0 if parent.isValid() else len(self._steps)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.TextAlignmentRole:  # above what the cells say
                side = Qt.AlignmentFlag.AlignRight if section in NUMBERS else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
            name, tip = HEADS[section]
            return {Qt.ItemDataRole.DisplayRole: name, Qt.ItemDataRole.ToolTipRole: tip}.get(Qt.ItemDataRole(role))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        step = self.step(index.row())
        if step is None:
            return None
        column = index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(step, column)
            case Qt.ItemDataRole.AccessibleTextRole if column == WRITTEN:
                return _word(step.written)
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(_sentence(step))
            case Qt.ItemDataRole.FontRole:
                return theme.font("mono_small" if column in (STEP, *NUMBERS) else "small")
            case Qt.ItemDataRole.TextAlignmentRole if column in NUMBERS:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.DecorationRole if column == WRITTEN:
                look = theme.current()
                name, color = ("check", look.good) if step.written else ("close", look.bad)
                return glyphs.pixmap(name, color, 14)
            case Qt.ItemDataRole.ForegroundRole if column == FILTER:
                return QColor(theme.current().warning)
            case _:
                return None

    def _text(self, step: Disagreement, column: int) -> str:
        match column:
            case 0:
                return f"{step.step}: {step.text.splitlines()[0] if step.text else ''}"
            case 1:
                return "" if step.score is None else f"{step.score:.2f}"
            case 2:
                return "" if step.rollouts is None else f"{step.rollouts.succeeded}/{step.rollouts.made}"
            case 3:
                return _others(step)
            case 4:
                return ""  # a mark says it
            case 5:
                return "" if step.belief is None else f"{step.belief:.2f}"
            case _:
                return _filtered(step, self._bounds)

    def _restyle(self) -> None:
        if self._steps:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._steps) - 1, len(HEADS) - 1))


def _word(correct: bool) -> str:
    return "correct" if correct else "incorrect"


def _sentence(step: Disagreement) -> str:
    parts = [f"Step {step.step}: {step.text}", f"Written: {_word(step.written)}."]
    parts += [f"{name}: {_word(said)}." for name, said in {**step.graders, **step.people}.items()]
    if step.score is not None:
        parts.append(f"The verifier's score: {step.score:.2f}.")
    if step.verifier is not None:
        parts.append(f"The verifier's first error lies {'behind it' if step.verifier else 'here or before'}.")
    if step.rollouts is not None:
        low, high = step.rollouts.interval()
        parts.append(
            f"Rollouts: {step.rollouts.succeeded} of {step.rollouts.made} succeed (95 %: {low:.0%} to {high:.0%})."
        )
    if step.oracle is not None:
        parts.append(f"By the task's oracle it is {_word(step.oracle)}.")
    return "\n".join(parts)


def _rows(steps: Sequence[Disagreement], bounds: Bounds | None) -> Table:
    """Steps one by one, of which there may be thousands, with what a filter with `bounds` does."""
    heads = ("trajectory", "question", "step", "text", "score", "rollouts succeeded", "rollouts made", "others")
    yield (*heads, "written", with_unit("correct", "probability"), "oracle", "filter")
    for one in steps:
        tries = (None, None) if one.rollouts is None else (one.rollouts.succeeded, one.rollouts.made)
        oracle = "" if one.oracle is None else _word(one.oracle)
        said = (_others(one), _word(one.written), one.belief, oracle, _filtered(one, bounds))
        yield (one.trajectory, one.question, one.step, one.text, one.score, *tries, *said)


def _others(step: Disagreement) -> str:
    return ", ".join(f"{name}: {_word(said)}" for name, said in {**step.graders, **step.people}.items())


def _filtered(step: Disagreement, bounds: Bounds | None) -> str:
    return "out" if bounds is not None and step.out(bounds) else ""
