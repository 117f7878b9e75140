"""The New run form: everything in it comes from RunConfig."""

import sys
import tomllib
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox

from sapo_studio import engines
from sapo_studio.config.schema import RunConfig, field_paths
from sapo_studio.errors import EngineError, InputError, StoreError
from sapo_studio.hardware import CardUse
from sapo_ui.features.new_run import form_spec, warm_up
from sapo_ui.features.new_run.field_row import ROW_HEIGHT
from sapo_ui.features.new_run.form import AT_ONCE
from sapo_ui.features.new_run.form_files import write_toml
from sapo_ui.features.new_run.preset_name import nearest_name
from sapo_ui.services.card_watch import CardsNow, CardState
from tests.ui.features.new_run.conftest import preset


def test_every_field_of_run_config_appears_once_with_its_help(page):
    assert set(page.rows) == set(field_paths())
    assert [spec.path for spec in page.state.specs] == field_paths()
    shown = [row for section in page.form.sections.values() for row in section.rows.values()]
    assert len(shown) == len(set(shown)) == len(page.rows) > 40
    for row in page.rows.values():
        assert row.spec.help, row.spec.path
        assert row.editor.accessibleName()
        assert row.spec.help in row.editor.accessibleDescription()
        assert row.height() == ROW_HEIGHT


def test_rows_stand_in_the_order_of_their_section_however_they_were_made(open_page):
    page = open_page(all_rows=False)
    for path in ("verifier.epochs", "verifier.head", "verifier.batch_size", "verifier.base"):
        assert page.rows[path].spec.path == path
    page.build_all()
    for section in page.form.sections.values():
        ys = [section.rows[spec.path].y() for spec in section.specs if not section.rows[spec.path].isHidden()]
        assert ys == sorted(ys)


def test_rows_are_made_in_small_portions_between_which_the_window_answers(qtbot, open_page):
    page = open_page(all_rows=False)
    made = []
    page.form.made.connect(made.append)
    turns = []
    page.form._more.timeout.connect(lambda: turns.append(len(made)))
    page.index.all.click()
    assert made == [], "the click itself makes none"
    qtbot.waitUntil(lambda: all(path in page.rows for path in page.form.in_order()))
    assert max(after - before for before, after in pairwise([0, *turns])) <= AT_ONCE
    assert len(turns) > 5


def test_what_the_form_needs_can_be_loaded_ahead():
    warm_up.warm_up()
    assert form_spec.fields.cache_info().currsize == 1
    own = {path.stem for path in Path(warm_up.__file__).parent.glob("*.py")}
    for name in (*warm_up.NEEDED, *warm_up.WIDGETS):
        assert import_module(name).__name__ == name
    assert {name.rpartition(".")[2] for name in warm_up.WIDGETS if ".new_run." in name} <= own


def test_kinds_bounds_and_units_come_from_the_schema(page):
    by_path = {spec.path: spec for spec in page.state.specs}
    samples = by_path["sampling.samples"]
    assert (samples.kind, samples.minimum, samples.maximum, samples.unit) == ("integer", 1, 256, "samples")
    assert samples.main
    assert samples.expected == "A whole number from 1 to 256."
    rate = by_path["optimiser.learning_rate"]
    assert (rate.kind, rate.above, rate.expected) == ("number", True, "A number above 0, up to 1.")
    assert by_path["labeling.labeler"].choices == ("sapo", "omega", "shepherd", "outcome", "none")
    assert isinstance(page.rows["labeling.labeler"].editor, QComboBox)
    assert isinstance(page.rows["labeling.expansion"].editor, QCheckBox)
    assert by_path["evaluation.mce_rollouts"].label == "MCE rollouts"


def test_a_preset_fills_the_form(page):
    assert page.values()["iterations"] == 1
    page.preset.setCurrentIndex(1)
    page.preset.activated.emit(1)
    assert page.values() == form_spec.flatten(preset("large", iterations=5).config.model_dump())
    assert page.about.text() == "About large"
    assert page.config == preset("large", iterations=5).config


@pytest.mark.parametrize("text", ["0", "257", "many", "", "1.5"])
def test_a_wrong_value_is_told_in_the_slot_with_a_value_that_would_do(qtbot, page, type_into, text):
    row = page.rows["sampling.samples"]
    before = {path: one.y() for path, one in page.rows.items()}
    type_into(page, "sampling.samples", text)
    assert (row.said, row.tone) == ("A whole number from 1 to 256.", "bad")
    assert row.editor.property("wrong") == "true"
    assert not page.start.isEnabled()
    assert "1 value to correct" in page.verdict.text()
    assert "Samples" in page.verdict.text()
    assert {path: one.y() for path, one in page.rows.items()} == before, "nothing moves"
    assert row.fix.text() == "Use 8"
    qtbot.mouseClick(row.fix, Qt.MouseButton.LeftButton)
    assert (row.wrong, row.value(), row.editor.property("wrong")) == (False, 8, "false")
    assert not row.fix.isVisible()
    assert page.start.isEnabled()
    assert {path: one.y() for path, one in page.rows.items()} == before


