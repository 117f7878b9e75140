"""Setting up a run: a form made from RunConfig itself, an index at its left, the forecast and Start at its right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import SapoError
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.card_tiles import CardTiles, Need, numbers_in
from sapo_ui.features.new_run.checks import CARDS, Look, SetupChecks
from sapo_ui.features.new_run.data_preview import DataPreview
from sapo_ui.features.new_run.draft_keeper import DraftKeeper, restored
from sapo_ui.features.new_run.dropped import Dropped, DropTarget
from sapo_ui.features.new_run.field_row import FieldRow
from sapo_ui.features.new_run.form import Rows, RunForm
from sapo_ui.features.new_run.form_files import FormFiles
from sapo_ui.features.new_run.form_state import FormState
from sapo_ui.features.new_run.help_panel import HelpPanel
from sapo_ui.features.new_run.help_text import HELP
from sapo_ui.features.new_run.index import SectionIndex, SectionState
from sapo_ui.features.new_run.launch_card import LaunchCard
from sapo_ui.features.new_run.moves import Moves
from sapo_ui.features.new_run.preset_name import PresetNameDialog
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.features.new_run.starting import Starting
from sapo_ui.features.new_run.top_bar import TopBar
from sapo_ui.panels.page import Page
from sapo_ui.services.drafts import Draft, Drafts

CHECK_MS = 150
"""Between a value that was left and the look at the machine: of several at once, one look is taken."""


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
        self._save_preset = save_preset
        first = next((choice for choice in presets if choice.name == preferred), None)
        first = first or (presets[0] if presets else None)
        self.state = FormState(first.config if first is not None else RunConfig.model_validate({}))
        self._origin = ""
        self._draft = DraftKeeper(drafts, self)
        self._draft.due.connect(self.keep_draft)
        self.files = FormFiles(self)
        self.files.read.connect(self._file_read)
        self.files.failed.connect(self.say_error)
        DropTarget(self).dropped.connect(self.take_dropped)
        self.top = TopBar(presets, self)
        self.preset, self.about, self.afresh = self.top.preset, self.top.about, self.top.afresh
        self.top.chosen.connect(self._preset_chosen)
        self.top.open_wanted.connect(self.files.ask)
        self.top.discard_wanted.connect(self.discard_draft)
        self.top.cancel_wanted.connect(self.cancelled)
        self._make(look or Look())
        self.checks = SetupChecks(self, look)
        self.checks.found.connect(self._found)
        self.checks.previewed.connect(self._show_preview)
        self.checks.lacks.connect(self.review.say_missing)
        self._check_soon = QTimer(self, singleShot=True, interval=CHECK_MS)
        self._check_soon.timeout.connect(self._look_again)
        self._keys()
        self.load(self.state.base, first.name if first is not None else "")

    @property
    def rows(self) -> Rows:
        """The rows of the settings, by dotted path."""
        return self.form.rows

    @property
    def config(self) -> RunConfig | None:
        """What stands in the form, where it is a configuration."""
        return self.state.config

    # -- making

    def _make(self, look: Look) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 8, 12, 12)
        outer.setSpacing(8)
        outer.addWidget(self.top)
        across = QHBoxLayout()
        across.setSpacing(8)
        self.index = SectionIndex(len(self.state.specs), self)
        self.form = RunForm(self.state.specs, self)
        self.state.rows = self.form.rows
        self.form.made.connect(self._take_row)
        self.form.section_reached.connect(self.index.mark)
        self.index.fill({key: section.title for key, section in self.form.sections.items()})
        self.index.chosen.connect(self.form.go_to_section)
        self.index.search_changed.connect(self._show_what_matters)
        self.index.all_changed.connect(self._show_what_matters)
        self.moves = Moves(self, self.state, self.form, self.index)
        self.index.search.done.connect(self.moves.into_form)
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
        self.starting = Starting(self.state, self.launch, self.preset.currentText)
        self.starting.start_requested.connect(self.start_requested)
        self.starting.queue_requested.connect(self.queue_requested)
        self.files.told.connect(self.starting.tell)
        self.launch.next_wanted.connect(self.moves.next_wrong)
        self.launch.save_wanted.connect(self.save_as_preset)
        self.launch.export_wanted.connect(self._export)
        self.launch.save_button.setVisible(self._save_preset is not None)
        across.addWidget(self.index)
        across.addWidget(middle, 1)
        across.addWidget(self.launch)
        outer.addLayout(across, 1)

    def _keys(self) -> None:
        acts: dict[str, Callable[[], object]] = {
            "F8": self.moves.next_wrong,
            "Ctrl+F": self.moves.search,
            "Alt+Down": partial(self.index.step, 1),
            "Alt+Up": partial(self.index.step, -1),
            "Ctrl+Return": self.starting.start,
            "Ctrl+Enter": self.starting.start,
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
        self.state.base = config
        self._draft.touched = False
        self._origin = "" if preset else origin
        self._fill(form_spec.flatten(config.model_dump()), preset)

    def _fill(self, values: dict[str, Any], preset: str) -> None:
        self.state.fill(values)
        self.checks.forget()
        self.top.tell_origin(preset, self._origin)
        self._edited()
        self._check_soon.start()

    def open_for(self, key: str, config: RunConfig | None = None, *, origin: str = "") -> None:
        """Fill the form for `key` (empty: a new run, else a run to copy): with the draft that was left there, else with
        `config`, else as it is."""
        self._draft.key = key
        draft = self._draft.kept()
        if config is not None:
            self.load(config, origin=origin)
        if draft is not None:
            self._take_draft(draft)

    def _take_draft(self, draft: Draft) -> None:
        found = restored(draft, self.state.specs, self.state.base)
        if found is not None:
            self.state.base, values = found
            self._origin, self._draft.touched = draft.origin, True
            self.index.all.setChecked(draft.all_settings)
            self._fill(values, draft.preset)

    @property
    def draft_key(self) -> str:
        """What the form was opened for: drafts are kept by it."""
        return self._draft.key

    def keep_draft(self) -> None:
        """Keep what stands in the form, if it was touched."""
        self._draft.stop()
        all_settings = self.index.all.isChecked()
        self._draft.keep(self.state, self.preset.currentText(), self._origin, all_settings=all_settings)

    def discard_draft(self) -> None:
        """Forget what was changed, and begin again from what the form began with."""
        self.forget_draft()
        self.load(self.state.base, self.preset.currentText(), origin=self._origin)

    def forget_draft(self) -> None:
        """The run is on its way, or the draft is not wanted: there is nothing left to keep."""
        self._draft.forget()

    def leave(self) -> None:
        self.keep_draft()
        self._check_soon.stop()
        self.checks.leave()
        self.tiles.leave()

    def values(self) -> dict[str, Any]:
        """What is in the form, by dotted path."""
        return self.state.values()

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
        for path in self.state.by_path.keys() - self.rows.keys():
            self.rows[path].hide()
        self._show_what_matters()

    def _take_row(self, row: FieldRow) -> None:
        self.state.take_row(row)
        row.edited.connect(partial(self._row_edited, row.spec.path))
        row.left.connect(self._check_soon.start)
        row.focused.connect(self._focused)
        row.reset_wanted.connect(self._reset)

    # -- following

    def _row_edited(self, path: str) -> None:
        self._draft.touch()
        for stale in CARDS if path in CARDS else (path,):
            self.state.drop_finding(stale)
        if path == "runtime.gpus":
            self.tiles.choose(numbers_in(str(self.rows[path].value())))
        self._edited()

    def _reset(self, path: str) -> None:
        self.set_value(path, self.state.base_values()[path])

    def _ticked(self, numbers: object) -> None:
        """Cards were ticked: the run works on them, a process each."""
        assert isinstance(numbers, list)
        self.set_value("runtime.gpus", ",".join(str(number) for number in numbers))
        if self.values()["optimiser.kind"] != "grpo":  # which trains in one process
            self.set_value("runtime.processes", max(1, len(numbers)))

    def _edited(self) -> None:
        self.state.check()
        for row in self.rows.values():
            self.state.mark(row)
            if row.editor.hasFocus():
                self._explain(row.spec.path)
        self._show_what_matters()
        self.launch.ask(self.config)
        self.tiles.choose(numbers_in(str(self.values()["runtime.gpus"])))
        self.starting.edited()

    def changed(self) -> set[str]:
        """The settings that differ from the preset's, by dotted path."""
        return self.state.changed()

    def wrong(self) -> list[str]:
        """The settings that no run can begin with, from top to bottom."""
        return self.state.wrong()

    def _show_what_matters(self, *_: object) -> None:
        text = self.index.search.text().strip()
        shown = self.state.shown(text, everything=self.index.all.isChecked())
        self.form.show_paths(shown.paths)
        if self.preview is not None:
            self.preview.setVisible(bool(self.preview.title.text()) and not text)
        self.tiles.setVisible(not text)
        if not text:
            self.form.sections["runtime"].show()
        states: dict[str, SectionState] = {}
        for key, section in self.form.sections.items():
            mine = {spec.path for spec in section.specs}
            if mine & shown.paths:
                states[key] = SectionState(len(mine & shown.wrong), len(mine & shown.changed))
        self.index.say(states, len(shown.paths))
        self.top.tell_changed(len(shown.changed), touched=self._draft.touched)

    def _look_again(self) -> None:
        config = self.state.mended()
        if config is not None:
            self.checks.look(config)

    def _found(self, path: str, finding: object) -> None:
        self.state.note_finding(path, finding)
        self._show_what_matters()
        self.starting.say_verdict()

    def _show_preview(self, look: object, why: str) -> None:
        if self.preview is None:
            if look is None and not why:
                return
            self.preview = DataPreview(self.form.sections["task"])
            self.form.sections["task"].put(self.preview)
            self.form.order_focus()
        self.preview.tell(look, why)

    def _reviewed(self) -> None:
        if (review := self.review.review) is not None:
            if self.config is None:
                self.review.outdate()
            self.launch.age.setText("of earlier values" if self.review.stale else "up to date")
            self.tiles.need({number: Need(peak.bytes, peak.use) for number, peak in review.needs.items()})

    def _focused(self, path: str) -> None:
        self._explain(path)
        self.form.keep_in_sight(path)
        self.index.mark(self.state.by_path[path].section)

    def _explain(self, path: str) -> None:
        row = self.rows[path]
        base = self.state.base_values()[path]
        self.help_panel.tell(row.spec, base, row.said if row.wrong else "")

    # -- moving about

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.moves.fit()

    # -- files and presets

    def take_dropped(self, dropped: Dropped) -> None:
        """Put a file or folder where it belongs."""
        if dropped.kind == "toml":
            self.files.open(dropped.path)
        elif dropped.kind == "model":
            self.set_value("model.source", str(dropped.path))
            self.form.go_to("model.source")
        else:
            if self.values()["task.kind"] == LAB:
                self.set_value("task.kind", "jsonl")
            self.set_value("task.train_data", str(dropped.path))
            self.form.go_to("task.train_data")

    def save_as_preset(self) -> PresetNameDialog | None:
        """Ask for a name and save the values under it."""
        config, save = self.config, self._save_preset
        if config is None or save is None or not self.launch.save_button.isEnabled():
            return None

        def agreed(name: str) -> None:
            save(name, config)
            self.top.add(PresetChoice(name, config))
            self.forget_draft()
            self.load(config, name)
            self.starting.tell(f"Saved as preset {name}.")

        dialog = PresetNameDialog(config.name, agreed, self)
        dialog.open()
        return dialog

    def _file_read(self, config: RunConfig, name: str) -> None:
        self.load(config, origin=name)

    def _export(self) -> None:
        if self.config is not None:
            self.files.export(self.config)

    # -- starting

    def say_error(self, error: SapoError) -> None:
        """The run could not be started."""
        self.starting.say_error(error)

    def _preset_chosen(self, choice: PresetChoice) -> None:
        self.forget_draft()
        self.load(choice.config, choice.name)
