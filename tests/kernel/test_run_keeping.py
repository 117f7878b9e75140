"""Notes, tags, archive and bin: in the store, in lists, and as commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sapo_studio import supervisor
from sapo_studio.app.benchmarks.making import Choice, make_benchmark
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.scheduling import Need
from sapo_studio.errors import InputError
from sapo_studio.store import benchmarks, queries, run_keeping, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.run_filter import SORTS, RunFilter, sorted_runs
from tests.fixtures.command_line import answered as sapo
from tests.fixtures.command_line import said
from tests.fixtures.command_line import sapo as run_sapo
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process looks after the queue."""

    def asleep(store: Store) -> bool:
        return False

    monkeypatch.setattr(supervisor, "wake_queue", asleep)


def make(store: Store, name: str, status: RunStatus = RunStatus.STOPPED) -> str:
    run_id = runs.create_run(store, RunConfig(name=name))
    if status is not RunStatus.QUEUED:
        runs.set_status(store, run_id, RunStatus.RUNNING)
        runs.set_status(store, run_id, status)
    return run_id


def names(store: Store, **wanted: Any) -> list[str]:
    return [run.name for run in queries.list_runs(store) if RunFilter(**wanted).takes(run)]


def test_notes_and_tags_are_kept_and_found(store: Store):
    a, _ = make(store, "a"), make(store, "b")
    run_keeping.set_notes(store, a, "  eta too high\n")
    assert run_keeping.set_tags(store, a, [" paper ", "seed  3", "paper"]) == ("paper", "seed 3")
    run = queries.get_run(store, a)
    assert (run.notes, run.tags) == ("eta too high", ("paper", "seed 3"))
    assert names(store, text="ETA too") == ["a"]
    assert names(store, text="seed 3") == ["a"]
    assert names(store, tags=("paper",)) == ["a"]
    assert names(store, tags=("paper", "other")) == []
    for bad in ("", "a,b", "x" * 41, "a\x1b[31m", "\u200b", "a\u202eb", "a\udcff"):
        with pytest.raises(InputError):
            run_keeping.set_tags(store, a, [bad])
    with pytest.raises(InputError):
        run_keeping.set_tags(store, a, map(str, range(21)))
    with pytest.raises(InputError):
        run_keeping.set_notes(store, a, "x" * 20_001)
    run_keeping.set_notes(store, a, "half a \ud83d sign\nand more")
    assert queries.get_run(store, a).notes == "half a ? sign\nand more"
    store.execute("UPDATE runs SET tags = '{', notes = ''")
    assert queries.get_run(store, a).tags == ()  # damaged: the run is still there


def test_the_archive_and_the_bin_take_a_run_out_of_the_list(store: Store):
    a, b, c = (make(store, name) for name in "abc")
    run_keeping.archive(store, a)
    run_keeping.put_in_bin(store, b)
    assert names(store) == ["c"]
    assert names(store, archived=True) == ["a"]
    assert queries.find_run(store, "last") == c
    run_keeping.put_in_bin(store, c)
    assert queries.find_run(store, "last") == a
    assert queries.find_run(store, b) == b
    with pytest.raises(InputError, match="b is in the bin"):
        queries.find_run(store, "b")
    run_keeping.archive(store, a, archived=False)
    run_keeping.take_from_bin(store, b)
    assert names(store) == ["b", "a"]
    with pytest.raises(InputError, match="not in the bin"):
        run_keeping.take_from_bin(store, b)


def test_what_runs_or_waits_is_not_thrown_away(store: Store):
    running = runs.create_run(store, RunConfig(name="r"))
    runs.set_status(store, running, RunStatus.RUNNING)
    waiting = make(store, "w", RunStatus.QUEUED)
    run_queue.add(store, waiting, Need(cores=1))
    for run_id, why in ((running, "running"), (waiting, "waits in the queue")):
        for act in (run_keeping.put_in_bin, run_keeping.archive):
            with pytest.raises(InputError) as refused:
                act(store, run_id)
            assert why in refused.value.why
    binned = make(store, "b")
    run_keeping.put_in_bin(store, binned)
    with pytest.raises(InputError, match="in the bin"):
        supervisor.launch(store, binned)
    with pytest.raises(InputError, match="in the bin"):
        run_queue.add(store, binned, Need(cores=1))


