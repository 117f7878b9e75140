"""A disk that is really full, in the middle of a run: the run waits, says how much is missing, and goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from tests.fixtures.command_line import sapo
from tests.fixtures.small_disk import SmallDisk, can_mount

if TYPE_CHECKING:
    from conftest import Bench, WholeRun

pytestmark = pytest.mark.skipif(not can_mount(), reason="only root may mount a disk of its own")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk.mounted(tmp_path / "home", megabytes=32) as made:
        yield made


@pytest.fixture
def small(disk: SmallDisk, bench: Bench) -> Bench:
    """A bench whose data folder is all there is on its disk."""
    assert bench.home == disk.folder
    return bench


@pytest.fixture(scope="module")
def whole(whole_run: Callable[..., WholeRun]) -> WholeRun:
    """A run with so many rows on a disk with room."""
    return whole_run(rows=400)


def reach(small: Bench, run_id: str, ordinal: int) -> None:
    """Wait until a phase is under way. The worker writes rows in it and goes on."""
    small.until(run_id, lambda run: (run.phase_ordinal or 0) >= ordinal)


def waits(run: RunSummary) -> bool:
    return run.status is RunStatus.PAUSED and run.error is not None


FULL = [(0, True), *(pytest.param(*full, marks=pytest.mark.slow) for full in ((0, False), (300_000, True)))]


@pytest.mark.parametrize(("room", "says"), FULL)
def test_a_run_waits_for_room_and_goes_on(
    disk: SmallDisk, small: Bench, whole: WholeRun, room: int, says: bool
) -> None:
    run_id = small.make()
    small.launch(run_id, rows=400, pause_ms=100, says=says)
    reach(small, run_id, 2)
    disk.fill(but=room)
    run = small.until(run_id, waits)
    assert run.error is not None
    assert "full" in run.error.what
    missing = re.search(r"Free at least ([0-9.]+) MB", run.error.fix)
    assert missing is not None
    assert float(missing[1]) > 0
    assert run.error.fix in small.log(run_id)
    assert small.metrics(run_id).keys() < whole.metrics.keys()
    listed = sapo("runs")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "The disk is full: the run waits" in listed.stdout
    assert missing[1] in listed.stdout
    disk.make_room()
    ended = small.ended(run_id)
    assert ended.status is RunStatus.DONE, small.log(run_id)
    assert ended.error is None
    assert ended.restarts == 0, small.log(run_id)
    assert small.metrics(run_id) == whole.metrics
    assert small.rows(run_id) == whole.rows
    assert small.gone()
    assert "report it" not in small.log(run_id)
    assert "Traceback" not in (small.store.run_dir(run_id) / "parent.log").read_text()


@pytest.mark.slow
def test_a_run_that_waits_can_be_stopped_and_resumed(disk: SmallDisk, small: Bench, whole: WholeRun) -> None:
    run_id = small.make()
    small.launch(run_id, rows=400, pause_ms=100)
    reach(small, run_id, 2)
    disk.fill()
    small.until(run_id, waits)
    stopped = sapo("stop", run_id)
    assert stopped.returncode == 0, stopped.stderr
    assert small.ended(run_id).status is RunStatus.STOPPED
    assert small.gone()
    disk.make_room()
    assert small.run(run_id, rows=400).status is RunStatus.DONE
    assert small.metrics(run_id) == whole.metrics
    assert small.rows(run_id) == whole.rows


@pytest.mark.slow
def test_a_full_disk_again_and_again(disk: SmallDisk, small: Bench, whole: WholeRun) -> None:
    run_id = small.make()
    small.launch(run_id, rows=400, pause_ms=100)
    for ordinal in (2, 5):
        reach(small, run_id, ordinal)
        disk.fill()
        small.until(run_id, waits)
        disk.make_room()
    ended = small.ended(run_id)
    assert ended.status is RunStatus.DONE, small.log(run_id)
    assert ended.restarts == 0
    assert small.metrics(run_id) == whole.metrics
    assert small.rows(run_id) == whole.rows


@pytest.mark.slow
def test_a_full_disk_at_the_start_says_so(disk: SmallDisk, small: Bench) -> None:
    run_id = small.make()
    disk.fill()
    for arguments in (("resume", run_id), ("run", "lab-smoke")):
        refused = sapo(*arguments)
        assert refused.returncode == 1
        assert "full" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert small.gone(within=10.0)
    disk.make_room()
    assert small.run(run_id).status is RunStatus.DONE


@pytest.mark.slow
def test_a_killed_run_can_be_read_on_a_full_disk(disk: SmallDisk, small: Bench) -> None:
    run_id = small.make()
    small.launch(run_id, rows=400, hold=[2, 3])
    parent = small.at(run_id, 2, 3)
    disk.fill()
    os.kill(parent.pid or 0, 9)
    assert small.gone()
    small.store.close()
    disk.fill()
    for arguments in (("runs", "--json"), ("report", run_id, "--json")):
        told = sapo(*arguments)
        assert (told.returncode, told.stderr) == (0, "")
        assert run_id in told.stdout
    disk.make_room()
    small.store = Store.open()
    assert small.run(run_id, rows=400).status is RunStatus.DONE
    assert queries.get_run(small.store, run_id).error is None
