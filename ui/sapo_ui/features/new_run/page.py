"""Setting up a run: a form made from RunConfig itself, an index at its left, the forecast and Start at its right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_studio.app.set_up.data_look import DataLook
from sapo_studio.config.overrides import configure
from sapo_studio.config.places import whole_paths
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import InputError, SapoError
from sapo_studio.files import write_output
from sapo_studio.readable import counted
from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.card_tiles import CardTiles, Need
from sapo_ui.features.new_run.checks import Look, SetupChecks
from sapo_ui.features.new_run.data_preview import DataPreview
from sapo_ui.features.new_run.dropped import Dropped, what_is_dropped
from sapo_ui.features.new_run.field_row import FieldRow, Finding
from sapo_ui.features.new_run.form import Rows, RunForm, found_by
from sapo_ui.features.new_run.form_spec import FieldSpec, Problem
from sapo_ui.features.new_run.help_panel import HelpPanel
from sapo_ui.features.new_run.index import SectionIndex, SectionState
from sapo_ui.features.new_run.launch_card import LaunchCard
from sapo_ui.features.new_run.preset_name import PresetNameDialog
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.panels.page import Page
from sapo_ui.services.drafts import Draft, Drafts
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.wheel_guard import WheelGuard

HELP = """### New run

Choose a **preset**, change what you like, press **Start run** (Ctrl+Enter). `lab-smoke` ends in seconds, `lab-demo` in
minutes, `lab-full` trains its reasoner from scratch; the others are for real models on two 24 GB GPUs.

**Find**: Ctrl+F searches all settings by name, key and help. The index at the left says for each section whether it is
as the preset has it, how many of its values are changed, and whether one is wrong; Alt+Up and Alt+Down go from section
to section. *All settings* shows every one that has an effect with the other values.

**Each row** has one line about its value. A dot and a bold name mark what differs from the preset; the arrow at the end
brings the preset's value back. A **wrong value** is told in the same line, with a button for one that would do; F8 goes
to the next. The whole help of the setting that has the focus stands below.

**Before Start**, the model is looked into (parameters, context, chat template, what is missing) and the data are read
as soon as you leave their field: examples cut up into steps, and each gold answer graded against itself.

**Cards**: tick those that the run is to work on. One that is too small cannot be ticked.

The **forecast** is of memory, time and rollouts: hover a figure for what it is made of. It warns where a memory is too
small and says what would help. Packages that are missing stand above it, with the command that installs them.

