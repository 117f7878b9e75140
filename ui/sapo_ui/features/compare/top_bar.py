"""The head of the Compare page: baseline, what else is drawn, adding runs, export."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QPushButton, QWidget

from sapo_ui import theme
from sapo_ui.theme import icons
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.labels import label

BASELINE, SET = 160, 148
OWN = "Test questions"
"""The choice that stands for the runs' own test questions."""


class TopBar(QWidget):
    """Controls that have nothing to act on are out of sight."""

    baseline_chosen = Signal(object)
    """(run id: str)"""

    set_chosen = Signal(object)
    """(evaluation set: str)"""

    grouped = Signal(object)
    """(bool)"""

    papers_wanted = Signal(object)
    """(bool)"""

    add_wanted = Signal()

    export_wanted = Signal(object)
    """(file ending: str)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before_baseline = label("Baseline", "small", "muted")
        self.baseline = ElidedCombo("Baseline", BASELINE)
        self.baseline.currentIndexChanged.connect(self._baseline)
        self.sets = ElidedCombo("Measured on", SET)
        self.sets.currentIndexChanged.connect(self._set)
        self.seeds = QCheckBox("Group seeds")
        self.seeds.setToolTip("Runs that differ in nothing but their seed become one line, with their spread")
        self.seeds.toggled.connect(self._group)
        self.papers = QCheckBox("Paper\u2019s figures")
        self.papers.setToolTip("What the paper reports for the same task, model and method")
        self.papers.toggled.connect(self._papers)
        self.add = QPushButton("Add run\u2026")
        self.add.setAutoDefault(False)
        self.add.setToolTip("Choose the runs to compare out of all that there are")
        self.add.clicked.connect(lambda _checked=False: self.add_wanted.emit())
        self.export = QPushButton("Export")
        self.export.setAutoDefault(False)
        self.export.setToolTip("Save the numbers of this comparison")
        menu = QMenu(self.export)
        for text, ending in (("&Numbers as CSV\u2026", "csv"), ("&Everything as JSON\u2026", "json")):
            menu.addAction(text).triggered.connect(
                lambda _checked=False, ending=ending: self.export_wanted.emit(ending)
            )
        self.export.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(label("Compare", "heading"))
        row.addSpacing(theme.SPACE_1)
        row.addWidget(self.before_baseline)
        row.addWidget(self.baseline)
        row.addWidget(self.sets)
        row.addWidget(self.seeds)
        row.addWidget(self.papers)
        row.addStretch(1)
        row.addWidget(self.add)
        row.addWidget(self.export)
        self.show_sets((), "")
        self.show_choices([], "", grouped=None, papers=None)
        theme.on_change(self, self._restyle)

    def show_choices(
        self, lines: Sequence[tuple[str, object]], baseline: str, *, grouped: bool | None, papers: bool | None
    ) -> None:
        """Offer these (label, run id)s as baseline. `grouped`, `papers`: what is ticked; None: there is nothing to
        group, or no figure of a paper."""
        self.baseline.fill(lines, baseline)
        for part in (self.before_baseline, self.baseline):
            part.setVisible(len(lines) > 1)
        for box, on in ((self.seeds, grouped), (self.papers, papers)):
            box.setVisible(on is not None)
            blocked = box.blockSignals(True)
            box.setChecked(bool(on))
            box.blockSignals(blocked)
        self.export.setEnabled(bool(lines))

    def show_sets(self, sets: Sequence[str], chosen: str) -> None:
        """Offer these evaluation sets, where there are several."""
        self.sets.fill([(name or OWN, name) for name in sets], chosen)
        self.sets.setVisible(len(sets) > 1)

    def _baseline(self) -> None:
        self.baseline_chosen.emit(str(self.baseline.currentData()))

    def _set(self) -> None:
        self.set_chosen.emit(str(self.sets.currentData()))

    def _group(self, on: bool) -> None:
        self.grouped.emit(on)

    def _papers(self, on: bool) -> None:
        self.papers_wanted.emit(on)

    def _restyle(self) -> None:
        self.add.setIcon(icons.icon("plus", theme.current().text))
        self.export.setIcon(icons.icon("chevron-down", theme.current().muted))
