"""What of a configuration may change when a run is resumed, and what is kept of it."""

from __future__ import annotations

import pytest

from sapo_studio import supervisor
from sapo_studio.app.reports.run_report import report
from sapo_studio.config.changes import CHANGEABLE, Change, changed, differences
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PhaseName, RunStatus
from sapo_studio.errors import InputError
from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import create_run, delete_run, set_status

CONFIG = parse_config({})


def all_keys(data, at=""):
    for key, value in data.items():
        if isinstance(value, dict):
            yield from all_keys(value, f"{at}{key}.")
        else:
            yield f"{at}{key}"


def test_every_key_that_may_change_is_one():
    assert set(CHANGEABLE) <= set(all_keys(CONFIG.model_dump(mode="json")))


def test_a_learning_rate_and_the_machine_may_change():
    after, changes = changed(CONFIG, ["optimiser.learning_rate=1e-4", "runtime.micro_tokens=4000"], set())
    assert (after.optimiser.learning_rate, after.runtime.micro_tokens) == (1e-4, 4000)
    assert changes == [Change("optimiser.learning_rate", 1e-3, 1e-4), Change("runtime.micro_tokens", 0, 4000)]
    assert str(changes[1]) == "runtime.micro_tokens = 4000 (it was 0)"
    assert after.model_copy(update={"optimiser": CONFIG.optimiser, "runtime": CONFIG.runtime}) == CONFIG


def test_what_is_as_it_was_is_no_change():
    assert changed(CONFIG, ["seed=0", "optimiser.learning_rate=0.001"], {PhaseName.ALIGN}) == (CONFIG, [])


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("seed=4", "was done with the value"),
        ("iterations=9", "planned"),
        ("name=other", "renamed"),
        ("optimiser.batch_size=8", "runtime.micro_tokens"),
        ("verifier.batch_size=8", "part of the method"),
        ("runtime.backend=vllm", "other samples"),
        ("labeling.labeler=omega", "was done with the value"),
        ("model.source=bundled:lab", "was done with the value"),
    ],
)
def test_everything_else_is_refused_with_the_reason(setting, why):
    with pytest.raises(InputError) as told:
        changed(CONFIG, ["optimiser.learning_rate=1e-4", setting], set())
    assert setting.partition("=")[0] in told.value.what
    assert why in told.value.why
    assert "optimiser.learning_rate" in told.value.fix


@pytest.mark.parametrize(
    "setting", ["optimiser.learning_rate=0", "optimiser.no_such_key=1", "nonsense", "runtime.gpus=x"]
)
def test_what_is_no_setting_is_refused(setting):
    with pytest.raises(InputError):
        changed(CONFIG, [setting], set())


def test_a_rate_of_what_is_done_is_refused():
    with pytest.raises(InputError, match="would change nothing"):
        changed(CONFIG, ["warmup.learning_rate=1e-4"], {PhaseName.SFT})
    assert changed(CONFIG, ["warmup.learning_rate=1e-4"], set())[1]


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "studio.db") as opened:
        yield opened


def stopped(store: Store) -> str:
    """A run that was stopped behind its warm-up."""
    run_id = create_run(store, RunConfig(name="r"))
    set_status(store, run_id, RunStatus.RUNNING)
    planned = [k.PlannedPhase(0, PhaseName.SFT, 0, 1.0), k.PlannedPhase(1, PhaseName.ALIGN, 1, 1.0)]
    Ingest(store, run_id).apply([k.Plan(phases=planned), k.PhaseStarted(ordinal=0), k.PhaseFinished(ordinal=0)])
    set_status(store, run_id, RunStatus.STOPPED)
    return run_id


def test_a_change_is_kept_with_its_history(store):
    run_id = stopped(store)
    supervisor.change_config(store, run_id, ["optimiser.learning_rate=3e-4"], "somebody")
    supervisor.change_config(store, run_id, ["optimiser.learning_rate=1e-4"], "somebody")
    assert queries.get_config(store, run_id).optimiser.learning_rate == 1e-4
    first, second = queries.config_changes(store, run_id)
    assert (first.key, first.before, first.after) == ("optimiser.learning_rate", 1e-3, 3e-4)
    assert (first.sender, first.phase_ordinal) == ("somebody", 1)
    assert (second.before, second.after) == (3e-4, 1e-4)
    assert second.at >= first.at
    assert "optimiser.learning_rate = 0.0003 (it was 0.001)" in queries.log(store, run_id)[1].message
    told = report(store, run_id).as_json()["config_changes"]
    assert [one["after"] for one in told] == [3e-4, 1e-4]
    delete_run(store, run_id)
    assert store.value("SELECT count(*) FROM config_changes") == 0


def test_what_is_refused_leaves_everything_as_it_was(store):
    run_id = stopped(store)
    for setting in ("warmup.learning_rate=1e-4", "seed=4"):
        with pytest.raises(InputError):
            supervisor.resume(store, run_id, settings=["runtime.threads=2", setting])
    assert queries.get_config(store, run_id) == RunConfig(name="r")
    assert queries.config_changes(store, run_id) == []
    assert queries.get_run(store, run_id).status is RunStatus.STOPPED
    assert supervisor.change_config(store, run_id, ["seed=0"]) == []
    assert len(queries.log(store, run_id)) == 1  # that the warm-up is done


def test_a_run_that_is_done_or_at_work_is_not_changed(store):
    run_id = stopped(store)
    set_status(store, run_id, RunStatus.RUNNING)
    with pytest.raises(InputError):
        supervisor.change_config(store, run_id, ["runtime.threads=2"])
    set_status(store, run_id, RunStatus.DONE)
    with pytest.raises(InputError):
        supervisor.change_config(store, run_id, ["runtime.threads=2"])
    assert queries.config_changes(store, run_id) == []


def test_tables_of_the_users_own_keys_may_lack_some():
    """`task.fields` has the keys that somebody gave it: one more or less is a difference like any other."""
    before = {"task": {"fields": {"question": "q", "id": "n"}, "shots": 4}}
    after = {"task": {"fields": {"question": "text", "answer": "a"}, "shots": 4}}
    assert [(one.key, one.before, one.after) for one in differences(before, after)] == [
        ("task.fields.question", "q", "text"),
        ("task.fields.answer", None, "a"),
        ("task.fields.id", "n", None),
    ]
    config = parse_config({"task": {"kind": "jsonl", "train_data": "x.jsonl"}, "model": {"source": "m"}})
    with pytest.raises(InputError, match=r"task.fields.question cannot change in the middle of a run"):
        changed(config, ["task.fields.question=text"], [])
