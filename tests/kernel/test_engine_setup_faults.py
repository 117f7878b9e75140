"""Setting an engine up where things go wrong: full disks, two at once, odd paths, what was killed in the midst."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sapo_studio import engines, paths, processes
from sapo_studio.app.engine_setup import making, output, own_wheel, pythons, standing
from sapo_studio.app.engine_setup.making import Wanted, make, plan_for
from sapo_studio.app.engine_setup.plan import Sources
from sapo_studio.errors import EngineError, InputError, StoreError
from tests.fixtures.command_line import said
from tests.fixtures.pretend_uv import POSIX, no_choice, uv, wheel

__all__ = ["no_choice", "uv", "wheel"]
pytestmark = pytest.mark.skipif(not POSIX, reason="the pretended uv is a shell script")


def nobody(now) -> None:
    """Hears of progress."""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The folder that the user is in, with a Python in it."""
    folder = tmp_path / "my place"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.chdir(folder)
    return folder


def test_a_python_is_named_from_where_the_user_is(uv, here):
    """What is run works in another folder."""
    assert plan_for(Wanted(python="./python")).python == str(here / "python")


def test_a_python_may_be_named_as_a_program_is(uv, here, monkeypatch):
    monkeypatch.setenv("PATH", str(here), prepend=os.pathsep)
    monkeypatch.chdir(here.parent)
    assert plan_for(Wanted(python="python")).python == str(here / "python")


@pytest.mark.parametrize("name", ["PIP_TARGET", "PIP_PREFIX", "PIP_USER"])
def test_packages_go_into_the_environment_whatever_pip_is_set_to(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert pythons.plain().get(name, "0") == "0"
    assert pythons.unconfigured().get(name, "0") == "0"


def test_an_index_that_is_a_folder_is_named(uv, tmp_path):
    index = tmp_path.as_uri()
    assert plan_for(Wanted(sources=Sources(index=index))).words.endswith(f"All packages are taken from {index}.")


@pytest.mark.slow
def test_two_at_once_write_whole_wheels(tmp_path):
    """Each before it knows of the other: the wheel decides about the plan."""
    broken: list[object] = []

    def write() -> None:
        try:
            assert zipfile.ZipFile(own_wheel.own_wheel(tmp_path)).testzip() is None
        except Exception as error:  # told by the test
            broken.append(error)

    both = [threading.Thread(target=write) for _ in range(3)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert broken == []
    assert [file.name for file in tmp_path.iterdir()] == [own_wheel.NAME]


def test_a_log_that_cannot_be_written_is_no_reason_to_stop(uv, monkeypatch):
    """pip and uv say better that the disk is full, and need more of it."""
    real = Path.open

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *error) -> None:
            """Nothing was kept back."""

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(self, *given, **more):
        return Full() if self.name == making.LOG and given == ("ab",) else real(self, *given, **more)

    monkeypatch.setattr(Path, "open", opened)
    uv.does("echo 'error: No space left on device (os error 28)'; exit 1")
    with pytest.raises(EngineError, match="Installing torch for CPUs failed") as failed:
        make(plan_for(Wanted()), nobody)
    assert failed.value.fix.startswith("Free some space")


@pytest.mark.parametrize("file", [standing.BEGUN, standing.OWNER, standing.MADE])
def test_a_disk_that_is_full_is_said_as_such(uv, monkeypatch, file):
    def full(place: Path, data: bytes) -> None:
        if place.name == file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        place.write_bytes(data)

    monkeypatch.setattr(making, "write_atomic", full)
    monkeypatch.setattr(standing, "write_atomic", full)
    with pytest.raises(StoreError, match="Cannot write") as failed:
        make(plan_for(Wanted()), nobody)
    assert failed.value.why.endswith("No space left on device")
    assert engines.chosen_for_all() == ""


def test_what_is_there_of_it_needs_no_room_again(uv, monkeypatch):
    uv.does("exit 1")
    with pytest.raises(EngineError):
        make(plan_for(Wanted()), nobody)
    uv.does("")
    again = plan_for(Wanted())
    with (again.folder / "fetched").open("wb") as stream:
        stream.truncate(1_200_000_000)  # a hole: it takes no room here
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=4 * 10**8))
    make(again, nobody)
    assert standing.standing().trouble is None


def test_what_another_plan_began_goes_before_the_next_is_begun(uv):
    uv.does("exit 1")
    for extras in ((), ("qlora",), ("vllm",)):
        with pytest.raises(EngineError):
            make(plan_for(Wanted(extras=extras)), nobody)
        assert len(standing.folders()) == 1


def test_what_another_has_made_meanwhile_is_not_taken_for_ones_own(uv):
    mine = plan_for(Wanted(extras=("qlora",)))
    make(plan_for(Wanted()), nobody)  # in the same folder, which was free when both looked
    with pytest.raises(InputError, match="meanwhile"):
        make(mine, nobody)
    assert standing.standing().trouble is None
    make(plan_for(Wanted(extras=("qlora",))), nobody)


SETS_UP = """
import sys
from pathlib import Path
from sapo_studio.app.engine_setup import making, pythons
from sapo_studio.app.engine_setup.plan import Machine
pythons.find_uv = lambda: Path(sys.argv[1])
making.own_wheel.own_wheel = lambda folder: Path(sys.argv[2])
making.this_machine = lambda: Machine("linux", "x86_64")
making.make(making.plan_for(making.Wanted()), lambda now: print(now.step, flush=True))
"""


def test_one_that_is_under_way_is_not_removed_and_one_that_was_killed_goes_with_all_it_started(uv, wheel):
    uv.does('echo $$ > "$here/pid"; echo "Downloading torch (1MiB)"; exec sleep 300')
    command = [sys.executable, "-c", SETS_UP, str(uv.program), str(wheel)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert [other.stdout.readline() for _ in range(3)] == ["1\n", "2\n", "2\n"]
        code, _, err = said("engine", "remove", "--yes")
        assert (code, "is being set up" in err) == (2, True)
        assert len(standing.folders()) == 1
        other.send_signal(signal.SIGKILL)
        other.wait()
    left = int(uv.program.with_name("pid").read_text())
    assert processes.is_running(left)
    assert said("engine", "remove", "--yes")[0] == 0
    assert not processes.is_running(left)
    assert standing.folders() == []


def test_a_removal_that_is_cut_off_leaves_what_can_be_removed(uv, monkeypatch):
    make(plan_for(Wanted()), nobody)
    real = shutil.rmtree

    def cut_off(place: Path) -> None:
        real(place)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", cut_off)
    with pytest.raises(KeyboardInterrupt):
        standing.remove()
    monkeypatch.setattr(shutil, "rmtree", real)
    assert len(standing.remove()) == 1
    assert [place.name for place in paths.engine_dir().iterdir() if place.is_dir()] == []


def test_nothing_is_made_where_there_is_nothing_to_remove():
    assert standing.remove() == []
    assert not paths.engine_dir().exists()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because numpy was not found, it cannot be used.\n         And because so.",
            "error: No solution found when resolving dependencies. Because numpy was not found, it cannot be used.",
        ),
        (
            "  \u00d7 No solution found when resolving dependencies:\n"
            "  \u2570\u2500\u25b6 Because torch has no wheels, it cannot be used.",
            "Because torch has no wheels, it cannot be used.",
        ),
        (
            "ERROR: Cannot install sapo-studio, for these have conflicting dependencies.\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io",
            "ERROR: Cannot install sapo-studio, for these have conflicting dependencies.",
        ),
    ],
)
def test_the_reason_is_said_and_not_that_there_is_one(lines, why):
    assert output.cause(lines.splitlines())[0] == why
