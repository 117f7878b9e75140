"""Waiting for room, by made-up answers of the disk: a quota, a disk that fills up again, one that is read-only."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from sapo_engine.parent import store_wait
from sapo_engine.parent.store_wait import LEAST_ROOM, StopWhileWaiting, StoreWait
from sapo_studio import paths
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import EngineError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import FaultKind, StoreFault
from tests.fixtures.synthetic import synthetic_queued

MEGABYTE = 2**20


class Disk:
    """What the system says of it. `free` None: nothing; `refuses`: the number of the error that a small file meets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: int | None = 100 * MEGABYTE
        self.refuses = 0
        self.looks = 0
        self.then: Callable[[int], object] = lambda _: None
        monkeypatch.setattr(store_wait, "free_bytes", lambda _: self.free)
        monkeypatch.setattr(store_wait, "refused_by_disk", lambda _: self.refuses)
        monkeypatch.setattr(store_wait, "LOOK_SECONDS", 0.001)
        monkeypatch.setattr(store_wait, "LONGEST_PAUSE", 0.01)


class Engine:
    """The parent, as far as waiting concerns it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.held: list[bool] = []
        self.stop = False
        self.paused = False
        self.beats = 0

    def stop_wanted(self) -> bool:
        return self.stop

    def hold(self, wait: bool) -> None:
        self.held.append(wait)

    def still_there(self) -> None:
        self.beats += 1
        self.disk.then(self.beats)


class Scene:
    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.run_id = synthetic_queued(store)
        runs.set_status(store, self.run_id, RunStatus.RUNNING)
        self.folder = store.run_dir(self.run_id)
        self.folder.mkdir(parents=True)
        self.disk = Disk(monkeypatch)
        self.engine = Engine(self.disk)
        self.wait = StoreWait(store, self.run_id, self.engine)

    def run(self):
        return queries.get_run(self.store, self.run_id)

    def log(self) -> list[str]:
        return [line.message for line in queries.log(self.store, self.run_id)]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    with Store.open() as store:
        yield Scene(store, monkeypatch)


class Refusing:
    """A write that the store refuses so many times."""

    def __init__(self, times: int, kind: FaultKind = "full") -> None:
        self.left, self.tries, self.kind = times, 0, kind

    def __call__(self) -> str:
        self.tries += 1
        if self.left:
            self.left -= 1
            raise StoreFault(self.kind, "It is refused")
        return "written"


def test_what_works_at_once_tells_nothing(scene: Scene):
    assert scene.wait.do(lambda: 7) == 7
    assert (scene.log(), scene.engine.held, scene.run().status) == ([], [], RunStatus.RUNNING)


def test_it_waits_until_there_is_room(scene: Scene):
    scene.disk.free = MEGABYTE // 2
    write = Refusing(1)
    seen: list[tuple[RunStatus, str]] = []

    def then(beats: int) -> None:
        assert write.tries == 1, "nothing is tried while there is no room"
        if beats == 5:
            run = scene.run()
            assert run.error is not None
            seen.append((run.status, run.error.fix))
            scene.disk.free = 50 * MEGABYTE

    scene.disk.then = then
    assert scene.wait.do(write, lambda: MEGABYTE) == "written"
    ((status, fix),) = seen
    need = LEAST_ROOM + 4 * MEGABYTE
    assert status is RunStatus.PAUSED
    assert f"{(need - MEGABYTE // 2) / MEGABYTE:.1f} MB" in fix
    assert scene.engine.held == [True, False]
    assert (scene.run().status, scene.run().error) == (RunStatus.RUNNING, None)
    assert len(scene.log()) == 2
    assert scene.wait.times == 1


def test_a_quota_is_tried_again_though_the_disk_has_room(scene: Scene):
    write = Refusing(4)
    scene.disk.then = lambda beats: beats < 1000 or pytest.fail("it is never tried again")
    assert scene.wait.do(write) == "written"
    assert write.tries == 5
    assert scene.engine.held == [True, False], "one wait, however often it is tried"
    assert "quota" in scene.log()[0]
    assert len(scene.log()) == 2


def test_a_read_only_disk_is_waited_for(scene: Scene):
    assert scene.wait.do(Refusing(3, "read-only")) == "written"
    assert "read-only" in scene.log()[0]
    assert scene.run().status is RunStatus.RUNNING


def test_a_locked_store_is_tried_again_for_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    assert scene.wait.do(Refusing(20, "locked")) == "written"
    assert scene.engine.held == []
    monkeypatch.setattr(store_wait, "LOCKED_SECONDS", 0.0)
    with pytest.raises(StoreFault, match="refused"):
        scene.wait.do(Refusing(1, "locked"))


@pytest.mark.parametrize("kind", ["gone", "replaced", "damaged", "row", "other"])
def test_what_waiting_does_not_help_is_told_at_once(scene: Scene, kind: FaultKind):
    with pytest.raises(StoreFault):
        scene.wait.do(Refusing(1, kind))
    with pytest.raises(EngineError):
        scene.wait.do(lambda: (_ for _ in ()).throw(EngineError("another")))
    assert scene.engine.held == []


def test_a_stop_ends_the_waiting(scene: Scene):
    scene.disk.free = 0

    def then(beats: int) -> None:
        scene.engine.stop = beats == 3

    scene.disk.then = then
    with pytest.raises(StopWhileWaiting):
        scene.wait.do(Refusing(1))


def test_a_run_that_was_paused_stays_paused(scene: Scene):
    scene.engine.paused = True
    runs.set_status(scene.store, scene.run_id, RunStatus.PAUSED)
    assert scene.wait.do(Refusing(1)) == "written"
    assert (scene.run().status, scene.run().error) == (RunStatus.PAUSED, None)


def test_what_cannot_be_said_does_not_end_the_waiting(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """Not even the note that the run waits fits, until there is room again."""
    scene.disk.free = 0
    real = runs.set_status

    def set_status(*arguments: object) -> None:
        if scene.disk.free == 0:
            raise StoreFault("full", "Full")
        real(*arguments)

    monkeypatch.setattr(runs, "set_status", set_status)

    def then(beats: int) -> None:
        if beats == 4:
            scene.disk.free = 90 * MEGABYTE

    scene.disk.then = then
    assert scene.wait.do(Refusing(2)) == "written"
    assert scene.run().status is RunStatus.RUNNING


SAID = [
    "OSError: [Errno 28] No space left on device: '/x/shard.part'",
    "SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)",
    "OSError [Errno 122] Disk quota exceeded",
    "RuntimeError: PytorchStreamWriter failed writing file data/0: file write failed",
]


@pytest.mark.parametrize("said", SAID)
def test_a_worker_that_found_no_room_is_waited_for(scene: Scene, said: str):
    artefacts = scene.folder / "artefacts"
    (artefacts / "001-sft-0" / "deep").mkdir(parents=True)
    (artefacts / "001-sft-0" / "deep" / "model.safetensors").write_bytes(b"x" * 3 * MEGABYTE)
    (artefacts / "002-sample-1.part").mkdir()
    (artefacts / "002-sample-1.part" / "half").write_bytes(b"x" * 100)
    scene.disk.free = 4 * MEGABYTE  # not full, but too little for another one
    seen: list[str] = []

    def then(beats: int) -> None:
        if beats == 3:
            seen.extend(scene.log())
            scene.disk.free = 6 * MEGABYTE

    scene.disk.then = then
    assert scene.wait.for_worker(said, times=0, silent=False)
    assert "Free at least 1.0 MB" in seen[0]
    assert not (artefacts / "002-sample-1.part").exists()
    assert (artefacts / "001-sft-0" / "deep" / "model.safetensors").exists()
    assert scene.run().status is RunStatus.RUNNING


@pytest.mark.parametrize("silent", [True, False])
def test_a_worker_that_died_of_something_else_is_not(scene: Scene, silent: bool):
    scene.disk.free = MEGABYTE  # little, but it is not what ended the worker
    assert not scene.wait.for_worker("The task has no questions. The file is empty.", times=0, silent=silent)
    assert scene.engine.held == []


def test_no_room_elsewhere_is_not_this_disk(scene: Scene):
    assert not scene.wait.for_worker(SAID[0], times=0, silent=False), "a folder for temporary files may be full"
    assert scene.engine.held == []


def test_a_worker_that_died_without_a_word_on_a_full_disk(scene: Scene):
    scene.disk.refuses = errno.ENOSPC

    def then(beats: int) -> None:
        if beats == 3:
            scene.disk.refuses = 0

    scene.disk.then = then
    assert scene.wait.for_worker("", times=0, silent=True)
    assert scene.engine.held == [True, False]


def test_a_worker_that_died_while_the_store_waited(scene: Scene):
    scene.wait.do(Refusing(1))
    assert scene.wait.for_worker("", times=0, silent=True)
    assert not scene.wait.for_worker("", times=1, silent=True), "it has been started again since"


def test_a_stop_while_a_worker_is_waited_for(scene: Scene):
    scene.disk.refuses = errno.EDQUOT
    scene.engine.stop = True
    with pytest.raises(StopWhileWaiting):
        scene.wait.for_worker(SAID[2], times=0, silent=False)