@pytest.mark.parametrize(
    ("values", "path", "fix"),
    [
        ({"task.kind": "jsonl", "model.source": "hub:a/b"}, "task.train_data", None),
        ({"task.kind": "gsm8k"}, "model.source", None),
        ({"task.min_steps": 9}, "task.min_steps", 8),
        ({"task.max_steps": 12}, "task.largest_change", 16),
        ({"sampling.questions": 9000}, "sampling.questions", 6000),
        ({"sampling.start_questions": 9000}, "sampling.start_questions", 6000),
        ({"model.heads": 5}, "model.heads", 4),
        ({"model.tuning": "qlora"}, "verifier.base", "shared"),
        ({"labeling.labeler": "none"}, "optimiser.reward", "answer"),
        ({"labeling.consensus_low": 0.9}, "labeling.consensus_low", 0.8),
        ({"optimiser.rft_iterations": 4}, "optimiser.rft_iterations", 0),
        ({"optimiser.kind": "grpo", "runtime.processes": 2}, "runtime.processes", 1),
        ({"task.kind": "gsm8k", "model.source": "hub:a/b", "task.steps": "pattern"}, "task.step_pattern", None),
    ],
)
def test_values_that_do_not_fit_together_are_marked_at_the_one_to_change(open_page, values, path, fix):
    page = open_page(all_rows=False)
    for one, value in values.items():
        page.set_value(one, value)
    page.form.make_all()
    assert page.wrong() == [path]
    assert [row.spec.path for row in page.rows.values() if row.wrong] == [path]
    assert not page.rows[path].isHidden()
    assert page.state.problems[0].fix == fix
    if fix is not None:
        page.rows[path].fix.click()
        assert page.state.problems == []
        assert page.values()[path] == fix


def test_what_differs_from_the_preset_is_marked_counted_and_reset(qtbot, page, type_into):
    row = page.rows["verifier.epochs"]
    assert row.reset is None
    type_into(page, "verifier.epochs", "7")
    assert row.changed
    assert page.index.state("verifier").changed == 1
    assert page.about.text() == "About small, 1 value changed"
    assert page.index.counts.text() == "1 changed"
    qtbot.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert (row.changed, row.reset.isVisible(), page.changed()) == (False, False, set())
    assert page.index.state("verifier").words == "complete"


def test_main_settings_are_shown_with_what_is_changed_or_wrong_and_all_on_demand(open_page):
    page = open_page(all_rows=False)
    page.form.make_all()
    main = [spec.path for spec in page.state.specs if spec.main and form_spec.matters(spec, page.values())]
    assert list(page.form.in_order()) == main
    page.set_value("verifier.epochs", 7)
    assert "verifier.epochs" in list(page.form.in_order())
    page.set_value("task.min_steps", 9)
    assert "task.min_steps" in list(page.form.in_order())
    page.index.all.click()
    assert len(list(page.form.in_order())) > 2 * len(main)
    assert page.index.shown.text() == f"{len(list(page.form.in_order()))} shown"


def test_a_setting_is_found_by_its_name_key_or_help(qtbot, open_page):
    page = open_page(all_rows=False)
    page.rows["name"].editor.setFocus()
    qtbot.keyClick(page.rows["name"].editor, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(page.index.search.hasFocus)
    qtbot.keyClicks(page.index.search, "checkpoint seconds")
    assert list(page.form.in_order()) == ["runtime.checkpoint_seconds"]
    qtbot.keyClick(page.index.search, Qt.Key.Key_Return)
    assert page.rows["runtime.checkpoint_seconds"].editor.hasFocus()
    assert "at most 5 %" in page.help_panel.text.toPlainText()
    page.index.search.setText("no such thing anywhere")
    assert list(page.form.in_order()) == []
    qtbot.keyClick(page.index.search, Qt.Key.Key_Escape)
    assert page.index.search.text() == ""
    assert page.rows["sampling.samples"].isVisible()


def test_keys_go_to_the_next_wrong_value_and_from_section_to_section(qtbot, open_page):
    page = open_page(all_rows=False)
    page.set_value("sampling.samples", 0)
    page.set_value("verifier.epochs", -1)
    editor = page.rows["name"].editor
    editor.setFocus()
    qtbot.keyClick(editor, Qt.Key.Key_F8)
    assert page.rows["sampling.samples"].editor.hasFocus()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_F8)
    assert page.rows["verifier.epochs"].editor.hasFocus()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_F8)
    assert page.rows["sampling.samples"].editor.hasFocus()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert page.rows["labeling.labeler"].editor.hasFocus()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert page.rows["sampling.questions"].editor.hasFocus()
    assert "Questions" in page.help_panel.title.text()


