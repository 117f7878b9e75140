"""A data folder of its own for every test, and engines in it that run the fake worker."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from sapo_studio import paths, supervisor
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import SapoError
from sapo_studio.processes import is_running
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from tests.fixtures import two_processes
from tests.fixtures.once import made_once

FAKE_WORKER = Path(__file__).parents[1] / "fixtures" / "fake_worker.py"
ENDED = (RunStatus.DONE, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED)
SECONDS = 25.0
GONE_SECONDS = 20.0


@pytest.fixture(scope="session", autouse=True)
def _children_hear_ctrl_c() -> Iterator[None]:
    """A shell that starts pytest in the background has it ignore SIGINT, and so would all that it starts. A handler of
    ours is not inherited: children begin with the system's."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Bench:
    """One data folder, its store, and what a test wants to do with engines in it."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.store = Store.open(home / "studio.db")
        self.seconds = SECONDS
        self._monkeypatch = monkeypatch
        self._seen: set[psutil.Process] = set()

    def make(self, **runtime: Any) -> str:
        config = RunConfig.model_validate({"name": "fake", "seed": 3, "iterations": 2, "runtime": runtime})
        return runs.create_run(self.store, config)

    def launch(self, run_id: str, **fake: Any) -> None:
        """Start an engine whose worker misbehaves as `fake` says."""
        self._monkeypatch.setenv("SAPO_FAKE", json.dumps(fake))
        supervisor.launch(self.store, run_id)
        self._remember(queries.get_run(self.store, run_id).pid)

    def run(self, run_id: str, **fake: Any) -> RunSummary:
        self.launch(run_id, **fake)
        return self.ended(run_id)

    def until(self, run_id: str, wanted: Callable[[RunSummary], bool]) -> RunSummary:
        found = supervisor.wait_until(self.store, run_id, wanted, timeout=self.seconds)
        log = [line.message for line in queries.log(self.store, run_id)]
        assert found is not None, (queries.get_run(self.store, run_id), log)
        self._remember(found.pid)
        return found

    def at(self, run_id: str, ordinal: int, step: int) -> RunSummary:
        """Wait until everything before that moment is committed."""

        def there(run: RunSummary) -> bool:
            return any(
                phase.ordinal == ordinal and phase.status == "running" and phase.done == step
                for phase in queries.phases(self.store, run.id)
            )

        return self.until(run_id, there)

    def ended(self, run_id: str) -> RunSummary:
        """Wait until the run has ended (not as it stood before it was launched again)."""
        return self.until(run_id, lambda run: run.status in ENDED and not supervisor.engine_alive(self.store, run_id))

    def metrics(self, run_id: str) -> dict[tuple[int, str], float]:
        found = queries.metrics(self.store, run_id)
        return {(iteration, name): value.value for iteration, values in found.items() for name, value in values.items()}

    def rows(self, run_id: str) -> set[tuple[Any, ...]]:
        """Every trajectory with its scores, by numbers that do not depend on the run."""
        return set(
            self.store.rows(
                "SELECT t.id & 0xffffffff, t.question_id & 0xffffffff, t.steps, hex(s.scores) FROM trajectories t"
                " JOIN scores s ON s.trajectory_id = t.id WHERE t.run_id = ?",
                (run_id,),
            )
        )

    def log(self, run_id: str) -> str:
        return "\n".join(line.message for line in queries.log(self.store, run_id))

    def processes(self) -> list[psutil.Process]:
        """Everything that was started with this data folder and still lives."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get(paths.HOME_VARIABLE) == str(self.home)
                if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        self._seen.update(found)
        return found

    def _remember(self, pid: int | None) -> None:
        if pid is not None and pid != os.getpid():
            with suppress(psutil.NoSuchProcess):
                self._seen.add(psutil.Process(pid))

    def worker(self, run_id: str) -> psutil.Process:
        parent = queries.get_run(self.store, run_id).pid
        (worker,) = (child for child in psutil.Process(parent).children() if str(FAKE_WORKER) in child.cmdline())
        return worker

    def gone(self, within: float = GONE_SECONDS) -> bool:
        """Whether no process is left after `within` seconds. One that is dying shows no environment any more, and is
        still there for whoever looks by its number: those that were seen before are waited for by theirs."""
        return self.comes_true(lambda: not self.processes() and not any(map(self._lives, self._seen)), within)

    @staticmethod
    def _lives(process: psutil.Process) -> bool:
        return process.is_running() and is_running(process.pid)

    def dead(self, process: psutil.Process, within: float = GONE_SECONDS) -> bool:
        """Whether `process` has ended after `within` seconds. One that is dying shows no environment any more, so that
        `gone` may have missed it."""
        return self.comes_true(lambda: not is_running(process.pid), within)

    @staticmethod
    def comes_true(wanted: Callable[[], bool], within: float = SECONDS) -> bool:
        """Whether it is so after `within` seconds at the latest."""
        deadline = time.monotonic() + within
        while not wanted():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def clear(self) -> None:
        for run in queries.list_runs(self.store):
            try:
                supervisor.kill(self.store, run.id)
            except SapoError:
                continue  # no engine works on it
        for process in self.processes():
            process.kill()
        self.store.close()


