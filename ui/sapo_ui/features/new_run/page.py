"""Setting up a run: a form made from RunConfig itself, with the review pinned beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.config.overrides import configure
from sapo_studio.config.places import whole_paths
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, SapoError
from sapo_studio.files import write_output
from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.form_fields import FieldRow
from sapo_ui.features.new_run.form_spec import SECTION_TITLES, FieldSpec, Problem
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.features.new_run.review_card import ReviewBody
from sapo_ui.features.new_run.section_card import SectionCard
from sapo_ui.panels.page import Page
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.wheel_guard import WheelGuard

HELP = """### New run

Choose a **preset**, change what you like, press **Start run**. `lab-smoke` ends in seconds, `lab-demo` in minutes,
`lab-full` trains its reasoner from scratch; the others are for real models on two 24 GB GPUs.

The first card has the common settings. Every other value is in the sections below it; a section says how many of
its values differ from the preset. Fields that have no effect with the other values are hidden. Hover a field to see its
key and its bounds.

A wrong value is marked where it stands, with what would be right. **Start run** stays off until nothing is marked.

The **review** forecasts memory, time and labeling cost as you type: hover a figure for what it is made of, and open
*How this is estimated* for what is assumed. It warns where a memory is too small and says what would help; it never
prevents a start.

**Open TOML** fills the form from a file, for example one that was exported or that lies in a run's folder.

