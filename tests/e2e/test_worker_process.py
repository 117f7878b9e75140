"""The parent's end of the pipe: nothing a worker prints can stall it, and its death is explained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sapo_engine.parent import exit_reasons as deaths
from sapo_engine.parent.worker_process import WorkerProcess
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import Verb
from sapo_studio.events import PROTOCOL, Event, decode
from sapo_studio.events.control import GoOn, LabelSettings, Order, Start
from sapo_studio.events.kinds import Finished, Hello, Paused, PhaseFinished

FAKE = Path(__file__).parents[1] / "fixtures" / "fake_worker.py"
Starter = Callable[..., WorkerProcess]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    workers: list[WorkerProcess] = []

    def begin(fake: str = "{}", command: list[str] | None = None) -> WorkerProcess:
        monkeypatch.setenv("SAPO_FAKE", fake)
        order = Start(config=RunConfig.model_validate({"iterations": 1}).model_dump(mode="json"), run_dir=str(tmp_path))
        worker = WorkerProcess(command or [sys.executable, str(FAKE)], order, tmp_path / "engine.log")
        workers.append(worker)
        return worker

    yield begin
    for worker in workers:
        worker.kill()
        worker.wait()
        worker.close()


def everything(worker: WorkerProcess, until: type[Event] | None = None) -> list[Event]:
    events: list[Event] = []
    while not worker.ended and not (until and any(isinstance(event, until) for event in events)):
        events += worker.collect(5.0)
    return events


def test_all_events_arrive_in_order(start: Starter) -> None:
    worker = start()
    events = everything(worker)
    assert worker.wait() == 0
    assert isinstance(events[0], Hello)
    assert events[-1] == Finished(complete=True)
    ordinals = [event.ordinal for event in events if isinstance(event, PhaseFinished)]
    assert ordinals == [0, 1, 2, 3, 4]


def test_the_worker_of_these_tests_writes_events_to_the_letter(tmp_path: Path) -> None:
    """It writes them without their models, which ignore what they do not know."""
    labeling = {"consensus": "dawid-skene"}
    config = {"seed": 1, "iterations": 2, "labeling": labeling, "early_stop": {"flat_iterations": 1}}
    lines = [Start(config=config, run_dir=str(tmp_path)), Order(verb=Verb.CHECKPOINT), LabelSettings(labeling=labeling)]
    command = [sys.executable, str(FAKE)]
    environment = os.environ | {"SAPO_FAKE": json.dumps({"fail": [7, 4], "rows": 2})}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for line in (*lines, GoOn(on=True)):
            worker.stdin.write(line.model_dump_json().encode() + b"\n")
        worker.stdin.flush()
        written = worker.stdout.readlines()
    told = [json.loads(line) for line in written]
    assert [json.loads(decode(line).model_dump_json(exclude_unset=True)) for line in written] == told
    assert {one["kind"] for one in told} == {
        *("hello", "plan", "phase_started", "phase_progress", "phase_finished", "compute", "metric", "iteration_ended"),
        *("questions", "trajectories", "scores", "log", "failed"),
    }
    assert [one["protocol"] for one in told if one["kind"] == "hello"] == [PROTOCOL]


def test_a_phase_that_ends_is_handed_out_at_once(start: Starter) -> None:
    worker = start('{"hold": [1, 0]}')
    events = everything(worker, PhaseFinished)
    assert isinstance(events[-1], PhaseFinished)
    assert events[-1].ordinal == 0


def test_floods_of_noise_stall_nothing_and_go_to_the_log(start: Starter, tmp_path: Path) -> None:
    worker = start('{"flood": 8}')
    events = everything(worker)
    assert worker.wait() == 0
    assert events[-1] == Finished(complete=True)
    assert not any(event.kind == "log" for event in events)
    assert (tmp_path / "engine.log").stat().st_size > 15 * 2**20


def test_orders_reach_the_worker(start: Starter) -> None:
    worker = start('{"pause_ms": 200}')
    worker.order(Verb.PAUSE)
    assert Paused(paused=True) in everything(worker, Paused)
    worker.order(Verb.RESUME)
    assert Paused(paused=False) in everything(worker, Paused)
    worker.order(Verb.STOP)
    events = everything(worker)
    assert events[-1] == Finished(complete=False)


def test_a_grandchild_that_keeps_the_pipe_open_does_not_keep_the_parent(start: Starter) -> None:
    child = "import signal; print('up', flush=True); signal.pause()"
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid)"
    worker = start(command=[sys.executable, "-c", code])
    while not worker.ended:
        assert worker.collect(0.1) == []
    assert worker.wait() == 0
    os.kill(next(int(line) for line in worker.log.read_text().split() if line.isdigit()), signal.SIGKILL)


def test_why_workers_die(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text("RuntimeError: DefaultCPUAllocator: can't allocate memory\nbye\n")
    assert "out of memory" in deaths.explain(1, log).what
    assert "can't allocate" in deaths.explain(1, log).why
    begins = log.stat().st_size  # what an earlier worker wrote is not this one's reason
    assert deaths.explain(1, log, offset=begins).what == "The engine worker ended with exit code 1"
    assert "SIGSEGV" in deaths.explain(-signal.SIGSEGV, log, offset=begins, oom_kills_before=10**9).what
    assert "SIGKILL" in deaths.explain(-signal.SIGKILL, log, offset=begins, oom_kills_before=10**9).what
    assert "out of memory" in deaths.explain(-signal.SIGKILL, log, offset=begins, oom_kills_before=-1).what
    assert deaths.tail(tmp_path / "none") == ""
