"""The queue of runs with real processes: one keeper, each run started once, whatever is killed when."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sapo_studio import supervisor
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.scheduling import Need
from sapo_studio.processes import is_alive
from sapo_studio.store import queries, run_queue
from tests.fixtures.racers import keep, race

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

SMALL = Need(main_memory=2**20, cores=1, seconds=1.0)
WHOLE = Need(main_memory=2**20, cores=10_000, seconds=1.0)  # all cores: one at a time
SECONDS = 60.0


def until(wanted: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not wanted():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def put(bench: Bench, *needs: Need) -> list[str]:
    made = [bench.make() for _ in needs]
    for run_id, need in zip(made, needs, strict=True):
        run_queue.add(bench.store, run_id, need, by="test")
    return made


def empty(bench: Bench) -> Callable[[], bool]:
    return lambda: not supervisor.reconcile(bench.store) and not run_queue.list_queue(bench.store)


def keeper(bench: Bench) -> psutil.Process:
    until(lambda: supervisor.queue_process(bench.store) is not None, "no keeper")
    identity = supervisor.queue_process(bench.store)
    assert identity is not None
    return psutil.Process(identity.pid)


def test_runs_go_one_after_the_other_and_the_keeper_ends(bench: Bench) -> None:
    ids = put(bench, WHOLE, WHOLE)
    assert supervisor.wake_queue(bench.store)
    process = keeper(bench)
    until(empty(bench), "the queue does not empty")
    found = [queries.get_run(bench.store, run_id) for run_id in ids]
    assert [run.status for run in found] == [RunStatus.DONE] * 2
    before, after = found
    assert before.finished_at is not None
    assert after.started_at is not None
    assert before.finished_at <= after.started_at
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the keeper stays")
    assert supervisor.queue_process(bench.store) is None
    assert bench.gone(5.0)


@pytest.mark.slow
def test_of_two_keepers_one_works(bench: Bench) -> None:
    ids = put(bench, SMALL, SMALL)
    told = race(keep, bench.store.path, ids[:1])
    assert sorted(map(bool, told[0])) in ([False, True], [True, True])  # the second may come when the first is through
    until(empty(bench), "the queue does not empty")
    for run_id in ids:
        run = queries.get_run(bench.store, run_id)
        assert (run.status, run.restarts) == (RunStatus.DONE, 0)
        assert (bench.store.run_dir(run_id) / "parent.log").read_text(encoding="utf-8") == ""  # no second was refused


MOMENTS = [(0.35, 0.35, 0.35), (0.0, 0.1, 0.2, 0.5), (0.7, 0.9, 1.2), (1.6, 2.0), (2.6,)]
"""When one keeper after the other is killed. Early moments lie together: there is work left for all of them."""


@pytest.mark.slow
@pytest.mark.parametrize("moments", MOMENTS, ids=str)
def test_a_killed_keeper_is_replaced_and_nothing_starts_twice(
    bench: Bench, undisturbed: tuple[object, object], moments: tuple[float, ...]
) -> None:
    """Killed so long after it was started: before it has the queue, between two starts, while a run goes on."""
    metrics, rows = undisturbed
    ids = put(bench, WHOLE, WHOLE)
    killed = 0
    for seconds in moments:
        supervisor.wake_queue(bench.store)
        until(lambda: supervisor.queue_process(bench.store) or not run_queue.has_work(bench.store), "no keeper")
        identity = supervisor.queue_process(bench.store)
        if identity is None:
            break  # a machine on which all is done sooner
        time.sleep(seconds)  # the moment is what is being tried, not waited for
        with suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGKILL)
            killed += 1
        until(lambda identity=identity: not is_alive(identity), "a killed keeper lives")
    assert killed
    until(empty(bench), "the queue does not empty")
    for run_id in ids:
        assert queries.get_run(bench.store, run_id).status is RunStatus.DONE
        assert queries.get_run(bench.store, run_id).restarts == 0
        assert bench.metrics(run_id) == metrics
        assert bench.rows(run_id) == rows
    assert bench.gone(5.0)


@pytest.mark.slow
def test_after_a_reboot_what_was_running_goes_on_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAPO_FAKE", '{"hold": [2, 3]}')
    first, second = put(bench, WHOLE, WHOLE)
    supervisor.wake_queue(bench.store)
    parent = bench.at(first, 2, 3).pid
    # All at once, as when the machine goes down.
    process = keeper(bench)
    for pid in (process.pid, parent):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert bench.dead(process)
    assert bench.gone()
    assert not queries.get_run(bench.store, first).status.resumable  # nobody has looked yet
    monkeypatch.setenv("SAPO_FAKE", "{}")
    supervisor.reconcile(bench.store)  # somebody looks: a window, a command
    until(empty(bench), "the queue does not empty")
    one, two = queries.get_run(bench.store, first), queries.get_run(bench.store, second)
    assert (one.status, two.status) == (RunStatus.DONE, RunStatus.DONE)
    assert one.finished_at is not None
    assert two.started_at is not None
    assert one.finished_at <= two.started_at


PRETENDED = """
from tests.fixtures.two_cards import TwoCards
_made = TwoCards()
NVMLError = TwoCards.NVMLError
NVML_TEMPERATURE_GPU = 0
def __getattr__(name):
    return getattr(_made, name)
"""


@pytest.mark.slow
def test_two_cards_work_side_by_side_and_engines_see_one_each(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pynvml.py").write_text(PRETENDED, encoding="utf-8")
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(root), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("SAPO_FAKE", '{"hold": [2, 3]}')
    need = Need(1, 20 * 2**30, 0.0, 2**20, 0, frozenset(), 60.0)
    ids = put(bench, need, need, need)
    supervisor.wake_queue(bench.store)
    for run_id in ids[:2]:
        bench.at(run_id, 2, 3)
    seen = [bench.worker(run_id).environ()["CUDA_VISIBLE_DEVICES"] for run_id in ids[:2]]
    assert sorted(seen) == ["GPU-0", "GPU-1"]
    until(lambda: run_queue.get(bench.store, ids[2]).waits_for != "", "no reason is given")
    why = run_queue.get(bench.store, ids[2]).waits_for  # the card that is free first, by what runs there
    assert re.fullmatch(r"waits for 16 GB on card [01], where fake works", why)
    supervisor.stop(bench.store, ids[0])
    bench.ended(ids[0])
    bench.at(ids[2], 2, 3)
    assert bench.worker(ids[2]).environ()["CUDA_VISIBLE_DEVICES"] == seen[0]


@pytest.mark.slow
def test_a_run_that_fails_keeps_nobody_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAPO_FAKE", '{"fail": [1, 0]}')
    ids = put(bench, WHOLE, WHOLE)
    supervisor.wake_queue(bench.store)
    until(empty(bench), "the queue does not empty")
    assert [queries.get_run(bench.store, run_id).status for run_id in ids] == [RunStatus.FAILED] * 2