def _bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(home))
    monkeypatch.setenv("SAPO_ENGINE_WORKER", f"{sys.executable} {FAKE_WORKER}")
    monkeypatch.setenv("SAPO_FAKE", "{}")
    return Bench(home, monkeypatch)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = _bench(tmp_path / "home", monkeypatch)
    yield made
    made.clear()


@dataclass(frozen=True)
class WholeRun:
    """A run of `Bench.make` where nothing came between, the only one in its data folder: to be held against others, or
    to be copied, never to be changed."""

    home: Path
    run_id: str
    metrics: dict[tuple[int, str], float]
    rows: set[tuple[Any, ...]]


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., WholeRun]:
    """`whole_run(rows=400)`: such a run whose worker was told so. Each is made once."""

    @functools.cache
    def made(**fake: Any) -> WholeRun:
        with pytest.MonkeyPatch.context() as patch:
            bench = _bench(tmp_path_factory.mktemp("whole") / "home", patch)
            run_id = bench.make()
            assert bench.run(run_id, **fake).status is RunStatus.DONE
            assert bench.gone()
            found = WholeRun(bench.home, run_id, bench.metrics(run_id), bench.rows(run_id))
            bench.clear()
        assert found.metrics
        assert found.rows
        return found

    return made


@pytest.fixture(scope="session")
def undisturbed(whole_run: Callable[..., WholeRun]) -> tuple[Any, Any]:
    """Metrics and rows that a run of `Bench.make` ends with where nothing comes between."""
    return whole_run().metrics, whole_run().rows


@pytest.fixture(scope="session")
def in_two_processes(tmp_path_factory: pytest.TempPathFactory) -> two_processes.Outcome:
    """What `two_processes.make` comes to in two processes of this machine where nothing comes between."""

    def run(file: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            bench = _bench(tmp_path_factory.mktemp("two processes") / "home", patch)
            patch.delenv("SAPO_ENGINE_WORKER")
            bench.seconds = two_processes.SECONDS
            run_id = two_processes.make(bench)
            supervisor.launch(bench.store, run_id)
            file.write_bytes(pickle.dumps(two_processes.outcome(bench, run_id)))
            bench.clear()

    return pickle.loads(made_once(tmp_path_factory, "in-two-processes", run).read_bytes())


@pytest.fixture
def used_bench(
    whole_run: Callable[..., WholeRun], request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Bench, str]]:
    """A bench in whose data folder a run has been through, and its id. The parameter: what its worker was told."""
    whole = whole_run(**getattr(request, "param", {}))
    shutil.copytree(whole.home, tmp_path / "home")
    made = _bench(tmp_path / "home", monkeypatch)
    yield made, whole.run_id
    made.clear()
