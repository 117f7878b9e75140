"""The playground's engine as a process: it ends with its client, however that ends, and its own end is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sapo_studio import paths
from sapo_studio.app.playground.session import PlaygroundSession
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import parse_config
from sapo_studio.files import write_folder
from sapo_studio.model_files.sources import bundled_folder
from sapo_studio.requests.play import Asking, Checkpoint, Done, Ended, Load, Piece, Ready, Sample, SolutionDone
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from tests.fixtures.command_line import answered, said

SECONDS = 120.0
QUESTION = "Finn has 44 stamps, sells 9, buys 8, finds 3, loses 7, buys 2, sells 4. How many?"
# Writes without end, as far as the client lives to see it: it is killed in the middle of a text.
CLIENT = """
import sys, time
from sapo_studio.app.playground.session import PlaygroundSession
from sapo_studio.requests.play import Asking, Checkpoint, Load, Piece, Ready, Sample

session = PlaygroundSession()
session.send(Load(id="l", checkpoint=Checkpoint(run=sys.argv[1], iteration=1)))
told = set()
for number in range(10**6):
    session.send(Sample(id=f"s{number}", question=Asking(text=sys.argv[2]), solutions=64, temperature=5.0))
    for answer in session.events():
        if isinstance(answer, Ready):
            print(answer.pid, flush=True)
        if isinstance(answer, Piece) and "piece" not in told:
            told.add("piece")
            print("writing", flush=True)
        if answer.kind == "done" and answer.request == f"s{number}":
            break
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A run whose one reasoner is the lab's bundled one."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    with Store.open() as store:
        config = parse_config({"name": "lab", "model": {"source": "bundled:lab"}})
        place = store.run_dir(runs.create_run(store, config))
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.toml").write_text(to_toml(config))

    def fill(part: Path) -> None:
        shutil.copytree(bundled_folder("bundled:lab"), part / "model")

    write_folder(place / "artefacts" / "000-sft-0", fill, {"name": "sft"})
    return place


def gone(pid: int) -> bool:
    """Whether a process is, once it had time to end."""
    try:
        process = psutil.Process(pid)
        process.wait(SECONDS)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_engine_ends_with_a_client_that_was_killed(folder):
    with subprocess.Popen([sys.executable, "-c", CLIENT, folder, QUESTION], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        engine = int(client.stdout.readline())
        assert client.stdout.readline() == b"writing\n"
        started = [engine, *(child.pid for child in psutil.Process(engine).children(recursive=True))]
        client.kill()
    assert all(gone(pid) for pid in started)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.slow
def test_a_client_hears_of_an_engine_that_was_killed_and_goes_on_with_another(folder):
    with PlaygroundSession() as session:
        answers = session.events(SECONDS)

        def until(kind):
            return next(answer for answer in answers if isinstance(answer, kind))

        session.send(Load(id="l", checkpoint=Checkpoint(run=folder, iteration=1)))
        pid = until(Ready).pid
        until(Done)
        session.send(Sample(id="s", question=Asking(text=QUESTION), solutions=64, temperature=5.0))
        until(Piece)
        os.kill(pid, signal.SIGKILL)
        assert until(Ended).what == "The engine was killed (SIGKILL)"
        assert gone(pid)
        session.send(Sample(id="t", question=Asking(text=QUESTION), solutions=0))
        second = until(Ready).pid
        assert until(SolutionDone).correct
        until(Done)
    assert gone(second)


@pytest.mark.slow
def test_sapo_try_tells_what_the_engine_told(folder):
    code, told, _ = answered("try", "lab", QUESTION, "-n", "1", "--seed", "3")
    assert code == 0
    assert told[-1]["kind"] == "done"
    done = [one for one in told if one["kind"] == "solution_done"]
    assert done[0]["solution"].endswith("/greedy")
    assert len(done) == 2
    assert all(one["correct"] is not None for one in done)


@pytest.mark.slow  # an engine for one answer
def test_sapo_try_ends_with_2_where_the_engine_cannot_read_the_question(folder):
    code, _, told = said("try", "lab", "Why?")
    assert code == 2
    assert "cannot read the question" in told