**Drop** a JSONL file, a model folder, a GGUF or a TOML file on the page. **Escape** leaves the form and keeps it as a
draft; it is there again the next time, also after a restart.
"""

CHECK_MS = 150
"""Between a value that was left and the look at the machine: of several at once, one look is taken."""
KEEP_MS = 1000
"""A draft is written so long after the last change."""
NARROW = 880
"""Below this width the index gives its room to the form; Ctrl+F and Alt+arrows bring it back."""


class NewRunPage(Page):
    """The form. It starts nothing itself: `start_requested` carries a configuration that is valid."""

    start_requested = Signal(object, object)
    """(RunConfig, preset name: str)"""
    queue_requested = Signal(object, object)
    """(RunConfig, preset name: str) The same, for the queue."""

    cancelled = Signal()

    help = HELP

    def __init__(
        self,
        presets: Sequence[PresetChoice],
        save_preset: Callable[[str, RunConfig], object] | None = None,
        *,
        preferred: str = "",
        drafts: Drafts | None = None,
        look: Look | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presets = list(presets)
        self._save_preset = save_preset
        self._drafts = drafts
        self._draft_key = ""
        first = next((choice for choice in self._presets if choice.name == preferred), None)
        first = first or (self._presets[0] if self._presets else None)
        self._base = first.config if first is not None else RunConfig.model_validate({})
        self._origin = ""
        self._busy = ""  # what is being done with the form, in words
        self._touched = False
        self._said = ("", "muted")  # what came of the last button
        self.specs: tuple[FieldSpec, ...] = form_spec.fields()
        self._by_path = {spec.path: spec for spec in self.specs}
        self._values: dict[str, Any] = {}
        self._findings: dict[str, Finding] = {}
        self.config: RunConfig | None = None
        self.problems: list[Problem] = []
        self.setAcceptDrops(True)
        self._make(look or Look())
        self.checks = SetupChecks(self, look)
        self.checks.found.connect(self._found)
        self.checks.previewed.connect(self._show_preview)
        self.checks.lacks.connect(self.review.say_missing)
        self._check_soon = self._timer(CHECK_MS, self._look_again)
        self._keep_soon = self._timer(KEEP_MS, self.keep_draft)
        self._keys()
        self.load(self._base, first.name if first is not None else "")

    @property
    def rows(self) -> Rows:
        """The rows of the settings, by dotted path."""
        return self.form.rows

    # -- making

    def _make(self, look: Look) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 8, 12, 12)
        outer.setSpacing(8)
        outer.addWidget(self._make_top())
        across = QHBoxLayout()
        across.setSpacing(8)
        self.index = SectionIndex(len(self.specs), self)
        self.form = RunForm(self.specs, self)
        self.form.made.connect(self._take_row)
        self.form.section_reached.connect(self.index.mark)
        self.index.fill({key: section.title for key, section in self.form.sections.items()})
        self.index.chosen.connect(self.form.go_to_section)
        self.index.search_changed.connect(self._show_what_matters)
        self.index.all_changed.connect(self._show_what_matters)
        self.index.search.done.connect(self._into_form)
        middle = QFrame(self)
        middle.setProperty("look", "card")
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(0)
        inner = QHBoxLayout()
        inner.setContentsMargins(0, 0, 4, 0)
        inner.addWidget(self.form)
        column.addLayout(inner, 1)
        self.help_panel = HelpPanel(middle)
        column.addWidget(self.help_panel)
        self.preview: DataPreview | None = None
        machine = self.form.sections["runtime"]
        self.tiles = CardTiles(machine)
        self.tiles.ticked.connect(self._ticked)
        self.tiles.remarked.connect(machine.heading.say)
        machine.put(self.tiles, top=True)
        self.tiles.rearranged.connect(self.form.order_focus)
        self.form.after = self.index.all
        self.launch = LaunchCard(self, look.forecast)
        self.review = self.launch.review
        self.verdict, self.start = self.launch.verdict, self.launch.start
        self.review.shown.connect(self._reviewed)
        self.launch.start_wanted.connect(self._start)
        self.launch.queue_wanted.connect(self._queue)
        self.launch.next_wanted.connect(self.next_wrong)
        self.launch.save_wanted.connect(self.save_as_preset)
        self.launch.export_wanted.connect(self.export)
        self.launch.save_button.setVisible(self._save_preset is not None)
        across.addWidget(self.index)
        across.addWidget(middle, 1)
        across.addWidget(self.launch)
        outer.addLayout(across, 1)

    def _make_top(self) -> QWidget:
        top = QWidget(self)
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        title = PlainLabel("New run", top)
        title.setFont(theme.font("heading"))
        row.addWidget(title)
        row.addSpacing(8)
        self.preset = ElidedCombo("Preset", 208)
        self.preset.setFont(theme.font("body"))
        self.preset.setFixedHeight(theme.CONTROL_HEIGHT)
        self.preset.setAccessibleDescription("Fills in the whole form.")
        self.preset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        WheelGuard(self.preset)
        self._offer_presets()
        self.preset.activated.connect(self._preset_chosen)
        row.addWidget(self.preset)
        self.open_button = QPushButton("Open TOML\u2026", top)
        self.open_button.setToolTip("Fill the form from a configuration file")
        self.open_button.clicked.connect(self.open_file)
        row.addWidget(self.open_button)
        self.about = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        row.addWidget(self.about, 1)
        self.afresh = QPushButton("Discard draft", top)
        self.afresh.setToolTip("Back to what the form began with")
        self.afresh.clicked.connect(self.discard_draft)
        self.afresh.hide()
        row.addWidget(self.afresh)
        cancel = QPushButton("Cancel", top)
        cancel.setProperty("look", "quiet")
        cancel.setToolTip("Leave the form and keep it as a draft (Esc)")
        cancel.clicked.connect(self.cancelled)
        row.addWidget(cancel)
        return top

    def _offer_presets(self) -> None:
        self.preset.fill([(choice.name, choice.name) for choice in self._presets], None)

    def _timer(self, pause: int, then: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(pause)
        timer.timeout.connect(then)
        return timer

    def _keys(self) -> None:
        acts: dict[str, Callable[[], object]] = {
            "F8": self.next_wrong,
            "Ctrl+F": self.search,
            "Alt+Down": partial(self._step_section, 1),
            "Alt+Up": partial(self._step_section, -1),
            "Ctrl+Return": self._start,
            "Ctrl+Enter": self._start,
            "Ctrl+S": self.save_as_preset,
        }
        for keys, act in acts.items():
            made = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.activated.connect(act)

    # -- filling

    def load(self, config: RunConfig, preset: str = "", *, origin: str = "a run's configuration") -> None:
        """Fill the form from `config`; what differs from it is later told as changed. `origin`: where it comes from
        that is no preset.
        """
        self._base = config
        self._touched = False
        self._origin = "" if preset else origin
        self._fill(form_spec.flatten(config.model_dump()), preset)

    def _fill(self, values: dict[str, Any], preset: str) -> None:
        self._values = values
        self._findings.clear()
        self.checks.forget()
        for path, row in self.rows.items():
            row.finding = None
            row.set_value(values[path])
        at = next((at for at, choice in enumerate(self._presets) if choice.name == preset), -1)
        self.preset.setCurrentIndex(at)
        self.preset.setPlaceholderText(f"({self._origin})")
        self._told_about = self._presets[at].about if at >= 0 else f"from {self._origin}"
        self._edited()
        self._check_soon.start()

    def open_for(self, key: str, config: RunConfig | None = None, *, origin: str = "") -> None:
        """Fill the form for `key` (empty: a new run, else a run to copy): with the draft that was left there, else with
        `config`, else as it is."""
        self._draft_key = key
        draft = self._drafts.get(key) if self._drafts is not None else None
        if config is not None:
            self.load(config, origin=origin)
        if draft is not None:
            self._take_draft(draft)

    def _take_draft(self, draft: Draft) -> None:
        known = form_spec.flatten(self._base.model_dump())
        base, problems = form_spec.check({**known, **_known(draft.base, known)}, self.specs)
        if problems or base is None:
            return  # of a program whose settings were others
        self._base, self._origin, self._touched = base, draft.origin, True
        self.index.all.setChecked(draft.all_settings)
        self._fill({**form_spec.flatten(base.model_dump()), **_known(draft.values, known)}, draft.preset)

    def keep_draft(self) -> None:
        """Keep what stands in the form, if it was touched."""
        self._keep_soon.stop()
        if self._drafts is not None and self._touched and not self._busy:
            base = form_spec.flatten(self._base.model_dump(mode="json"))
            values = {path: _plain(value) for path, value in self.values().items()}
            all_settings = self.index.all.isChecked()
            self._drafts.put(
                self._draft_key, Draft(values, base, self.preset.currentText(), self._origin, all_settings)
            )

    def discard_draft(self) -> None:
        """Forget what was changed, and begin again from what the form began with."""
        self._touched = False
        self.forget_draft()
        self.load(self._base, self.preset.currentText(), origin=self._origin)

    def forget_draft(self) -> None:
        """The run is on its way, or the draft is not wanted: there is nothing left to keep."""
        self._keep_soon.stop()
        self._touched = False
        if self._drafts is not None:
            self._drafts.put(self._draft_key, None)

    def leave(self) -> None:
        self.keep_draft()
        self._check_soon.stop()
        self.tiles.leave()

    def values(self) -> dict[str, Any]:
        """What is in the form, by dotted path."""
        return {path: self.rows[path].value() if path in self.rows else value for path, value in self._values.items()}

    def set_value(self, path: str, value: Any) -> None:
        """Set a value as the user would."""
        row = self.rows[path]
        row.set_value(value)
        row.edited.emit()
        row.left.emit()

    def build_all(self) -> None:
        """Show all settings, and make the rows that are missing at once."""
        self.index.all.setChecked(True)
        self.form.make_all()
        for path in self._by_path.keys() - self.rows.keys():
            self.rows[path].hide()
        self._show_what_matters()

    def _take_row(self, row: FieldRow) -> None:
        path = row.spec.path
        row.set_value(self._values[path])
        row.tell(self._findings.get(path))
        self._mark(row)
        row.edited.connect(partial(self._row_edited, path))
        row.left.connect(self._check_soon.start)
        row.focused.connect(self._focused)
        row.reset_wanted.connect(self._reset)

    # -- following

    def _row_edited(self, path: str) -> None:
        self._touched = True
        if self._findings.pop(path, None) is not None:  # it was about another value
            self.rows[path].tell(None)
        self._keep_soon.start()
        if path == "runtime.gpus":
            self.tiles.choose(_numbers(str(self.rows[path].value())))
        self._edited()

    def _reset(self, path: str) -> None:
        self.set_value(path, form_spec.flatten(self._base.model_dump())[path])

    def _ticked(self, numbers: object) -> None:
        """Cards were ticked: the run works on them, a process each."""
        assert isinstance(numbers, list)
        self.set_value("runtime.gpus", ",".join(str(number) for number in numbers))
        if self.values()["optimiser.kind"] != "grpo":  # which trains in one process
            self.set_value("runtime.processes", max(1, len(numbers)))

    def _edited(self) -> None:
        self._said = ("", "muted")
        self.config, self.problems = form_spec.check(self.values(), self.specs)
        for row in self.rows.values():
            self._mark(row)
            if row.editor.hasFocus():
                self._explain(row.spec.path)
        self._show_what_matters()
        if self.config is not None:
            self.review.ask(self.config)
            self.launch.age.setText("updating\u2026" if self.review.stale else "")
        else:
            self.review.outdate()
            self.launch.age.setText("of earlier values" if self.review.stale else "")
        self.tiles.choose(_numbers(str(self.values()["runtime.gpus"])))
        self._say_verdict()

    def _mark(self, row: FieldRow) -> None:
        path = row.spec.path
        base = form_spec.flatten(self._base.model_dump())[path]
        problem = next((one for one in self.problems if one.path == path), None)
        fix = None
        if problem is not None:
            fix = problem.fix if problem.fix is not None else base if base != row.value() else None
        message = problem.message if problem is not None else ""
        row.say(message, changed=_plain(row.value()) != _plain(base), fix=fix if fix != "" else None)

    def changed(self) -> set[str]:
        """The settings that differ from the preset's, by dotted path."""
        base = form_spec.flatten(self._base.model_dump())
        return {path for path, value in self.values().items() if _plain(value) != _plain(base[path])}

    def wrong(self) -> list[str]:
        """The settings that no run can begin with, from top to bottom."""
        found = {problem.path for problem in self.problems}
        found |= {path for path, finding in self._findings.items() if finding.bad}
        return [spec.path for spec in self.specs if spec.path in found]

    def _show_what_matters(self, *_: object) -> None:
        values, wrong, changed = self.values(), self.wrong(), self.changed()
        text = self.index.search.text().strip()
        matter = {spec.path for spec in self.specs if form_spec.matters(spec, values)}
        if text:
            shown = set(found_by(text, self.specs, values))
        elif self.index.all.isChecked():
            shown = matter
        else:
            shown = {path for path in matter if self._by_path[path].main or path in changed}
        if not text:
            shown |= set(wrong)
        self.form.show_paths(shown)
        if self.preview is not None:
            self.preview.setVisible(bool(self.preview.title.text()) and not text)
        self.tiles.setVisible(not text)
        if not text:
            self.form.sections["runtime"].show()
        states: dict[str, SectionState] = {}
        for key, section in self.form.sections.items():
            mine = {spec.path for spec in section.specs}
            if mine & shown:
                bad, other = len(mine & set(wrong)), len(mine & changed & (matter | set(wrong)))
                states[key] = SectionState(bad, other)
        self.index.say(states, len(shown))
        self._say_origin(len(changed & (matter | set(wrong))))

    def _say_origin(self, changed: int) -> None:
        more = f", {counted(changed, 'value')} changed" if changed else ""
        self.about.set_text(f"{self._told_about.rstrip('.')}{more}" if self._told_about else more.removeprefix(", "))
        self.afresh.setVisible(self._touched and bool(changed))

    def _say_verdict(self) -> None:
        wrong = self.wrong()
        whole = [problem.message for problem in self.problems if not problem.path]
        if self._busy:
            self.launch.say(self._busy, "muted")
        elif wrong or whole:
            names = ", ".join(self._by_path[path].label for path in wrong[:3])
            count = f"{counted(len(wrong), 'value')} to correct: {names}"
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            self.launch.say(whole[0] if whole else f"{count}{more}.", "bad")
        else:
            self.launch.say(*self._said)
        ready = self.config is not None and not wrong and not self._busy
        self.launch.enable(ready=ready, wrong=bool(wrong))

    def _look_again(self) -> None:
        config = self.config
        if config is None:  # one wrong value keeps nobody from looking at a model
            base = form_spec.flatten(self._base.model_dump())
            values = self.values()
            wrong = {problem.path for problem in self.problems}
            mended = {path: base[path] if path in wrong else value for path, value in values.items()}
            config, _ = form_spec.check(mended, self.specs)
        if config is not None:
            self.checks.look(config)

    def _found(self, path: str, finding: object) -> None:
        if isinstance(finding, Finding):
            self._findings[path] = finding
        else:
            self._findings.pop(path, None)
        if path in self.rows:
            self.rows[path].tell(self._findings.get(path))
        self._show_what_matters()
        self._say_verdict()

    def _show_preview(self, look: object, why: str) -> None:
        if self.preview is None:
            if look is None and not why:
                return
            self.preview = DataPreview(self.form.sections["task"])
            self.form.sections["task"].put(self.preview)
            self.form.order_focus()
        if isinstance(look, DataLook):
            self.preview.show_look(look)
        else:
            self.preview.say("Data" if why else "", why)
        self.preview.setVisible(isinstance(look, DataLook) or bool(why))

    def _reviewed(self) -> None:
        review = self.review.review
        if review is not None:
            if self.config is None:
                self.review.outdate()
            self.launch.age.setText("of earlier values" if self.review.stale else "up to date")
            self.tiles.need({number: Need(peak.bytes, peak.use) for number, peak in review.needs.items()})

    def _focused(self, path: str) -> None:
        self._explain(path)
        self.form.keep_in_sight(path)
        self.index.mark(self._by_path[path].section)

    def _explain(self, path: str) -> None:
        row = self.rows[path]
        base = form_spec.flatten(self._base.model_dump())[path]
        self.help_panel.tell(row.spec, base, row.said if row.wrong else "")

    # -- moving about

    def next_wrong(self) -> None:
        """Go to the next wrong value behind the one that has the focus, from the end to the first."""
        wrong = self.wrong()
        if not wrong:
            return
        order = [spec.path for spec in self.specs]
        here = next((path for path, row in self.rows.items() if row.isAncestorOf(self.focusWidget() or self)), "")
        at = order.index(here) if here else -1
        path = next((one for one in wrong if order.index(one) > at), wrong[0])
        self.index.search.clear()
        self.form.go_to(path)

    def _step_section(self, by: int) -> None:
        self.index.step(by)

    def search(self) -> None:
        """Go to the search for a setting."""
        self.index.show()
        self.index.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.index.search.selectAll()

    def _into_form(self) -> None:
        path = next(self.form.in_order(), None)
        if path is not None:
            self.form.go_to(path)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.index.setVisible(self.width() >= NARROW or self.index.isAncestorOf(self.focusWidget() or self))

    # -- files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if what_is_dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        dropped = what_is_dropped(event.mimeData())
        if dropped is not None:
            event.acceptProposedAction()
            self.take_dropped(dropped)

    def take_dropped(self, dropped: Dropped) -> None:
        """Put a file or folder where it belongs."""
        if dropped.kind == "toml":
            self.open_toml(dropped.path)
        elif dropped.kind == "model":
            self.set_value("model.source", str(dropped.path))
            self.form.go_to("model.source")
        else:
            if self.values()["task.kind"] == LAB:
                self.set_value("task.kind", "jsonl")
            self.set_value("task.train_data", str(dropped.path))
            self.form.go_to("task.train_data")

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

    def save_as_preset(self) -> PresetNameDialog | None:
        """Ask for a name and save the values under it."""
        config, save = self.config, self._save_preset
        if config is None or save is None or not self.launch.save_button.isEnabled():
            return None

        def agreed(name: str) -> None:
            save(name, config)
            self._presets = [choice for choice in self._presets if choice.name != name]
            self._presets.append(PresetChoice(name, config))
            self._offer_presets()
            self.forget_draft()
            self.load(config, name)
            self._tell(f"Saved as preset {name}.")

        dialog = PresetNameDialog(config.name, agreed, self)
        dialog.open()
        return dialog

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
                self._tell(f"Written to {file}.")

    # -- starting

    def set_busy(self, doing: str) -> None:
        """A run is being started or queued: say so, and leave Start off until it is done (empty)."""
        self._busy = doing
        self._say_verdict()

    def say_error(self, error: SapoError) -> None:
        """The run could not be started."""
        self._tell(str(error), "bad")
        self.set_busy("")
        self.launch.say(*self._said)  # also beside wrong values: it is what was asked for last

    def _tell(self, text: str, look: str = "muted") -> None:
        """Say what came of a button, until the next change."""
        self._said = (text, look)
        self._say_verdict()

    def _start(self) -> None:
        if self.config is not None and self.start.isEnabled():
            self.set_busy("Starting the engine\u2026")
            self.start_requested.emit(self.config, self.preset.currentText())

    def _queue(self) -> None:
        if self.config is not None and self.start.isEnabled():
            self.set_busy("Adding the run to the queue\u2026")
            self.queue_requested.emit(self.config, self.preset.currentText())

    def _preset_chosen(self, at: int) -> None:
        self.forget_draft()
        self.load(self._presets[at].config, self._presets[at].name)


def _known(values: object, known: dict[str, Any]) -> dict[str, Any]:
    """Of a draft, the values of settings that there still are."""
    return {path: value for path, value in dict(values).items() if path in known} if isinstance(values, dict) else {}


def _plain(value: Any) -> Any:
    """A value as JSON would give it back: lists for tuples, so that equal ones are equal."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip().isdigit()]


def write_toml(path: Path, config: RunConfig) -> None:
    """Write `config` for `sapo run FILE`. Raises InputError where the file cannot be written."""
    try:
        write_output(path, to_toml(whole_paths(config)))
    except OSError as error:
        raise InputError(f"Cannot write {path}", why=str(error), fix="Choose another place.") from error