def test_tab_goes_from_top_to_bottom(qtbot, page):
    page.rows["name"].editor.setFocus()
    seen = []
    for _ in range(12):
        seen.append(page.focusWidget())
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
    heights = [widget.mapTo(page, widget.rect().topLeft()).y() for widget in seen if page.form.isAncestorOf(widget)]
    rows = [row for row in page.rows.values() if row.isVisible()]
    assert len(heights) == len(seen)
    order = [next(row for row in rows if row.isAncestorOf(widget)).spec.path for widget in seen]
    shown = list(page.form.in_order())
    assert list(dict.fromkeys(order)) == shown[: len(dict.fromkeys(order))]


def test_tab_from_outside_scrolls_to_the_row_that_it_reaches(qtbot, page):
    page.form.go_to([*page.form.in_order()][-1])
    first = next(page.form.in_order())
    assert page.rows[first].visibleRegion().isEmpty(), "the form is too short to show this"
    page.preset.setFocus()
    for _ in range(30):
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
        if page.rows[first].isAncestorOf(page.focusWidget()):
            break
    assert not page.rows[first].visibleRegion().isEmpty()


def test_tab_goes_from_left_to_right_also_where_cards_and_examples_came_later(qtbot, open_page, tmp_path):
    data = tmp_path / "own.jsonl"
    data.write_text("{}\n")
    own = {"kind": "jsonl", "train_data": str(data)}
    page = open_page([preset("words", task=own, model={"source": "hub:a/b"})], all_rows=False)
    page.tiles._read = lambda: None
    qtbot.waitUntil(lambda: bool(page.tiles.none.text() or page.tiles.tiles))  # this machine was read
    use = CardUse("GPU-0", 0, "Card", 2**34, 2**34, 0.0, 40, {})
    page.tiles.show_cards(CardsNow((CardState(use, "idle"),), "", 0.0, False, 2, 1, 1))
    qtbot.waitUntil(lambda: page.preview is not None)
    page.form.make_all()
    areas = (page.index, page.form, page.launch)
    page.preset.setFocus()
    seen = []
    for _ in range(60):
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Tab)
        if page.focusWidget() is page.preset:
            break
        seen.append(page.focusWidget())
    where = [next((at for at, area in enumerate(areas) if area.isAncestorOf(one)), -1) for one in seen]
    assert [at for at in where if at >= 0] == sorted(at for at in where if at >= 0)
    inside = [one for one, at in zip(seen, where, strict=True) if at == 1]
    heights = [one.mapTo(page.form.widget(), one.rect().topLeft()).y() for one in inside]
    assert heights == sorted(heights)
    assert page.preview.text in inside
    assert next(iter(page.tiles.tiles.values())) in inside