**Save as preset** keeps the values under a name of yours; **Export TOML** writes a file for `sapo run FILE`.
"""


class NewRunPage(Page):
    """The form. It starts nothing itself: `start_requested` carries a configuration that is valid."""

    start_requested = Signal(object, object)
    """(RunConfig, preset name: str)"""

    cancelled = Signal()

    help = HELP

    def __init__(
        self,
        presets: Sequence[PresetChoice],
        save_preset: Callable[[str, RunConfig], object] | None = None,
        *,
        preferred: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presets = list(presets)
        self._save_preset = save_preset
        first = next((choice for choice in self._presets if choice.name == preferred), None)
        first = first or (self._presets[0] if self._presets else None)
        self._base = first.config if first is not None else RunConfig.model_validate({})
        self._busy = False
        self.specs: tuple[FieldSpec, ...] = form_spec.fields()
        self.rows: dict[str, FieldRow] = {}
        self.cards: dict[str, SectionCard] = {}
        self._values: dict[str, Any] = form_spec.flatten(self._base.model_dump())
        self.config: RunConfig | None = None
        self.problems: list[Problem] = []
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 16, 24, 16)
        outer.setSpacing(12)
        title = PlainLabel("New run")
        title.setFont(theme.font("heading"))
        outer.addWidget(title)
        across = QHBoxLayout()
        across.setSpacing(16)
        across.addWidget(self._make_form(), 1)
        across.addWidget(self._make_review())
        outer.addLayout(across, 1)
        self.load(self._base, first.name if first is not None else "")

    # -- making

    def _make_form(self) -> QWidget:
        self.form_area = QScrollArea(self)
        column_widget = QWidget(self.form_area.viewport())
        column = QVBoxLayout(column_widget)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(12)
        main = SectionCard("Common settings", [s for s in self.specs if s.main], folds=False, parent=column_widget)
        self.cards["main"] = main
        inner = main.body.layout()
        assert isinstance(inner, QVBoxLayout)
        inner.addWidget(self._make_preset_row(main.body))
        column.addWidget(main)
        for section, name in SECTION_TITLES.items():
            specs = [s for s in self.specs if s.section == section and not s.main]
            if specs:
                self.cards[section] = SectionCard(name, specs, folds=True, parent=column_widget)
                column.addWidget(self.cards[section])
        column.addStretch(1)
        for card in self.cards.values():
            card.built.connect(self._take_rows)
        main.build()
        self.form_area.setWidgetResizable(True)
        self.form_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.form_area.setFrameShape(QFrame.Shape.NoFrame)
        self.form_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.form_area.setWidget(column_widget)
        return self.form_area

    def _make_preset_row(self, parent: QWidget) -> QWidget:
        row = QWidget(parent)
        across = QHBoxLayout(row)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(12)
        label = PlainLabel("Preset", row)
        label.setFixedSize(150, theme.CONTROL_HEIGHT)
        self.preset = QComboBox(row)
        self.preset.setFixedSize(260, theme.CONTROL_HEIGHT)
        self.preset.setAccessibleName("Preset")
        self.preset.setAccessibleDescription("Fills in the whole form.")
        self.preset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        WheelGuard(self.preset)
        for choice in self._presets:
            self.preset.addItem(choice.name)
        self.preset.activated.connect(self._preset_chosen)
        label.setBuddy(self.preset)
        self.about = PlainLabel(parent=row)
        self.about.setProperty("look", "muted")
        self.about.setFont(theme.font("small"))
        self.about.setWordWrap(True)
        right = QVBoxLayout()
        right.setSpacing(3)
        beside = QHBoxLayout()
        beside.setSpacing(8)
        beside.addWidget(self.preset)
        self.open_button = QPushButton("Open TOML\u2026", row)
        self.open_button.setToolTip("Fill the form from a configuration file")
        self.open_button.setFixedHeight(theme.CONTROL_HEIGHT)
        self.open_button.clicked.connect(self.open_file)
        beside.addWidget(self.open_button)
        beside.addStretch(1)
        right.addLayout(beside)
        right.addWidget(self.about)
        across.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        across.addLayout(right, 1)
        return row

    def _make_review(self) -> QWidget:
        card = QFrame(self)
        card.setProperty("look", "card")
        card.setFixedWidth(296)
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(10)
        title = PlainLabel("Review")
        title.setFont(theme.font("title"))
        column.addWidget(title)
        self.review = ReviewBody(card)
        column.addWidget(self.review, 1)
        self.verdict = PlainLabel()
        self.verdict.setWordWrap(True)
        column.addWidget(self.verdict)
        self.start = QPushButton("Start run")
        self.start.setProperty("look", "primary")
        self.start.setMinimumHeight(32)
        self.start.clicked.connect(self._start)
        column.addWidget(self.start)
        small = QHBoxLayout()
        small.setSpacing(8)
        self.save_button = QPushButton("Save as preset\u2026")
        self.save_button.setVisible(self._save_preset is not None)
        self.save_button.clicked.connect(self.save_as_preset)
        self.export_button = QPushButton("Export TOML\u2026")
        self.export_button.clicked.connect(self.export)
        small.addWidget(self.save_button)
        small.addWidget(self.export_button)
        column.addLayout(small)
        cancel = QPushButton("Cancel")
        cancel.setProperty("look", "quiet")
        cancel.clicked.connect(self.cancelled)
        column.addWidget(cancel)
        return card

    # -- using

    def load(self, config: RunConfig, preset: str = "", *, origin: str = "a run's configuration") -> None:
        """Fill the form from `config`; what differs from it is later told as changed. `origin`: where it comes from
        that is no preset.
        """
        self._base = config
        self._values = form_spec.flatten(config.model_dump())
        for path, row in self.rows.items():
            row.set_value(self._values[path])
        at = next((at for at, choice in enumerate(self._presets) if choice.name == preset), -1)
        self.preset.setCurrentIndex(at)
        self.preset.setPlaceholderText(f"({origin})")
        self.about.setText(self._presets[at].about if at >= 0 else "")
        self.about.setVisible(bool(self.about.text()))
        self._edited()

    def values(self) -> dict[str, Any]:
        """What is in the form, by dotted path."""
        return {path: self.rows[path].value() if path in self.rows else value for path, value in self._values.items()}

    def build_all(self) -> None:
        """Make the rows of all sections, also of those that are folded."""
        for card in self.cards.values():
            card.build()

    def _take_rows(self) -> None:
        for card in self.cards.values():
            for row in card.rows:
                if row.spec.path not in self.rows:
                    self.rows[row.spec.path] = row
                    row.set_value(self._values[row.spec.path])
                    row.edited.connect(self._edited)
        wrong = {problem.path for problem in self.problems}
        for card in self.cards.values():
            card.show_what_matters(self.values(), wrong)

    def set_busy(self, busy: bool) -> None:
        """A run is being started: Start stays off until it is done."""
        self._busy = busy
        self._say_verdict()

    def say_error(self, error: SapoError) -> None:
        """The run could not be started."""
        self.set_busy(False)
        self.verdict.setText(str(error))
        self.verdict.setVisible(True)
        self._look(self.verdict, "bad")

    def save_as_preset(self) -> None:
        """Ask for a name and save the values under it."""
        if self.config is None or self._save_preset is None:
            return
        name, agreed = QInputDialog.getText(self, "Save as preset", "Name of the preset:", text=self.config.name)
        if not agreed or not name.strip():
            return
        try:
            self._save_preset(name.strip(), self.config)
        except SapoError as error:
            self.say_error(error)
            return
        self._presets = [choice for choice in self._presets if choice.name != name.strip()]
        self._presets.append(PresetChoice(name.strip(), self.config))
        self.preset.clear()
        self.preset.addItems([choice.name for choice in self._presets])
        self.load(self.config, name.strip())

    def open_file(self) -> None:
        """Ask for a TOML file and fill the form from it."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open TOML", "", "TOML (*.toml)")
        if chosen:
            self.open_toml(Path(chosen))

    def open_toml(self, path: Path) -> None:
        """Fill the form from a configuration file, or say what is wrong with it."""
        try:
            _, config = configure(str(path), [], seed=None, name=None)
        except SapoError as error:
            self.say_error(error)
        else:
            self.load(config, origin=path.name)

    def export(self) -> None:
        """Ask for a file and write the configuration to it."""
        if self.config is None:
            return
        file = saving().ask(self, "Export TOML", f"{self.config.name}.toml", "TOML (*.toml)")
        if file is not None:
            try:
                write_toml(file, self.config)
            except SapoError as error:
                self.say_error(error)
            else:
                saving().tell(file)

    def _preset_chosen(self, at: int) -> None:
        self.load(self._presets[at].config, self._presets[at].name)

    def _edited(self) -> None:
        self.config, self.problems = form_spec.check(self.values(), self.specs)
        wrong: dict[str, str] = {}
        for problem in self.problems:
            wrong.setdefault(problem.path, problem.message)
        values = self.values()
        for card in self.cards.values():
            if any(spec.path in wrong for spec in card.specs):
                card.unfold(True)
            card.show_what_matters(values, wrong)
        for path, row in self.rows.items():
            row.mark(wrong.get(path, ""))
        base = form_spec.flatten(self._base.model_dump())
        changed = {path for path, value in self.values().items() if value != base[path]}
        for section, card in self.cards.items():
            paths = {spec.path for spec in card.specs}
            bad, new = len(paths & wrong.keys()), len(paths & changed)
            card.state.setText(f"{bad} to correct" if bad else f"{new} changed" if new and section != "main" else "")
            self._look(card.state, "bad" if bad else "muted")
        self._say_review(sorted(changed - wrong.keys()), base)
        self._say_verdict()

    def _say_review(self, changed: list[str], base: dict[str, Any]) -> None:
        if self.config is not None:
            self.review.ask(self.config)
        now = self.values()
        self.review.say_changes(
            [f"{path}: {form_spec.show(base[path])} \u2192 {form_spec.show(now[path])}" for path in changed]
        )

    def _say_verdict(self) -> None:
        count = len(self.problems)
        if self._busy:
            text, look = "Starting the engine\u2026", "muted"
        elif count:
            whole = [problem.message for problem in self.problems if not problem.path]
            text = (
                whole[0] if whole else f"{count} value{'s' if count > 1 else ''} to correct before the run can start."
            )
            look = "bad"
        else:
            text, look = "", "muted"
        self.verdict.setText(text)
        self.verdict.setVisible(bool(text))
        self._look(self.verdict, look)
        ready = self.config is not None and not self._busy
        self.start.setEnabled(ready)
        self.save_button.setEnabled(ready)
        self.export_button.setEnabled(ready)

    def _start(self) -> None:
        if self.config is None:
            return
        self.set_busy(True)
        self.start_requested.emit(self.config, self.preset.currentText())

    @staticmethod
    def _look(label: QLabel, look: str) -> None:
        if label.property("look") != look:
            label.setProperty("look", look)
            label.style().unpolish(label)
            label.style().polish(label)


def write_toml(path: Path, config: RunConfig) -> None:
    """Write `config` for `sapo run FILE`. Raises InputError where the file cannot be written."""
    try:
        write_output(path, to_toml(whole_paths(config)))
    except OSError as error:
        raise InputError(f"Cannot write {path}", why=str(error), fix="Choose another place.") from error
