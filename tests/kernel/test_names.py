"""Names that people give: one rule wherever one comes in, by a command, a form, a file or a bundle."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sapo_studio.app.annotation.bundles import export_bundle, import_bundle
from sapo_studio.config.overrides import configure
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.judgements import Judgement as Said
from sapo_studio.errors import InputError
from sapo_studio.formats.extras import Judgement
from sapo_studio.names import LONGEST, checked_name, fitted_name, name_fault, one_line
from sapo_studio.store import queries, queues, runs
from sapo_studio.store.annotations import annotate
from sapo_studio.store.bundle_records import Name
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.records import TraceFilter
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_run

TEXTS = st.text(st.characters(), max_size=100)
"""With control characters, marks that turn the direction of writing, and lone surrogates."""
BROKEN = ["a\nb", "a\tb", "\x1b[31mred", "a\u202eb", "a\u2028b", "a\x00b", "\ud800", "a\x9bb", "\u200b", "", "   "]
FINE = ["a", "über uns", "two words", "\u65e5\u672c", "\U0001f469\u200d\U0001f52c", "a\u00a0b", "x" * LONGEST]


@given(TEXTS)
def test_a_name_is_one_line_that_shows_and_shows_as_it_is(text):
    if name_fault(text):
        with pytest.raises(InputError) as refused:
            checked_name(text, "a run")
        assert refused.value.what.isprintable()
        return
    name = checked_name(text, "a run")
    assert name == text.strip()
    assert 1 <= len(name) <= LONGEST
    assert len(name.splitlines()) == 1
    assert not {unicodedata.category(one) for one in name} & {"Cc", "Cs", "Zl", "Zp"}
    assert checked_name(name, "a run") == name


@given(TEXTS)
def test_any_text_is_made_to_fit(text):
    name = fitted_name(text, "otherwise")
    assert checked_name(name, "a run") == name
    assert one_line(one_line(text)) == one_line(text)
    if not name_fault(text):
        assert name == text.strip(), "what is a name stays as it is"


@pytest.mark.parametrize("text", FINE)
def test_what_people_write_is_a_name(text):
    assert checked_name(f" {text} ", "a run") == text


def test_it_is_refused_wherever_a_name_comes_in(store):
    run = synthetic_run(store)
    queue = queues.make_queue(store, QueueSpec("fine", TraceFilter(run)), "ann")
    for text in [*BROKEN, "x" * (LONGEST + 1)]:
        _refused_everywhere(store, run, queue, text)


def _refused_everywhere(store, run, queue, text):
    for make in (
        lambda: configure("lab-smoke", [], seed=None, name=text),
        lambda: runs.create_run(store, RunConfig.model_construct(**{**dict(RunConfig()), "name": text})),
        lambda: runs.rename_run(store, run, text),
        lambda: runs.create_import(store, text),
        lambda: queues.make_queue(store, QueueSpec("mine", TraceFilter(run)), text),
    ):
        with pytest.raises(InputError):
            make()
    if len(text) <= LONGEST:  # names of queues are longer
        for make in (
            lambda: queues.rename_queue(store, queue, text),
            lambda: queues.make_queue(store, QueueSpec(text, TraceFilter(run)), "ann"),
        ):
            with pytest.raises(InputError):
                make()
        if text in ("", "\ud800"):  # no name, and no text at all
            return
        with pytest.raises(InputError):
            parse_config({"evaluation": {"sets": [{"name": text, "kind": "gsm8k", "data": "x"}]}})
        for taken in (  # what others did is kept, under a name that shows
            TypeAdapter(Name).validate_python(text),
            Judgement.model_validate({"person": text, "step": 1, "judgement": 1, "at": 1}).person,
        ):
            assert not name_fault(taken)


def test_commands_say_so_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    file = tmp_path / "steps\nand more.jsonl"
    file.write_text('{"prompt": "p", "completions": ["a"], "labels": [true]}\n')
    refused = sapo("import", file, "--name", "two\nlines")
    assert refused.returncode == 2
    assert "This cannot be the name of an imported file: 'two\\nlines'" in refused.stderr
    assert sapo("import", file).returncode == 0, "nobody gave the file's own name as one"
    with Store.open() as store:
        assert [run.name for run in queries.list_runs(store)] == ["steps and more"]
    assert sapo("run", "lab-smoke", "--dry-run", "--name", "two\nlines").returncode == 2


def test_a_run_that_an_older_program_named_is_still_read(store):
    """Its rows are as they were: only who names one now is held to the rule."""
    run = synthetic_run(store)
    config = json.loads(store.value("SELECT config FROM runs WHERE id = ?", (run,)))
    store.execute(
        "UPDATE runs SET config = ?, name = ? WHERE id = ?", (json.dumps({**config, "name": "a\nb"}), "a\nb", run)
    )
    assert queries.get_config(store, run).name == "a\nb"
    assert queries.get_run(store, run).name == "a\nb"


def test_what_an_older_store_keeps_under_such_a_name_still_travels_and_comes_back_once(store, tmp_path):
    run = synthetic_run(store)
    queue = queues.make_queue(store, QueueSpec("fine", TraceFilter(run), size=3), "ann")
    item = store.value("SELECT trajectory_id FROM queue_items WHERE place = 1")
    annotate(store, item, "ann", {1: Said.RIGHT})
    store.execute("UPDATE annotations SET annotator = 'a' || char(10) || 'b'")
    store.execute("UPDATE queues SET name = 'two' || char(10) || 'lines'")
    file = tmp_path / "out.jsonl"
    export_bundle(store, queue, file)
    before = store.value("SELECT count(*) FROM annotations")
    import_bundle(store, file)
    assert store.value("SELECT count(*) FROM annotations") == before, "it is known already"
    with Store.open(tmp_path / "other.db") as other:
        import_bundle(other, file)
        assert other.value("SELECT DISTINCT annotator FROM annotations") == "a b"
        assert other.value("SELECT name FROM queues") == "two lines"
