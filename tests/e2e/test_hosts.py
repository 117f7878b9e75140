"""A run on two machines without a cluster, started by ssh or by hand. Both are this one, by two of its names."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sapo_studio import supervisor
from sapo_studio.config.machines import commands_by_hand
from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from tests.fixtures.two_processes import SECONDS, Outcome, make, outcome

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="the second machine is another address of the loopback"),
]

SSH = Path(__file__).parents[1] / "fixtures" / "ssh_here.py"


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """A bench with real workers, and an ssh that leads to this machine."""
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {SSH} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SSH_NOTES", str(tmp_path / "notes"))
    bench.seconds = SECONDS
    return bench


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_two_machines_come_to_what_one_does(lab: Bench, in_two_processes: Outcome, tmp_path: Path) -> None:
    """By ssh, with a worker killed on the second machine in training; then by hand."""
    by_ssh = make(lab, launcher="ssh", hosts=f"127.0.0.1:{port()},me@127.0.0.2")
    supervisor.launch(lab.store, by_ssh)
    there = lab.store.run_dir(by_ssh) / "artefacts"
    parent = lab.until(by_ssh, lambda _: any(there.glob("*-sft-0.shards/training.safetensors"))).pid
    family = psutil.Process(parent).children(recursive=True)
    (second,) = (one for one in family if one.environ().get("RANK") == "1")
    second.send_signal(signal.SIGKILL)
    assert outcome(lab, by_ssh) == in_two_processes
    assert queries.get_run(lab.store, by_ssh).restarts == 1
    assert "Engine worker 2 of 2 (rank 1) was killed by SIGKILL" in lab.log(by_ssh), lab.log(by_ssh)
    assert (tmp_path / "notes").read_text().split() == ["me@127.0.0.2", "me@127.0.0.2"]

    by_hand = make(lab, launcher="hand", hosts=f"127.0.0.1:{port()},127.0.0.2")
    ((_, command),) = commands_by_hand(queries.get_config(lab.store, by_hand).runtime)
    supervisor.launch(lab.store, by_hand)
    mine = subprocess.Popen([sys.executable, *command[1:]])
    assert outcome(lab, by_hand) == in_two_processes
    assert mine.wait(60) == 0
    assert lab.gone()


def test_a_machine_that_ssh_does_not_reach(lab: Bench) -> None:
    run_id = make(lab, launcher="ssh", hosts=f"127.0.0.1:{port()},unreachable", max_restarts=0)
    supervisor.launch(lab.store, run_id)
    ended = lab.ended(run_id)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.what == "The workers on unreachable have ended"
    assert "ssh could not reach it" in ended.error.why
    assert lab.gone()


def test_the_command_for_each_other_machine() -> None:
    runtime = RuntimeConfig(launcher="hand", hosts="a:5000,b,c", processes=6, device="cuda", threads=2)
    commands = commands_by_hand(runtime)
    assert [host for host, _ in commands] == ["b", "c"]
    alike = ["--processes=6", "--threads=2", "--device=cuda", "--hosts=a,b,c", "--port=5000"]
    assert commands[1][1] == ["python3", "-P", "-m", "sapo_engine.worker.launch", *alike, "--machine=2"]
    assert commands_by_hand(RuntimeConfig(launcher="ssh", hosts="a,b", processes=2)) == []
