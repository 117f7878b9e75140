"""The New run form: everything in it comes from RunConfig."""

import tomllib

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit

from sapo_studio.config.schema import RunConfig, field_paths
from sapo_studio.errors import EngineError, InputError
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.page import NewRunPage, write_toml
from sapo_ui.features.new_run.presets import PresetChoice


def preset(name, **values):
    return PresetChoice(name, RunConfig.model_validate({"name": name, **values}), f"About {name}.")


@pytest.fixture
def page(qtbot):
    made = NewRunPage([preset("small", iterations=1), preset("large", iterations=5)], lambda name, config: None)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    made.build_all()
    return made


def type_into(qtbot, page, path, text):
    editor = page.rows[path].editor
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, text)


def test_every_field_of_run_config_appears_once_with_its_help(page):
    assert set(page.rows) == set(field_paths())
    assert [spec.path for spec in page.specs] == field_paths()
    assert len(page.rows) > 40
    shown = [row for card in page.cards.values() for row in card.rows]
    assert len(shown) == len(set(shown)) == len(page.rows)
    for row in page.rows.values():
        assert row.spec.help, row.spec.path
        assert row.editor.accessibleName()
        assert row.editor.toolTip()


def test_folded_sections_are_made_when_unfolded_and_keep_their_values(qtbot):
    page = NewRunPage([preset("small", verifier={"epochs": 9})])
    qtbot.addWidget(page)
    assert "verifier.epochs" not in page.rows
    assert page.values()["verifier.epochs"] == 9
    page.cards["verifier"].fold.click()
    assert page.rows["verifier.epochs"].editor.text() == "9"
    assert page.config.verifier.epochs == 9


def test_kinds_bounds_and_units_come_from_the_schema(page):
    by_path = {spec.path: spec for spec in page.specs}
    samples = by_path["sampling.samples"]
    assert (samples.kind, samples.minimum, samples.maximum, samples.unit, samples.main) == (
        "integer",
        1,
        256,
        "samples",
        True,
    )
    assert samples.expected == "A whole number from 1 to 256."
    rate = by_path["optimiser.learning_rate"]
    assert (rate.kind, rate.above, rate.expected) == ("number", True, "A number above 0, up to 1.")
    assert by_path["labeling.labeler"].choices == ("sapo", "omega", "shepherd", "outcome", "none")
    assert isinstance(page.rows["labeling.labeler"].editor, QComboBox)
    assert isinstance(page.rows["labeling.expansion"].editor, QCheckBox)
    assert by_path["evaluation.mce_rollouts"].label == "MCE rollouts"


def test_a_preset_fills_the_form(qtbot, page):
    assert page.values()["iterations"] == 1
    page.preset.setCurrentIndex(1)
    page.preset.activated.emit(1)
    assert page.values() == form_spec.flatten(preset("large", iterations=5).config.model_dump())
    assert page.about.text() == "About large."
    assert page.config == preset("large", iterations=5).config


@pytest.mark.parametrize("text", ["0", "257", "many", "", "1.5"])
def test_a_wrong_value_is_marked_in_place_with_what_would_be_right(qtbot, page, text):
    row = page.rows["sampling.samples"]
    type_into(qtbot, page, "sampling.samples", text or "x")
    if not text:
        row.editor.clear()
        row.edited.emit()
    assert row.wrong.isVisible()
    assert row.wrong.text() == "A whole number from 1 to 256."
    assert row.editor.property("wrong") == "true"
    assert not page.start.isEnabled()
    assert "1 value to correct" in page.verdict.text()
    type_into(qtbot, page, "sampling.samples", "8")
    assert not row.wrong.isVisible()
    assert page.start.isEnabled()


def test_values_that_do_not_fit_together_are_marked_at_the_field_named_first(qtbot, page):
    type_into(qtbot, page, "task.min_steps", "9")
    assert "must not exceed" in page.rows["task.min_steps"].wrong.text()
    assert page.cards["task"].body.isVisible(), "a folded section opens to show the fault"
    assert page.cards["task"].state.text() == "1 to correct"
    type_into(qtbot, page, "task.min_steps", "4")
    type_into(qtbot, page, "sampling.questions", "9000")
    assert "sampling.questions" in page.rows["sampling.questions"].wrong.text()


