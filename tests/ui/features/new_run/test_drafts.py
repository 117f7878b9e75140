"""A form that was left is there again, in this window and after a restart."""

import json

from sapo_ui.services.drafts import MOST, Draft, Drafts
from tests.ui.features.new_run.conftest import preset


def test_what_was_typed_is_there_again_with_what_it_differs_from(open_page, type_into):
    page = open_page()
    type_into(page, "name", "half done")
    type_into(page, "sampling.samples", "many")
    page.leave()
    again = open_page(all_rows=False)
    again.open_for("")
    assert again.values()["name"] == "half done"
    assert again.rows["sampling.samples"].editor.text() == "many"
    assert again.wrong() == ["sampling.samples"]
    assert again.changed() == {"name", "sampling.samples"}
    assert again.preset.currentText() == "small"
    assert again.afresh.isVisible()
    again.afresh.click()
    assert (again.changed(), again.values()["name"]) == (set(), "small")
    again.leave()
    third = open_page(all_rows=False)
    third.open_for("")
    assert third.values()["name"] == "small"


def test_a_copy_of_a_run_has_a_draft_of_its_own(open_page):
    page = open_page(all_rows=False)
    page.open_for("run-7", preset("seven", iterations=2).config, origin="seven")
    page.set_value("seed", 9)
    page.leave()
    new = open_page(all_rows=False)
    new.open_for("")
    assert new.values()["seed"] == 0
    copy = open_page(all_rows=False)
    copy.open_for("run-7", preset("seven", iterations=2).config, origin="seven")
    assert (copy.values()["seed"], copy.values()["iterations"], copy.changed()) == (9, 2, {"seed"})
    assert copy.about.text() == "from seven, 1 value changed"


def test_nothing_is_kept_of_a_form_that_nobody_touched_or_whose_run_has_started(open_page, tmp_path):
    page = open_page(all_rows=False)
    page.leave()
    assert not (tmp_path / "drafts.json").exists()
    page.set_value("seed", 4)
    page.keep_draft()
    page.forget_draft()
    page.leave()
    assert Drafts(tmp_path / "drafts.json").get("") is None


def test_tables_and_lists_of_a_configuration_are_the_same_again(open_page):
    sets = [{"name": "MATH", "kind": "math"}]
    own = {"kind": "jsonl", "train_data": "x.jsonl", "fields": {"question": ["a", "b"]}}
    words = preset("words", task=own, model={"source": "hub:a/b"}, evaluation={"sets": sets})
    page = open_page([words], all_rows=False)
    page.set_value("seed", 3)
    page.leave()
    again = open_page([words], all_rows=False)
    again.open_for("")
    assert again.changed() == {"seed"}
    assert again.config.evaluation.sets == page.config.evaluation.sets
    assert again.config.task.fields == {"question": ("a", "b")}


def test_drafts_of_other_versions_and_broken_files_are_no_drafts(open_page, tmp_path):
    place = tmp_path / "drafts.json"
    place.write_text("{ not json")
    assert Drafts(place).get("") is None
    place.write_text(json.dumps({"": {"values": {}, "base": {}, "unheard_of": 1}, "x": 3}))
    assert Drafts(place).get("") is None
    gone = {"name": "old", "no.such.key": 1}
    Drafts(place).put("", Draft(gone, gone))
    page = open_page(all_rows=False)
    page.open_for("")
    assert page.values()["name"] == "old"


def test_the_newest_drafts_are_kept(tmp_path):
    drafts = Drafts(tmp_path / "d.json")
    for number in range(MOST + 3):
        drafts.put(str(number), Draft({}, {}, at=float(number)))
    assert [drafts.get(str(number)) is not None for number in (2, 3, MOST + 2)] == [False, True, True]


def test_a_draft_of_an_earlier_version_has_todays_names(open_page, tmp_path):
    """Sequences at a time are tokens at a time now: 55 of them have the longest of the lab's texts."""
    Drafts(tmp_path / "drafts.json").put("", Draft({"name": "old", "runtime.micro_batch": 4}, {"name": "old"}))
    page = open_page(all_rows=True)
    page.open_for("")
    assert page.values()["runtime.micro_tokens"] == 4 * 55
