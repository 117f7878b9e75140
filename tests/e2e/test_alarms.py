"""A run's parent raises alarms and takes commands back."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

import pytest

from sapo_studio import supervisor
from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import InputError
from sapo_studio.store import queries, runs
from sapo_studio.store.alarms import alarms_of
from sapo_studio.store.pending_commands import withdraw

if TYPE_CHECKING:
    from conftest import Bench

MIDDLE = (2, 3)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def test_the_parent_raises_alarms_of_what_is_evaluated(bench: Bench) -> None:
    run_id = bench.make()
    for iteration in (0, 1):
        bench.store.execute(
            "INSERT INTO metrics (run_id, \"set\", iteration, name, value) VALUES (?, '', ?, 'cut_off', 0.5)",
            (run_id, iteration),
        )
    assert bench.run(run_id).status is RunStatus.DONE
    assert [(alarm.iteration, alarm.kind) for alarm in alarms_of(bench.store, run_id)] == [
        (0, "cut_off"),
        (1, "cut_off"),
    ]
    assert len(queries.get_run(bench.store, run_id).alarms) == 2
    assert bench.log(run_id).count("Samples are cut off") == 2


def test_what_was_asked_can_be_withdrawn_until_it_is_carried_out(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, pause_ms=50)
    bench.until(run_id, lambda run: run.progress > 0)
    supervisor.pause(bench.store, run_id)
    bench.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    bench.until(run_id, lambda run: not runs.open_commands(bench.store, run_id))
    with pytest.raises(InputError, match="Nothing that was asked"):
        withdraw(bench.store, run_id, "test")
    # The worker has this one long before the phase ends, and it can be taken back all that time.
    supervisor.stop_after_phase(bench.store, run_id)
    # A later command that was carried out: by now the parent has passed the first one on.
    supervisor.checkpoint(bench.store, run_id)
    bench.until(run_id, lambda run: "checkpoint written" in bench.log(run_id))
    assert [command.verb for command in runs.open_commands(bench.store, run_id)] == [Verb.STOP_AFTER_PHASE]
    assert [command.verb for command in withdraw(bench.store, run_id, "test")] == [Verb.STOP_AFTER_PHASE]
    with pytest.raises(InputError, match="Nothing that was asked"):
        withdraw(bench.store, run_id, "test")
    supervisor.resume(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.DONE
    assert "withdrawn by test" in bench.log(run_id)
    assert not runs.open_commands(bench.store, run_id)


def test_a_run_under_way_takes_over_which_labels_are_trained_on(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE)
    bench.at(run_id, *MIDDLE)
    with pytest.raises(InputError, match="while an engine works"):
        supervisor.change_config(bench.store, run_id, ["optimiser.learning_rate=1e-4"])
    changes = supervisor.change_config(
        bench.store, run_id, ["labeling.consensus=dawid-skene", "labeling.consensus_low=0.4"], "test"
    )
    assert [change.key for change in changes] == ["labeling.consensus", "labeling.consensus_low"]
    bench.until(run_id, lambda _: "labels by consensus dawid-skene" in bench.log(run_id))
    folder = bench.store.run_dir(run_id)
    assert tomllib.loads((folder / "config.toml").read_text())["labeling"]["consensus_low"] == 0.4
    assert "Goes on with labeling.consensus = dawid-skene (it was off)" in bench.log(run_id)
    assert [one.key for one in queries.config_changes(bench.store, run_id)] == [change.key for change in changes]
    # A worker that is started again is told with its start what the one before was told while it ran.
    assert "starts with consensus" not in bench.log(run_id)
    bench.worker(run_id).kill()
    bench.until(run_id, lambda _: "starts with consensus dawid-skene" in bench.log(run_id))