def test_what_differs_from_the_preset_is_told(qtbot, page):
    type_into(qtbot, page, "verifier.epochs", "7")
    assert page.review.changes.text() == f"Changed\nverifier.epochs: {RunConfig().verifier.epochs:g} \u2192 7"
    assert page.cards["verifier"].state.text() == "1 changed"


def test_start_sends_the_configuration_and_waits(qtbot, page):
    type_into(qtbot, page, "name", "mine")
    type_into(qtbot, page, "seed", "7")
    with qtbot.waitSignal(page.start_requested) as sent:
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    config, name = sent.args
    assert (config.name, config.seed, config.iterations, name) == ("mine", 7, 1, "small")
    assert not page.start.isEnabled()
    page.say_error(EngineError("No engine", why="Because.", fix="Do this."))
    assert page.verdict.isVisible()
    assert "Do this." in page.verdict.text()


def test_a_cloned_configuration_is_no_preset(page):
    page.load(preset("clone", iterations=4).config)
    assert page.preset.currentIndex() == -1
    assert page.values()["iterations"] == 4


def test_exported_toml_is_the_configuration(tmp_path, page):
    write_toml(tmp_path / "run.toml", page.config)
    with (tmp_path / "run.toml").open("rb") as file:
        assert RunConfig.model_validate(tomllib.load(file)) == page.config


def test_exported_toml_replaces_plain_files_alone_and_means_the_same_from_elsewhere(tmp_path, page, monkeypatch):
    with pytest.raises(InputError, match="is a folder"):
        write_toml(tmp_path, page.config)
    with pytest.raises(InputError, match="Cannot write"):
        write_toml(tmp_path / "nowhere" / "run.toml", page.config)
    monkeypatch.chdir(tmp_path)
    model = page.config.model.model_copy(update={"source": "model"})
    write_toml(tmp_path / "run.toml", page.config.model_copy(update={"model": model}))
    assert str(tmp_path / "model") in (tmp_path / "run.toml").read_text()


def test_a_toml_file_fills_the_form(tmp_path, page):
    write_toml(tmp_path / "from-file.toml", preset("other", iterations=4).config)
    page.open_toml(tmp_path / "from-file.toml")
    assert page.preset.currentIndex() == -1
    assert page.preset.placeholderText() == "(from-file.toml)"
    assert (page.config.name, page.config.iterations) == ("other", 4)
    assert page.review.changes.text() == ""
    (tmp_path / "from-file.toml").write_text("[sampling]\nsample = 3\n")
    page.open_toml(tmp_path / "from-file.toml")
    assert page.verdict.isVisible(), "the fault can be read"
    assert "sampling.sample" in page.verdict.text()
    assert "from-file.toml:2" in page.verdict.text()
    assert page.config.iterations == 4, "the form stays as it was"


def test_evaluation_sets_of_a_preset_are_kept_and_shown(qtbot):
    sets = [{"name": "MATH", "kind": "math"}, {"name": "HE", "kind": "humaneval", "samples": 2}]
    words = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:a/b"}, "evaluation": {"sets": sets}}
    page = NewRunPage([preset("words", **words), preset("small")], lambda name, config: None)
    qtbot.addWidget(page)
    page.build_all()
    row = page.rows["evaluation.sets"]
    assert row.editor.text() == "MATH, HE"
    assert row.editor.isReadOnly()
    assert "keeps the sets of a preset or file as they are" in row.spec.help
    type_into(qtbot, page, "evaluation.samples", "3")
    assert page.config.evaluation.samples == 3
    assert [(one.name, one.samples) for one in page.config.evaluation.sets] == [("MATH", 8), ("HE", 2)]
    page.load(RunConfig())
    assert row.editor.text() == "none"
    assert page.config.evaluation.sets == ()
