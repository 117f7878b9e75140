"""kill -9 of worker, parent and follower: nothing is left, nothing committed is lost, the numbers are the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from sapo_studio import supervisor
from sapo_studio.domain.runs import RunStatus
from sapo_studio.processes import ProcessIdentity, is_alive
from sapo_studio.store import queries

if TYPE_CHECKING:
    from conftest import Bench

    Numbers = tuple[object, object]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

MIDDLE = (2, 3)
"""Phase and step. 2 and 5 write rows, 1, 4 and 7 end an iteration."""

ENDS = [pytest.param(at, marks=pytest.mark.slow) for at in ((0, 0), (7, 4))]
MOMENTS = [MIDDLE, *ENDS, *(pytest.param(at, marks=pytest.mark.slow) for at in ((1, 4), (2, 0), (4, 2), (5, 1)))]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_worker_is_replaced(bench: Bench, undisturbed: Numbers, moment: tuple[int, int]) -> None:
    metrics, rows = undisturbed
    run_id = bench.make()
    run = bench.run(run_id, die=[*moment, signal.SIGKILL, 1], child=True)
    assert run.status is RunStatus.DONE
    assert run.restarts == 1
    assert "killed by SIGKILL" in bench.log(run_id)
    assert bench.metrics(run_id) == metrics
    assert bench.rows(run_id) == rows
    assert bench.gone()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_parent_takes_its_worker_with_it(bench: Bench, undisturbed: Numbers, moment: tuple[int, int]) -> None:
    metrics, rows = undisturbed
    run_id = bench.make()
    bench.launch(run_id, hold=moment)
    parent = bench.at(run_id, *moment)
    worker = bench.worker(run_id)
    kept = bench.rows(run_id)
    done = [phase.ordinal for phase in queries.phases(bench.store, run_id) if phase.status == "done"]
    assert parent.pid is not None
    victim = psutil.Process(parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    assert bench.gone()
    assert bench.dead(worker)
    assert bench.dead(victim)
    assert queries.get_run(bench.store, run_id).status is RunStatus.RUNNING  # nobody has looked yet
    assert supervisor.reconcile(bench.store) == [run_id]
    assert queries.get_run(bench.store, run_id).status is RunStatus.INTERRUPTED
    assert supervisor.reconcile(bench.store) == []
    assert bench.rows(run_id) >= kept
    assert [p.ordinal for p in queries.phases(bench.store, run_id) if p.status == "done"] == done
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics
    assert bench.rows(run_id) == rows


@pytest.mark.slow
def test_what_a_killed_parent_leaves_is_swept_by_the_next_to_look(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=[2, 3], child=True)
    parent = bench.at(run_id, 2, 3)
    assert len(bench.processes()) == 3
    os.kill(parent.pid or 0, signal.SIGKILL)
    bench.until(run_id, lambda run: run.status is RunStatus.INTERRUPTED)
    assert bench.gone()


@pytest.mark.slow
def test_both_killed_at_once(bench: Bench, undisturbed: Numbers) -> None:
    metrics, rows = undisturbed
    run_id = bench.make()
    bench.launch(run_id, hold=[5, 2])
    parent = bench.at(run_id, 5, 2)
    for victim in (bench.worker(run_id).pid, parent.pid or 0):
        os.kill(victim, signal.SIGKILL)
    bench.until(run_id, lambda run: run.status is RunStatus.INTERRUPTED)
    assert bench.gone()
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics
    assert bench.rows(run_id) == rows


@pytest.mark.slow
def test_a_run_killed_again_and_again_gets_there(bench: Bench, undisturbed: Numbers) -> None:
    metrics, rows = undisturbed
    run_id = bench.make()
    for moment in ((0, 3), (2, 2), (5, 4)):
        bench.launch(run_id, hold=moment)
        os.kill(bench.at(run_id, *moment).pid or 0, signal.SIGKILL)
        bench.until(run_id, lambda run: run.status is RunStatus.INTERRUPTED)
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics
    assert bench.rows(run_id) == rows


def test_a_terminated_parent_stops_in_good_order(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=[2, 3])
    parent = bench.at(run_id, 2, 3)
    os.kill(parent.pid or 0, signal.SIGTERM)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert bench.gone()


@pytest.mark.slow
def test_a_number_that_another_process_has_now_is_not_the_engine(bench: Bench) -> None:
    """A process with the engine's number that started at another time is not the engine."""
    run_id = bench.make()
    bench.launch(run_id, hold=[2, 3])
    run = bench.at(run_id, 2, 3)
    assert supervisor.reconcile(bench.store) == []
    identity = ProcessIdentity(run.pid or 0, run.pid_started or 0.0)
    assert is_alive(identity)
    os.kill(identity.pid, signal.SIGKILL)
    assert bench.gone()
    bench.store.execute("UPDATE runs SET pid = ?, heartbeat_at = 0 WHERE id = ?", (os.getpid(), run_id))
    assert supervisor.reconcile(bench.store) == [run_id]


@pytest.mark.parametrize("moment", [MIDDLE, *ENDS])
def test_a_killed_terminal_leaves_the_run_going(bench: Bench, undisturbed: Numbers, moment: tuple[int, int]) -> None:
    metrics, _ = undisturbed
    config = bench.home / "fake.toml"
    config.write_text('name = "from a file"\nseed = 3\niterations = 2\n')
    environment = {**os.environ, "SAPO_FAKE": json.dumps({"hold": moment})}
    follower = subprocess.Popen(
        [sys.executable, "-m", "sapo_studio.cli", "run", str(config), "--json"], stdout=subprocess.PIPE, env=environment
    )
    assert follower.stdout is not None
    run_id = str(json.loads(follower.stdout.readline())["run_id"])
    bench.at(run_id, *moment)
    follower.kill()
    follower.communicate()
    assert len(bench.processes()) == 2
    run = queries.get_run(bench.store, run_id)
    assert run.status is RunStatus.RUNNING
    # It still listens; stopped from here and taken up again it ends in the same numbers.
    supervisor.stop(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert bench.gone()
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics
