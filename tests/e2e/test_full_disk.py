"""A disk that is really full, in the middle of a run: the run waits, says how much is missing, and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sapo_studio import supervisor
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from tests.fixtures.small_disk import SmallDisk, can_mount

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(not can_mount(), reason="only root may mount a disk of its own")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk.mounted(tmp_path / "home", megabytes=24) as made:
        yield made


@pytest.fixture
def small(disk: SmallDisk, bench: Bench) -> Bench:
    """A bench whose data folder is all there is on its disk."""
    return bench


def waits(run: Any) -> bool:
    return run.status is RunStatus.PAUSED and run.error is not None


def sapo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sapo_studio.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


def test_a_run_waits_for_room_and_goes_on(disk: SmallDisk, small: Bench) -> None:
    whole = small.make()
    assert small.run(whole, rows=100).status is RunStatus.DONE
    run_id = small.make()
    small.launch(run_id, rows=100, pause_ms=100)
    small.at(run_id, 2, 1)
    disk.fill()
    run = small.until(run_id, waits)
    print(run.error, small.log(run_id), disk.free(), list((n.name, n.stat().st_size) for n in disk.folder.iterdir()))
    print(sapo("runs"))
    disk.make_room()
    print(small.ended(run_id), small.log(run_id))
    assert small.metrics(run_id) == small.metrics(whole)
    assert small.rows(run_id) == small.rows(whole)
    assert 0