def test_emptying_the_bin_frees_what_it_says(store: Store):
    kept, gone = make(store, "kept"), make(store, "gone")
    folder = store.run_dir(gone)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "model").write_bytes(b"x" * 5000)
    (folder / "deep" / "again").hardlink_to(folder / "deep" / "model")  # one file by two names
    (folder / "log").write_bytes(b"x" * 100)
    run_keeping.put_in_bin(store, gone)
    assert [(one.run_id, one.bytes) for one in run_keeping.bin_contents(store)] == [(gone, 5100)]
    assert [one.run_id for one in run_keeping.empty_bin(store)] == [gone]
    assert run_keeping.bin_contents(store) == []
    assert [run.id for run in queries.list_runs(store)] == [kept]
    assert not folder.exists()


def test_every_order_keeps_all_runs(store: Store):
    for name in ("b", "A", "c"):
        make(store, name)
    found = queries.list_runs(store)
    orders = {by: [run.name for run in sorted_runs(found, by)] for by in SORTS}
    assert orders["newest"] == ["c", "A", "b"]
    assert orders["name"] == ["A", "b", "c"]
    assert all(sorted(names) == ["A", "b", "c"] for names in orders.values())


def test_commands(store: Store):
    make(store, "one")
    two = make(store, "two")
    assert sapo("note", "last", "first try")[1] == [{"run_id": two, "notes": "first try"}]
    assert sapo("note", "last", "--clear")[1] == [{"run_id": two, "notes": ""}]
    assert sapo("note", "last", "x", "--clear")[0] == 2
    assert sapo("tag", "two", "paper", "b")[1] == [{"run_id": two, "tags": ["paper", "b"]}]
    assert sapo("tag", "two", "b", "--remove")[1] == [{"run_id": two, "tags": ["paper"]}]
    assert [line["run_id"] for line in sapo("runs", "--tag", "paper")[1]] == [two]
    assert sapo("archive", "two")[0] == 0
    assert [line["name"] for line in sapo("runs")[1]] == ["one"]
    assert [line["name"] for line in sapo("runs", "--archived")[1]] == ["two"]
    assert sapo("archive", "two", "--undo")[0] == 0
    assert [line["name"] for line in sapo("runs", "--sort", "name", "--status", "stopped")[1]] == ["one", "two"]
    assert sapo("bin", "put", "two")[1] == [{"run_id": two, "state": "in the bin"}]
    assert sapo("bin", "list")[1][0]["run_id"] == two
    code, _, told = sapo("bin", "restore", "two")
    assert (code, json.loads(told)["fix"]) == (2, f"Name it by its id, {two}: sapo bin restore {two}")
    assert sapo("bin", "restore", two)[0] == 0
    assert sapo("bin", "put", two)[0] == 0
    told = said("bin", "list")[1]
    assert "of files" in told
    assert "the file does not get smaller" in told
    assert sapo("bin", "empty", "--yes")[1] == [{"deleted": [two], "bytes": 0}]
    assert [line["name"] for line in sapo("runs")[1]] == ["one"]


@pytest.mark.parametrize("command", [("delete", "one"), ("bin", "empty"), ("benchmark", "delete", "mine@1")])
@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "none"])
def test_who_says_no_has_given_nothing_wrong(store: Store, command: tuple[str, ...], answer: str):
    """Exit code 1, as where the question is broken off; 2 is for what cannot be used."""
    run_id = synthetic_run(store, name="one", trajectories=30, questions=8, iterations=1)
    made = make_benchmark(store, "mine", [run_id], Choice(labels="oracle", size=10)).benchmark
    benchmarks.freeze_benchmark(store, made)
    if command[0] == "bin":
        run_keeping.put_in_bin(store, run_id)
    done = run_sapo(*command, given=answer)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert queries.get_run(store, run_id).name == "one"
    assert [one.title for one in benchmarks.list_benchmarks(store)] == ["mine@1"]
