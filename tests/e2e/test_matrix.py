"""`sapo matrix` as a person uses it, over the fake worker: a queue that can be cut off anywhere and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from tests.fixtures.command_line import sapo

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def matrix_file(folder: Path, seeds: list[int]) -> Path:
    path = folder / "mine.toml"
    head = 'name = "mine"\npreset = "lab-smoke"\nmethods = ["sapo", "online-rft"]\n'
    path.write_text(f"{head}seeds = {seeds}\n[set]\niterations = 2\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four runs."""
    return matrix_file(tmp_path, [1, 2])


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Two runs."""
    return matrix_file(tmp_path, [1])


def begin(*arguments: str, **fake: Any) -> subprocess.Popen[str]:
    """Begun as a process of its own, that signals can be sent to."""
    command = [sys.executable, "-m", "sapo_studio.cli", "matrix", *arguments]
    environment = {**os.environ, "SAPO_FAKE": json.dumps(fake)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def whole(*arguments: str, **fake: Any) -> tuple[int, str, str]:
    """Called here: only the engines are processes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAPO_FAKE", json.dumps(fake))
        done = sapo("matrix", *arguments)
    return done.returncode, done.stdout, done.stderr


def test_all_runs_and_a_table(bench: Bench, short: Path) -> None:
    code, out, err = whole(str(short), "--dry-run")
    assert code == 0, err
    assert out.count("to be run") == 2
    code, out, err = whole(str(short), "--jobs", "2", "--json")
    assert code == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in told[:-1]].count("done") == 2
    assert told[-2]["finished"] == told[-2]["runs"] == 2
    assert [Path(one).name for one in told[-1]["files"]] == ["results.md", "results.json", "mine.svg"]
    names = {run.name for run in queries.list_runs(bench.store)}
    assert names == {"mine/sapo/1", "mine/online-rft/1"}
    table = short.with_suffix("") / "results.md"
    assert "| Online RFT | 1 |" in table.read_text()
    # Again: nothing is run.
    code, out, _ = whole(str(short))
    assert code == 0
    assert "running" not in out
    assert len(queries.list_runs(bench.store)) == 2


@pytest.mark.slow
def test_two_at_once_share_the_runs(bench: Bench, file: Path, tmp_path: Path) -> None:
    both = [begin(str(file), "--jobs", "2", "--json", "--out", str(tmp_path / name)) for name in ("one", "two")]
    for process in both:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert json.loads(out.splitlines()[-2])["finished"] == 4
    found = queries.list_runs(bench.store)
    assert [run.status for run in found] == [RunStatus.DONE] * 4
    assert len({run.name for run in found}) == 4
    texts = [(tmp_path / name / "results.md").read_text() for name in ("one", "two")]
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_cut_off_it_goes_on(bench: Bench, short: Path) -> None:
    process = begin(str(short), "--json", hold=[0, 1])
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["status"] == "running"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "goes on" in err
    (run,) = queries.list_runs(bench.store)
    bench.until(run.id, lambda run: run.status is RunStatus.STOPPED)
    code, _, err = whole(str(short), "--json")
    assert code == 0, err
    found = queries.list_runs(bench.store)
    assert len(found) == 2
    assert all(run.status is RunStatus.DONE for run in found)


@pytest.mark.slow
def test_runs_that_fail_are_named_and_the_others_are_tried(bench: Bench, short: Path) -> None:
    code, _, err = whole(str(short), "--json", fail=[1, 1])
    assert code == 1
    assert err.count("is not finished: see `sapo report mine-") == 2
    assert all(run.status is RunStatus.FAILED for run in queries.list_runs(bench.store))
    assert whole(str(short), "--json", fail=[1, 1], input=True)[0] == 2
    code, _, err = whole(str(short))
    assert code == 0, err
    assert len(queries.list_runs(bench.store)) == 2
