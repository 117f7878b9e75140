"""`sapo run`, `resume`, `stop`, `pause`, `follow` as a person or a script uses them, over the fake worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from sapo_studio.app.commands.live_view import LiveView, duration
from sapo_studio.app.commands.run_view import RunSnapshot
from sapo_studio.config.overrides import configure, override
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from tests.fixtures import command_line
from tests.fixtures.odd_models import write_folder

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text("seed = 3\niterations = 2\n")
    return str(path)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sapo_studio.cli", *arguments]


def sapo(*arguments: str, **fake: Any) -> subprocess.CompletedProcess[str]:
    """Called here: only the engine is a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAPO_FAKE", json.dumps(fake))
        return command_line.sapo(*arguments)


def begin(*arguments: str, **fake: Any) -> subprocess.Popen[str]:
    """Begun as a process of its own, that signals can be sent to."""
    environment = {**os.environ, "SAPO_FAKE": json.dumps(fake)}
    return subprocess.Popen(
        command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_in_lines(bench: Bench, file: str) -> None:
    done = sapo("run", file, "--seed", "5", "--set", "runtime.max_restarts=0")
    assert done.returncode == 0, done.stderr
    told = lines(done.stdout)  # without a terminal they are the default
    run_id = told[0]["run_id"]
    assert told[-1] == {"kind": "run_finished", "run_id": run_id, "status": "done"}
    assert [line["ordinal"] for line in told if line["kind"] == "phase" and line["status"] == "done"] == list(range(8))
    metrics = {(line["iteration"], line["name"]): line["value"] for line in told if line["kind"] == "metric"}
    assert metrics == bench.metrics(run_id)
    assert len(metrics) == 6
    config = queries.get_config(bench.store, run_id)
    assert (config.name, config.seed, config.runtime.max_restarts) == ("mine", 5, 0)
    assert not done.stderr


def test_a_failure_is_told_in_three_parts(bench: Bench, file: str) -> None:
    failed = sapo("run", file, fail=[2, 3])
    assert failed.returncode == 1
    assert lines(failed.stdout)[-1]["error"]["fix"] == "Choose another file."
    assert [part.strip() for part in failed.stderr.splitlines()] == [
        "✗ The task has no questions",
        "The file is empty.",
        "Choose another file.",
    ]
    followed = sapo("follow", "last", "--json")  # the store knows it
    assert followed.returncode == 1
    assert json.loads(followed.stderr)["what"] == "The task has no questions"


@pytest.mark.slow
def test_what_only_the_engine_sees_of_bad_input_ends_with_2_as_well(bench: Bench, file: str) -> None:
    failed = sapo("run", file, fail=[2, 3], input=True)
    assert failed.returncode == 2
    assert [part.strip() for part in failed.stderr.splitlines()][1:] == ["The file is empty.", "Choose another file."]
    assert lines(failed.stdout)[-1]["error"].keys() == {"what", "why", "fix"}
    assert sapo("follow", "last").returncode == 2  # the store knows it
    again = sapo("resume", "last", "--json", fail=[2, 3])  # no fault of the input's this time
    assert again.returncode == 1
    assert json.loads(again.stderr)["what"] == "The task has no questions"
    assert sapo("resume", "last").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("by_input", [True, False])
def test_the_engine_itself_ends_as_its_run(bench: Bench, by_input: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sapo_engine", "run", bench.make()],
        env={**os.environ, "SAPO_FAKE": json.dumps({"fail": [2, 3], "input": by_input})},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == (2 if by_input else 1)


NAMED = {
    "model.source": "model",
    "task.train_data": "data/train.jsonl",
    "task.test_data": "data/test.jsonl",
    "task.process_data": "bench.json",
}


def there(folder: Path) -> Path:
    """Everything that NAMED names."""
    write_folder(folder / "model")
    (folder / "data").mkdir()
    rows = [{"question": f"What is {k} and one?", "answer": f"{k} + 1 = {k + 1}\n#### {k + 1}"} for k in range(60)]
    for name, part in (("train", rows[:40]), ("test", rows[40:])):
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    solved = {"id": "gsm8k-0", "problem": rows[40]["question"], "steps": ["40 + 1 = 41"], "label": -1}
    (folder / "bench.json").write_text(json.dumps([solved | {"generator": "me", "final_answer_correct": True}]))
    return folder


def paths_of(config: RunConfig) -> dict[str, str]:
    data = config.model_dump()
    return {name: data[name.split(".")[0]][name.split(".")[1]] for name in NAMED}


OTHER_WAYS = ("by --set", "where the command is given", "of the home folder")
WAYS = ["beside the file", *(pytest.param(way, marks=pytest.mark.slow) for way in OTHER_WAYS)]


@pytest.mark.parametrize("way", WAYS)
def test_every_path_of_a_run_is_kept_as_it_was_meant(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name in ("config", "caller", "other"):
        (tmp_path / name).mkdir()
    values = {key: f"~/{value}" if way == "of the home folder" else value for key, value in NAMED.items()}
    text = "".join(f'{key} = "{value}"\n' for key, value in values.items()) if way != "by --set" else ""
    head = 'iterations = 2\ntask.kind = "gsm8k"\n'
    (tmp_path / "config" / "mine.toml").write_text(head + (text or 'model.source = "hub:owner/name"\n'))
    settings = [part for key, value in values.items() for part in ("--set", f"{key}={value}")] if not text else []
    meant = there(tmp_path / ("config" if way == "beside the file" else "caller"))
    monkeypatch.setenv("HOME", str(tmp_path / "caller"))
    monkeypatch.chdir(tmp_path / "caller")
    done = sapo("run", str(tmp_path / "config" / "mine.toml"), *settings)
    assert done.returncode == 0, done.stderr
    kept = queries.get_config(bench.store, queries.find_run(bench.store, "last"))
    assert paths_of(kept) == {key: str(meant / value) for key, value in NAMED.items()}
    # What goes on later, from elsewhere, reads the same.
    monkeypatch.chdir(tmp_path / "other")
    assert sapo("export", "last", "config", "-o", "again.toml").returncode == 0
    _, again = configure("again.toml", [], seed=None, name=None)
    assert paths_of(again) == paths_of(kept)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "no-such-preset"), "no-such-preset"),
        (("run", "no/such/file.toml"), "file.toml"),
        (("run", "lab-smoke", "--set", "sampling.sample=3"), "sampling.samples"),
        (("run", "lab-smoke", "--set", "sampling.samples=many"), "sampling.samples"),
        (("run", "lab-smoke", "--set", "sampling.samples"), "--set sampling.samples"),
        (("resume", "nothing"), "nothing"),
        (("run",), "Missing argument"),
        (("run", "lab-smoke", "--sed", "1"), "--seed"),
        (("stop", "x", "--kill", "--after-phase"), "--after-phase"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(bench: Bench, arguments: tuple[str, ...], told: str) -> None:
    refused = sapo(*arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    assert queries.list_runs(bench.store) == []


def test_ctrl_c_stops_in_good_order(bench: Bench, file: str) -> None:
    follower = begin("run", file, "--json", hold=[2, 3])
    assert follower.stdout is not None
    run_id = json.loads(follower.stdout.readline())["run_id"]
    bench.at(run_id, 2, 3)
    follower.send_signal(signal.SIGINT)
    out, err = follower.communicate()
    assert follower.returncode == 3
    assert lines(out)[-1] == {"kind": "run_finished", "run_id": run_id, "status": "stopped"}
    assert not err
    assert bench.gone()


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_at_once(bench: Bench, file: str) -> None:
    follower = begin("run", file, "--json", hold=[2, 3], deaf=True, child=True)
    assert follower.stdout is not None
    run_id = json.loads(follower.stdout.readline())["run_id"]
    bench.at(run_id, 2, 3)
    follower.send_signal(signal.SIGINT)
    bench.until(run_id, lambda run: not queries_open(bench, run_id))
    follower.send_signal(signal.SIGINT)
    out, _ = follower.communicate()
    assert follower.returncode == 3
    assert lines(out)[-1]["status"] == "stopped"
    assert bench.gone()


def queries_open(bench: Bench, run_id: str) -> bool:
    """Whether the wish to stop has still to be made or to be seen by the engine."""
    found = bench.store.value("SELECT count(*) FROM commands WHERE run_id = ? AND handled_at IS NOT NULL", (run_id,))
    return not found


def test_detach_pause_follow_resume_stop(bench: Bench, file: str) -> None:
    started = lines(sapo("run", file, "--detach", "--json", "--name", "Long one", pause_ms=300).stdout)
    run_id = started[-1]["run_id"]
    assert run_id.startswith("long-one-")
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    assert sapo("pause", "Long one").returncode == 0
    bench.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    follower = begin("follow", run_id)
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["status"] == "paused"
    follower.send_signal(signal.SIGINT)  # ends only the following
    follower.communicate()
    assert follower.returncode == 0
    assert queries.get_run(bench.store, run_id).status is RunStatus.PAUSED
    assert sapo("resume", run_id, "--detach").returncode == 0
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    stopped = sapo("stop", run_id, "--json")
    assert stopped.returncode == 0
    assert lines(stopped.stdout) == [{"kind": "run", "run_id": run_id, "status": "stopped"}]
    assert sapo("stop", run_id).returncode == 2
    assert sapo("resume", run_id).returncode == 0
    assert sapo("resume", run_id).returncode == 2  # it is done


def test_killed_and_resumed_with_a_lower_rate(bench: Bench, file: str) -> None:
    run_id = lines(sapo("run", file, "--detach", "--json", hold=[2, 3]).stdout)[-1]["run_id"]
    bench.at(run_id, 2, 3)
    working = sapo("resume", run_id, "--set", "optimiser.learning_rate=1e-4")
    assert working.returncode == 2  # an engine works on it
    assert sapo("stop", run_id, "--kill").returncode == 0
    for setting, why in (("optimiser.batch_size=8", "runtime.micro_tokens"), ("warmup.learning_rate=1e-4", "is done")):
        refused = sapo("resume", run_id, "--set", "runtime.threads=2", "--set", setting)
        assert refused.returncode == 2
        assert why in refused.stderr
    assert queries.config_changes(bench.store, run_id) == []
    done = sapo("resume", run_id, "--set", "optimiser.learning_rate=1e-4", "--set", "runtime.checkpoint_seconds=5")
    assert done.returncode == 0, done.stderr
    config = tomllib.loads((bench.store.run_dir(run_id) / "config.toml").read_text())
    assert (config["optimiser"]["learning_rate"], config["runtime"]["checkpoint_seconds"]) == (1e-4, 5.0)
    told = json.loads(sapo("report", run_id, "--json").stdout)["config_changes"]
    assert [(one["key"], one["before"], one["after"]) for one in told] == [
        ("optimiser.learning_rate", 1e-3, 1e-4),
        ("runtime.checkpoint_seconds", 30.0, 5.0),
    ]
    assert "optimiser.learning_rate = 0.0001 (it was 0.001)" in bench.log(run_id)


@pytest.mark.slow
def test_stop_after_phase_and_kill(bench: Bench, file: str) -> None:
    run_id = lines(sapo("run", file, "--detach", "--json", hold=[2, 3]).stdout)[-1]["run_id"]
    bench.at(run_id, 2, 3)
    assert sapo("stop", "last", "--after-phase").returncode == 0
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert sapo("resume", run_id, "--detach", hold=[5, 1], deaf=True).returncode == 0
    bench.at(run_id, 5, 1)
    assert sapo("stop", "last", "--kill").returncode == 0
    assert bench.gone()
    assert queries.get_run(bench.store, run_id).status is RunStatus.STOPPED


@pytest.mark.slow
def test_a_killed_engine_is_told_to_who_follows(bench: Bench, file: str) -> None:
    follower = begin("run", file, "--json", hold=[2, 3])
    assert follower.stdout is not None
    run_id = json.loads(follower.stdout.readline())["run_id"]
    os.kill(bench.at(run_id, 2, 3).pid or 0, signal.SIGKILL)
    out, err = follower.communicate()
    assert follower.returncode == 1
    assert lines(out)[-1]["status"] == "interrupted"
    assert f"sapo resume {run_id}" in err


def test_the_picture_of_a_run(used_bench: tuple[Bench, str]) -> None:
    bench, run_id = used_bench
    run = queries.get_run(bench.store, run_id)
    console = Console(width=100, record=True, force_terminal=False, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    snapshot = RunSnapshot(run, queries.phases(bench.store, run_id), queries.metrics(bench.store, run_id), [])
    console.print(LiveView(console).picture(snapshot))
    text = console.export_text()
    assert "✓ done" in text
    assert "100%" in text
    assert all(heading in text for heading in ("Iteration", "Sampled", "Greedy"))
    for (_, name), value in bench.metrics(run_id).items():
        assert name
        assert f"{100 * value:.1f} %" in text
    console.file.close()


def test_lengths_of_time() -> None:
    assert [duration(s) for s in (0.2, 59, 61, 3600 * 2 + 310)] == ["1 s", "59 s", "1 min", "2 h 5 min"]


def test_overrides_are_read_as_toml_or_text() -> None:
    base = {"task": {"min_steps": 4}, "seed": 1}
    changed = override(
        base, ["task.min_steps=5", "optimiser.kind=sft", "labeling.expansion = false", "verifier.epochs=1.5"]
    )
    assert changed == {
        "task": {"min_steps": 5},
        "seed": 1,
        "optimiser": {"kind": "sft"},
        "labeling": {"expansion": False},
        "verifier": {"epochs": 1.5},
    }
    assert base["task"] == {"min_steps": 4}
    with pytest.raises(InputError, match="not a section"):
        override(base, ["seed.x=1"])


def test_a_preset_keeps_its_name() -> None:
    preset, config = configure("lab-smoke", ["sampling.temperature=0.7"], seed=None, name=None)
    assert preset == "lab-smoke"
    assert config.name == "lab-smoke"
    assert config.sampling.temperature == 0.7