@pytest.mark.parametrize("key", ["button", "keys"])
def test_start_sends_the_configuration_and_waits(qtbot, page, type_into, key):
    type_into(page, "name", "mine")
    type_into(page, "seed", "7")
    sent = []
    page.start_requested.connect(lambda config, name: sent.append((config, name)))
    if key == "button":
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    else:
        qtbot.keyClick(page.rows["seed"].editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    ((config, name),) = sent
    assert (config.name, config.seed, config.iterations, name) == ("mine", 7, 1, "small")
    assert not page.start.isEnabled()
    page.say_error(EngineError("No engine", why="Because.", fix="Do this."))
    assert page.verdict.isVisible()
    assert "Do this." in page.verdict.text()


def test_the_queue_takes_the_same_configuration(qtbot, page):
    sent = []
    page.queue_requested.connect(lambda config, name: sent.append((config, name)))
    qtbot.mouseClick(page.launch.queue, Qt.MouseButton.LeftButton)
    assert sent == [(page.config, "small")]
    page.starting.set_busy("")
    page.set_value("sampling.samples", 0)
    assert not page.launch.queue.isEnabled()


def test_a_copied_configuration_is_no_preset(page):
    page.load(preset("clone", iterations=4).config, origin="clone 3")
    assert page.preset.currentIndex() == -1
    assert page.values()["iterations"] == 4
    assert page.about.text() == "from clone 3"


def test_exported_toml_is_the_configuration(tmp_path, page):
    write_toml(tmp_path / "run.toml", page.config)
    with (tmp_path / "run.toml").open("rb") as file:
        assert RunConfig.model_validate(tomllib.load(file)) == page.config


def test_exported_toml_replaces_plain_files_alone_and_means_the_same_from_elsewhere(tmp_path, page, monkeypatch):
    with pytest.raises(InputError, match="is a folder"):
        write_toml(tmp_path, page.config)
    with pytest.raises(StoreError, match="Cannot write"):
        write_toml(tmp_path / "nowhere" / "run.toml", page.config)
    monkeypatch.chdir(tmp_path)
    model = page.config.model.model_copy(update={"source": "model"})
    write_toml(tmp_path / "run.toml", page.config.model_copy(update={"model": model}))
    assert str(tmp_path / "model") in (tmp_path / "run.toml").read_text()


def test_a_file_starts_no_python_that_nobody_here_has_chosen(tmp_path, page):
    """The form's checks start the engine: a stranger's file would start a program by being looked at."""

    def opened(python):
        config = preset("other").config
        runtime = config.runtime.model_copy(update={"engine_python": str(python)})
        write_toml(tmp_path / "theirs.toml", config.model_copy(update={"runtime": runtime}))
        page.files.open(tmp_path / "theirs.toml")
        return page.config.runtime.engine_python

    strange = tmp_path / "python"
    assert opened(strange) == ""
    assert f"Left out: the file has the engine live in {strange}" in page.launch.verdict.text()
    assert opened(sys.executable) == sys.executable
    engines.choose(str(strange))
    assert opened(strange) == str(strange)


def test_a_toml_file_fills_the_form(tmp_path, page):
    write_toml(tmp_path / "from-file.toml", preset("other", iterations=4).config)
    page.files.open(tmp_path / "from-file.toml")
    assert page.preset.currentIndex() == -1
    assert page.preset.placeholderText() == "(from-file.toml)"
    assert (page.config.name, page.config.iterations) == ("other", 4)
    assert page.changed() == set()
    (tmp_path / "from-file.toml").write_text("[sampling]\nsample = 3\n")
    page.files.open(tmp_path / "from-file.toml")
    assert page.verdict.isVisible(), "the fault can be read"
    assert "sampling.sample" in page.verdict.text()
    assert "from-file.toml:2" in page.verdict.text()
    assert page.config.iterations == 4, "the form stays as it was"


def test_evaluation_sets_of_a_preset_are_kept_and_shown(open_page, type_into):
    sets = [{"name": "MATH", "kind": "math"}, {"name": "HE", "kind": "humaneval", "samples": 2}]
    words = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:a/b"}, "evaluation": {"sets": sets}}
    page = open_page([preset("words", **words), preset("small")])
    row = page.rows["evaluation.sets"]
    assert row.editor.text() == "MATH, HE"
    assert row.editor.isReadOnly()
    type_into(page, "evaluation.samples", "3")
    assert page.config.evaluation.samples == 3
    assert [(one.name, one.samples) for one in page.config.evaluation.sets] == [("MATH", 8), ("HE", 2)]
    page.set_value("model.source", "fresh")
    assert page.wrong() == ["model.source"], "the sets cannot be edited here, the model can"
    page.load(RunConfig())
    assert row.editor.text() == "none"
    assert page.config.evaluation.sets == ()


def test_a_preset_name_with_a_space_loses_nothing_that_was_typed(qtbot, page, type_into):
    type_into(page, "seed", "7")
    dialog = page.save_as_preset()
    dialog.name.setText("my own run")
    assert not dialog.ok.isEnabled()
    assert dialog.said.property("look") == "bad"
    assert dialog.instead.text() == "Use my-own-run"
    qtbot.mouseClick(dialog.instead, Qt.MouseButton.LeftButton)
    assert dialog.name.text() == "my-own-run"
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert page.preset.currentText() == "my-own-run"
    assert page.config.seed == 7


def test_a_preset_that_cannot_be_saved_leaves_the_dialog_as_it_is(qtbot, page):
    def refused(name, config):
        raise InputError(f"{name} is a preset of the program")

    page._save_preset = refused
    dialog = page.save_as_preset()
    dialog.name.setText("lab-demo")
    qtbot.mouseClick(dialog.ok, Qt.MouseButton.LeftButton)
    assert "is a preset of the program" in dialog.said.text()
    assert (dialog.isVisible(), dialog.name.text()) == (True, "lab-demo")
    dialog.reject()


@pytest.mark.parametrize(
    ("text", "name"),
    [("my run", "my-run"), ("  -x", "x"), ("\u00e9tude 1/2", "etude-1-2"), ("\u4e2d", ""), ("a" * 90, "a" * 64)],
)
def test_the_nearest_name_of_a_preset(text, name):
    assert nearest_name(text) == name
