"""Making an environment for the engine: what is run, who is asked, and what is left when it is cut off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sapo_studio import __version__, engines, paths, processes
from sapo_studio.app.engine_setup import making, output, own_wheel, pythons, standing
from sapo_studio.app.engine_setup.making import Progress, Wanted, make, plan_for
from sapo_studio.app.engine_setup.plan import (
    Machine,
    Plan,
    Sources,
    check_extras,
    steps,
    torch_index,
    torch_requirement,
)
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import EngineError, InputError, NoEngine
from sapo_studio.events import PROTOCOL
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from tests.fixtures.command_line import said, sapo
from tests.fixtures.pretend_uv import LINUX, POSIX, no_choice, uv, wheel

__all__ = ["no_choice", "uv", "wheel"]

pytestmark = pytest.mark.skipif(not POSIX, reason="the pretended uv is a shell script")


def plan(machine: Machine = LINUX, **changes) -> Plan:
    given = {
        "folder": Path("/data/engine/1/env"),
        "build": machine.build,
        "maker": "venv",
        "program": None,
        "python": "/usr/bin/python3",
        "wheel": Path("/data/engine/wheels/sapo_studio.whl"),
        "mark": "m",
    }
    return Plan(machine=machine, **{**given, **changes})


# -- Which build, and from where


@pytest.mark.parametrize(
    ("machine", "build", "index"),
    [
        (Machine("linux", "x86_64"), "cpu", "cpu"),
        (Machine("linux", "x86_64", (13, 1)), "cuda", ""),
        (Machine("linux", "x86_64", (12, 4)), "cuda", "cu126"),
        (Machine("linux", "x86_64", (11, 8)), "cpu", "cpu"),
        (Machine("linux", "aarch64", (13, 0)), "cuda", "cu130"),
        (Machine("win32", "AMD64"), "cpu", ""),
        (Machine("win32", "AMD64", (12, 9)), "cuda", "cu126"),
        (Machine("darwin", "arm64"), "cpu", ""),
    ],
)
def test_the_build_of_torch_goes_by_card_and_driver(machine, build, index):
    assert machine.build == build
    assert torch_index(machine, build).rpartition("/")[2] == index
    found = plan(machine)
    assert [step.title for step in steps(found)].count("Installing torch for CPUs") == (index == "cpu")
    assert any("download.pytorch.org" in host for host in found.asks) == bool(index)


def test_there_is_no_cuda_on_a_mac():
    with pytest.raises(InputError, match="no build of torch with CUDA"):
        torch_index(Machine("darwin", "arm64"), "cuda")


def test_torch_comes_alone_from_its_index_and_the_rest_from_where_pip_looks():
    make_it, torch, engine = (step.command for step in steps(plan(torch="torch==2.13.0", constraints=Path("/c.txt"))))
    assert make_it == ("/usr/bin/python3", "-m", "venv", "/data/engine/1/env")
    assert torch[-4:] == ("--no-deps", "--index-url", "https://download.pytorch.org/whl/cpu", "torch==2.13.0")
    assert engine[-1] == "sapo-studio[engine] @ file:///data/engine/wheels/sapo_studio.whl"
    assert "--index-url" not in engine
    assert all(command[-i - 2 : -i] == ("--constraint", "/c.txt") for command, i in ((torch, 4), (engine, 1)))


def test_uv_finds_a_python_itself_or_fetches_it_which_is_said():
    found = plan(maker="uv", program=Path("/tools/uv"), python="")
    assert steps(found)[0].command == (
        "/tools/uv",
        "venv",
        "--allow-existing",
        "--python",
        ">=3.11,<3.15",
        str(found.folder),
    )
    assert [host.partition(" ")[0] for host in found.asks] == ["pypi.org", "download.pytorch.org", "github.com"]
    assert plan(maker="uv", program=Path("/tools/uv")).asks == ("pypi.org", "download.pytorch.org")


def test_from_a_folder_of_wheels_alone_means_alone(uv, tmp_path, monkeypatch):
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", "/elsewhere")
    monkeypatch.setenv("UV_INDEX", "https://elsewhere.local")
    uv.does('env > "$here/env"')
    _, hear = heard()
    make(plan_for(Wanted(sources=Sources(wheels=tmp_path / "wheels"))), hear)
    assert "elsewhere" not in uv.program.with_name("env").read_text()
    make(plan_for(Wanted()), hear)
    assert "elsewhere.local" in uv.program.with_name("env").read_text(), "a mirror that is configured holds else"


@pytest.mark.parametrize("maker", ["uv", "venv"])
def test_from_a_folder_of_wheels_nobody_is_asked(maker):
    found = plan(maker=maker, program=Path("/tools/uv"), sources=Sources(wheels=Path("/wheels")))
    assert found.asks == ()
    make_it, *rest = [step.command for step in steps(found)]
    assert maker == "venv" or {"--offline", "--no-python-downloads"} <= set(make_it)
    assert all({"--no-index", "--find-links", "/wheels"} <= set(command) for command in rest)
    assert "http" not in " ".join(" ".join(command) for command in (make_it, *rest))


def test_an_index_of_ones_own_stands_for_all_others():
    mirror = Sources(index="https://user:secret@mirror.local:8080/simple")
    assert plan(sources=mirror).asks == ("mirror.local",)
    assert plan(sources=replace(mirror, torch_index="https://other.local/cpu")).asks == ("mirror.local", "other.local")


def test_extras_are_known_and_in_order():
    assert check_extras(["vllm", "qlora"]) == ("qlora", "vllm")
    assert steps(plan(extras=("qlora",)))[-1].command[-1].startswith("sapo-studio[engine,qlora] @ ")
    with pytest.raises(InputError, match="no extra 'ui'"):
        check_extras(["ui"])


def test_torch_is_the_version_that_was_tested():
    assert torch_requirement("numpy==2.4\ntorch==2.13.0\ntorchvision==1") == "torch==2.13.0"
    assert torch_requirement("numpy==2.4") == "torch"
    kept = own_wheel.constraints()
    assert kept is not None
    assert torch_requirement(kept.read_text()).startswith("torch==")


def test_what_decides_about_an_environment_makes_another_plan_and_where_it_lies_does_not():
    one = plan()
    assert one.identity == plan(folder=Path("/elsewhere"), wheel=Path("/elsewhere.whl")).identity
    others = [plan(mark="n"), plan(extras=("vllm",)), plan(python="/usr/bin/python3.12"), plan(build="cuda")]
    assert len({one.identity, *(other.identity for other in others)}) == 5


# -- What pip and uv say


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  Downloading torch-2.13.0-cp311.whl (203.1 MB)", "fetching torch-2.13.0-cp311.whl (203.1 MB)"),
        ("Downloading torch (194.0MiB)", "fetching torch (194.0MiB)"),
        ("Collecting numpy<3,>=2 (from x)", "looking for numpy"),
        ("Resolved 57 packages in 2.1s", "57 packages to install"),
        ("Prepared 57 packages in 9s", "57 packages fetched"),
        ("Installing collected packages: mpmath, torch", "putting the packages in place"),
        ("Requirement already satisfied: pip", ""),
    ],
)
def test_how_far_it_is(line, words):
    assert output.how_far(line) == words


NO_VENV = "The virtual environment was not created successfully because ensurepip is not"


@pytest.mark.parametrize(
    ("lines", "why", "fix"),
    [
        (
            "WARNING: Retrying after connection broken by 'NameResolutionError(...)'\n"
            "ERROR: Could not find a version that satisfies the requirement torch\n[notice] new pip",
            "ERROR: Could not find a version that satisfies the requirement torch",
            "Check the network",
        ),
        ("error: Failed to fetch: `https://pypi.org/`\n  Caused by: dns error", "error: Failed", "Check the network"),
        ("ERROR: OSError: [Errno 28] No space left on device", "ERROR:", "Free some space"),
        (f"{NO_VENV}\navailable. apt install python3.11-venv", "available.", "apt install python3-venv"),
        ("error: No interpreter found for Python >=3.11, <3.15", "error: No", "No Python from 3.11"),
        ("ERROR: No matching distribution found for torch==2.13.0", "ERROR: No matching", "Choose another Python"),
        ("Segmentation fault", "Segmentation fault", "--anew"),
        ("", "It said nothing.", "Try again"),
    ],
)
def test_one_clear_error(lines, why, fix):
    found = output.cause(lines.splitlines())
    assert found[0].startswith(why)
    assert fix in found[1]


# -- This program as a wheel


def test_the_same_files_make_the_same_wheel_with_all_that_an_engine_needs(tmp_path):
    one, other = (own_wheel.own_wheel(tmp_path / name) for name in ("one", "other"))
    assert own_wheel.fingerprint(one) == own_wheel.fingerprint(other)
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        told = archive.read(f"sapo_studio-{__version__}.dist-info/METADATA").decode()
        (record,) = (archive.read(name).decode() for name in names if name.endswith("RECORD"))
    assert {"sapo_engine/worker/__main__.py", "sapo_studio/resources/models/lab/config.json"} <= names
    assert not [name for name in names if name.startswith("sapo_ui") or "__pycache__" in name]
    assert f"\nVersion: {__version__}\n" in told
    assert 'torch>=2.10; extra == "engine"' in told.replace("'", '"')
    assert {line.partition(",")[0] for line in record.splitlines()} == names


def test_the_wheel_that_came_with_the_program_is_taken(tmp_path, monkeypatch):
    (tmp_path / "wheels").mkdir()
    brought = tmp_path / "wheels" / own_wheel.NAME
    brought.write_bytes(b"brought")
    monkeypatch.setattr(own_wheel, "resources_dir", lambda: tmp_path)
    assert own_wheel.own_wheel(tmp_path / "made") == brought
    assert not (tmp_path / "made").exists()


# -- Which Python


def test_a_python_that_is_named_has_to_be_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pythons, "find_uv", lambda: None)
    assert pythons.choose_maker(sys.executable, None) == ("venv", None, sys.executable)
    with pytest.raises(InputError, match="is no Python that can be started"):
        pythons.choose_maker(str(tmp_path / "none"), None)
    with pytest.raises(InputError, match="uv is not installed"):
        pythons.choose_maker("", "uv")


@pytest.mark.parametrize(
    ("answer", "what"), [("[[3, 9], true]", "is Python 3.9"), ("[[3, 12], false]", "cannot make environments")]
)
def test_a_python_that_is_too_old_or_cannot_make_environments_is_refused(tmp_path, monkeypatch, answer, what):
    old = tmp_path / "python3"
    old.write_text(f"#!/bin/sh\necho '{answer}'\n")
    old.chmod(0o755)
    monkeypatch.setattr(pythons, "find_uv", lambda: None)
    with pytest.raises(InputError, match=what):
        pythons.choose_maker(str(old), None)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no Python to make the engine's environment with") as refused:
        pythons.choose_maker("", None)
    assert "apt install python3 python3-venv" in refused.value.fix
    monkeypatch.setattr(pythons, "find_uv", lambda: Path("/tools/uv"))
    found = "" if "3.9" in what else str(old)  # uv needs none that can make environments, and finds one itself
    assert pythons.choose_maker("", None) == ("uv", Path("/tools/uv"), found)


def test_the_driver_is_asked_by_its_tool_where_its_library_is_not_there(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '| NVIDIA-SMI 550.54   Driver Version: 550.54   CUDA Version: 12.4 |'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(pythons.hardware, "driver_cuda", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert pythons.this_machine().cuda == (12, 4)
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert pythons.this_machine().cuda is None


# -- Making it


def heard() -> tuple[list[Progress], making.Hear]:
    told: list[Progress] = []
    return told, told.append


def test_an_environment_is_made_and_engines_live_in_it(uv):
    uv.does("echo 'Downloading torch (194.0MiB)'")
    told, hear = heard()
    todo = plan_for(Wanted())
    made = make(todo, hear)
    assert (made.release, made.build, made.torch, made.cuda) == (__version__, "cpu", "2.13.0", False)
    assert engines.python_of() == todo.environment_python
    assert [call.split()[0] for call in uv.asked] == ["venv", "pip", "pip"]
    assert [(now.step, now.steps) for now in told if not now.detail] == [(1, 4), (2, 4), (3, 4)]
    assert "fetching torch (194.0MiB)" in [now.detail for now in told]
    now = standing.standing()
    assert (now.python, now.made, now.unfinished, now.trouble) == (todo.environment_python, made, (), None)
    log = (paths.engine_dir() / making.LOG).read_text()
    assert "Downloading torch" in log


def test_what_is_there_is_not_made_again_unless_it_is_asked_for(uv):
    _, hear = heard()
    make(plan_for(Wanted()), hear)
    engines.choose("")
    uv.forget()
    make(plan_for(Wanted()), hear)
    assert uv.asked == []
    assert engines.python_of() == plan_for(Wanted()).environment_python
    make(plan_for(Wanted()), hear, anew=True)
    assert len(uv.asked) == 3


def test_a_step_that_fails_is_one_error_and_nothing_is_used(uv):
    uv.does("echo 'error: Failed to fetch: `https://pypi.org/simple/torch/`'; echo '  Caused by: dns error'; exit 2")
    _, hear = heard()
    with pytest.raises(EngineError, match="Installing torch for CPUs failed") as failed:
        make(plan_for(Wanted()), hear)
    assert failed.value.why.startswith("error: Failed to fetch")
    assert failed.value.fix.startswith("Check the network")
    assert engines.chosen_for_all() == ""
    assert [folder.name for folder in standing.standing().unfinished] == [f"{__version__}-cpu-1"]
    uv.does("")
    uv.forget()
    again = plan_for(Wanted())
    (again.folder / "kept").touch()  # what was fetched by then
    make(again, hear)
    assert (again.folder / "kept").exists()
    assert standing.standing().unfinished == ()


def test_what_was_begun_by_another_plan_is_not_gone_on_with(uv):
    uv.does("exit 1")
    _, hear = heard()
    first = plan_for(Wanted())
    with pytest.raises(EngineError):
        make(first, hear)
    uv.does("")
    other = plan_for(Wanted(extras=("qlora",)))
    assert other.folder != first.folder
    make(other, hear)
    assert standing.folders() == [other.folder.parent], "and goes, once there is a whole one"


def test_the_old_one_works_until_the_new_one_is_whole(uv):
    _, hear = heard()
    old = plan_for(Wanted())
    make(old, hear)
    uv.does("exit 1")
    with pytest.raises(EngineError):
        make(plan_for(Wanted(extras=("vllm",))), hear)
    assert engines.python_of() == old.environment_python
    assert standing.standing().trouble is None


def test_extras_of_the_one_before_are_kept(uv):
    _, hear = heard()
    make(plan_for(Wanted(extras=("qlora",))), hear)
    assert plan_for(Wanted(extras=("vllm",))).extras == ("qlora", "vllm")


def test_torch_that_cannot_be_loaded_is_no_engine(uv):
    uv.has(tried="echo 'ImportError: libgomp.so.1' >&2")
    _, hear = heard()
    with pytest.raises(EngineError, match="torch cannot be used") as failed:
        make(plan_for(Wanted()), hear)
    assert failed.value.why == "ImportError: libgomp.so.1"
    assert engines.chosen_for_all() == ""


def test_an_engine_of_another_protocol_is_none(uv):
    uv.has(protocol=PROTOCOL + 1)
    _, hear = heard()
    with pytest.raises(InputError, match="of another version"):
        make(plan_for(Wanted()), hear)
    assert engines.chosen_for_all() == ""


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


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_one_that_is_cut_off_leaves_nothing_running_in_the_end_and_is_gone_on_with(uv, wheel, how):
    """And while it works nobody else can begin."""
    uv.does('echo $$ > "$here/pid"; echo "Downloading torch (1MiB)"; exec sleep 300')
    command = [sys.executable, "-c", SETS_UP, str(uv.program), str(wheel)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert [other.stdout.readline() for _ in range(3)] == ["1\n", "2\n", "2\n"]
        pid = uv.program.with_name("pid")
        _, hear = heard()
        with pytest.raises(InputError, match="is being set up already"):
            make(plan_for(Wanted()), hear)
        other.send_signal(how)
        other.wait()
        assert "Stopped" in other.stderr.read() or how == signal.SIGKILL  # type: ignore[union-attr]
    left = int(pid.read_text())
    assert processes.is_running(left) == (how == signal.SIGKILL)
    assert engines.chosen_for_all() == ""
    uv.does("")
    make(plan_for(Wanted()), hear)
    assert not processes.is_running(left)
    assert standing.standing().trouble is None


def test_there_has_to_be_room(uv, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**8))
    _, hear = heard()
    with pytest.raises(InputError, match="no room") as refused:
        make(plan_for(Wanted()), hear)
    assert "0.1 GB are free" in refused.value.why
    assert uv.asked == []


# -- The command line


def test_nothing_goes_to_the_network_unless_asked(uv):
    code, _, err = said("engine", "install")
    assert (code, uv.asked) == (1, [])
    assert "pypi.org, download.pytorch.org" in err
    code, _, err = said("engine", "install", "--json")
    assert (code, uv.asked) == (2, [])
    assert "Say --yes" in err
    done = sapo("engine", "install", given="n\n")
    assert (done.returncode, uv.asked) == (1, [])
    done = sapo("engine", "install", given="y\n")
    assert done.returncode == 0
    assert "torch 2.13.0, for CPUs" in done.stdout


def test_install_status_remove(uv, tmp_path):
    (tmp_path / "wheels").mkdir()
    code, out, _ = said("engine", "install", "--wheels", tmp_path / "wheels", "--json")
    assert code == 0
    *steps_told, made = [json.loads(line) for line in out.splitlines()]
    assert {one["kind"] for one in steps_told} == {"engine_setup"}
    assert made["python"] == str(engines.python_of())
    code, out, _ = said("engine", "status", "--json")
    shown = json.loads(out)
    assert (code, shown["python"], shown["made"]["torch"]) == (0, made["python"], "2.13.0")
    assert said("engine", "remove", "--yes")[0] == 0
    assert standing.folders() == []
    assert engines.is_own(engines.python_of())


def test_it_is_not_removed_from_under_an_engine_that_works(uv):
    _, hear = heard()
    make(plan_for(Wanted()), hear)
    me = processes.identify()
    with Store.open() as store:
        run_id = runs.create_run(store, RunConfig())
        runs.heartbeat(store, run_id, pid=me.pid, pid_started=me.started)
    code, _, err = said("engine", "remove", "--yes")
    assert (code, run_id in err) == (2, True)
    assert standing.standing().trouble is None


@pytest.mark.parametrize("option", [("--build", "rocm"), ("--with", "conda"), ("--extra", "ui"), ("--wheels", "/none")])
def test_what_is_not_known_is_bad_input(uv, option):
    code, _, err = said("engine", "install", *option)
    assert code == 2
    assert option[1] in err


def test_a_dry_run_says_what_would_be_run(uv):
    code, out, _ = said("engine", "install", "--dry-run")
    assert code == 0
    assert "--index-url https://download.pytorch.org/whl/cpu torch==" in out
    assert uv.asked == []


# -- What is said where there is none, or one of another release


def test_the_packaged_program_has_no_engine_of_its_own(uv, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(NoEngine, match="no engine yet"):
        engines.python_of()
    code, _, err = said("engine", "status")
    assert code == 1
    assert "sapo engine install" in err
    code, _, err = said("run", "lab-smoke")
    assert code == 2
    assert "sapo engine install" in err


def test_a_python_without_torch_is_no_engine(monkeypatch):
    monkeypatch.setattr(engines, "NEEDED", ("torch", "no_such_package"))
    code, _, err = said("run", "lab-smoke")
    assert code == 2
    assert "Not installed: no_such_package" in err


def test_a_program_that_was_updated_says_that_its_engine_is_of_before(uv, monkeypatch):
    assert standing.of_another_release() is None
    _, hear = heard()
    make(plan_for(Wanted()), hear)
    assert standing.of_another_release() is None
    monkeypatch.setattr(standing, "__version__", "9.0")
    fault = standing.of_another_release()
    assert fault is not None
    assert fault.why == f"It was set up by release {__version__}, and this is 9.0."
    assert "sapo engine install" in fault.fix


def test_an_engine_of_another_release_works_and_it_is_said(uv, monkeypatch):
    uv.has(release="0.0.9")
    _, hear = heard()
    make(plan_for(Wanted()), hear)
    code, out, _ = said("engine", "status")
    assert code == 0
    assert f"of release 0.0.9, this program of {__version__}: sapo engine install brings them together" in out
    assert engines.install_command(engines.python_of(), "vllm") == "sapo engine install --extra vllm"
