"""The wheel and the source distribution: what is in them, and that the program works from a wheel alone."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sapo_studio import __version__
from sapo_studio.app.engine_setup.pythons import find_uv
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.distributions import Installed, build, files_of, tracked, unpacked
from tests.fixtures.wheelhouse import wheelhouse

pytestmark = pytest.mark.slow

PACKAGES = {
    "sapo_studio/": "sapo_studio/",
    "ui/sapo_ui/": "sapo_ui/",
    "engine/sapo_engine/": "sapo_engine/",
    "resources/": "sapo_studio/resources/",
    "packaging/constraints.txt": "sapo_studio/resources/constraints.txt",
}
"""Where the wheel has what lies in the tree."""
LEFT_OUT = "docs/screenshots/"
"""What the source distribution is without."""


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """Built of the source distribution, as pip does it."""
    tree = unpacked(sdist, tmp_path_factory.mktemp("tree"))
    return build(tmp_path_factory.mktemp("wheel"), "wheel", tree)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    return Installed.of(wheel, tmp_path_factory.mktemp("installed"))


def in_wheel(name: str) -> str | None:
    return next((to + name[len(start) :] for start, to in PACKAGES.items() if name.startswith(start)), None)


def test_the_source_distribution_has_every_file_of_the_tree_but_the_pictures(sdist):
    assert files_of(sdist) == {name for name in tracked() if not name.startswith(LEFT_OUT)} | {"PKG-INFO"}


def test_the_wheel_has_the_packages_and_their_resources_and_nothing_else(wheel):
    found = {name for name in files_of(wheel) if ".dist-info/" not in name}
    assert found == {place for name in tracked() if (place := in_wheel(name)) is not None}


def test_a_wheel_of_the_tree_is_the_one_of_the_source_distribution(wheel, tmp_path):
    of_the_tree = build(tmp_path, "wheel")
    assert of_the_tree.name == wheel.name == f"sapo_studio-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(of_the_tree) as one, zipfile.ZipFile(wheel) as other:
        assert {i.filename: i.CRC for i in one.infolist()} == {i.filename: i.CRC for i in other.infolist()}


def test_the_installed_program_is_the_one_that_runs(installed):
    where = (
        "import sapo_studio, sapo_ui, sapo_engine; print(*(m.__file__ for m in (sapo_studio, sapo_ui, sapo_engine)))"
    )
    said = installed.run("python", "-c", where)
    assert said.returncode == 0, said.stderr
    assert all(Path(place).is_relative_to(installed.root) for place in said.stdout.split())


def test_commands_work_from_an_empty_folder(installed):
    assert installed.run("sapo", "--version").stdout == f"sapo {__version__}\n"
    assert __version__ in installed.run("sapo-studio", "--version").stdout
    helped = installed.run("sapo", "--help")
    assert helped.returncode == 0
    assert "lab" in installed.run("sapo", "presets", "--json").stdout
    assert list(installed.empty.iterdir()) == []


def test_a_run_comes_to_its_end_with_the_bundled_model(installed):
    done = installed.run("sapo", "run", "lab-smoke", "--json", seconds=280)
    assert done.returncode == 0, done.stderr
    shown = installed.run("sapo", "runs", "--json")
    assert json.loads(shown.stdout)["status"] == "done"


def test_the_window_opens_and_starts_the_demo(installed, qtbot):
    """With icons, fonts and themes that lie in the wheel: a missing one would end it."""
    command = [str(installed.program("sapo-studio")), "--demo", "--home", str(installed.home / "demo")]
    with subprocess.Popen(command, cwd=installed.empty, env=installed.environment, stderr=subprocess.PIPE) as window:
        try:
            store = installed.home / "demo" / "studio.db"
            qtbot.waitUntil(lambda: window.poll() is not None or store.exists(), timeout=60_000)
            with Store.open(store) as opened:
                qtbot.waitUntil(lambda: window.poll() is not None or bool(begun(opened)), timeout=60_000)
                assert window.poll() is None
                assert queries.list_runs(opened)[0].preset == "lab-demo"
        finally:
            _, left = end_all(window.pid)
    assert not left
    assert window.stderr is not None


def begun(store: Store) -> list[str]:
    """Runs that an engine works on."""
    return [run.id for run in queries.list_runs(store) if run.status is RunStatus.RUNNING and run.pid]


def end_all(pid: int) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """End a process and all that it started; (ended, left)."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.kill()
    return psutil.wait_procs(family, timeout=30)


def test_uv_installs_it_as_a_tool(wheel, installed, tmp_path):
    uv = find_uv()
    if uv is None:
        pytest.skip("uv is not installed")
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"), "UV_NO_CONFIG": "1"}
    here = replace(installed, home=tmp_path / "home")
    wanted = wheelhouse(tmp_path / "wheels", ("ui", "engine"))
    options = ["--no-index", "--find-links", str(wanted), "--python", str(here.program("python"))]
    command = [str(uv), "tool", "install", *options, f"sapo-studio[ui,engine] @ {wheel.as_uri()}"]
    subprocess.run(command, check=True, capture_output=True, env=here.environment | places, cwd=here.empty)
    for name, said in (("sapo", f"sapo {__version__}\n"), ("sapo-studio", f"SAPO Studio {__version__}\n")):
        done = subprocess.run(
            [str(tmp_path / "bin" / name), "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=here.environment,
        )
        assert done.stdout == said
    shown = [str(tmp_path / "bin" / "sapo-studio"), "--try-display"]
    assert subprocess.run(shown, check=False, env=here.environment).returncode == 0


@pytest.mark.parametrize("maker", ["venv", "uv"])
def test_an_engine_of_its_own_is_set_up_by_pip_or_uv_and_runs(installed, tmp_path, monkeypatch, maker):
    """All but the libraries is real: they are stand-ins that lead to those of this Python."""
    if maker == "uv":
        uv = find_uv()
        if uv is None:
            pytest.skip("uv is not installed")
        monkeypatch.setenv("PATH", str(uv.parent), prepend=os.pathsep)
    here = replace(installed, home=tmp_path / "home")
    command = ("engine", "install", "--with", maker, "--wheels", str(wheelhouse(tmp_path / "wheels")), "--json")
    made = here.run("sapo", *command, seconds=240)
    assert made.returncode == 0, made.stderr
    python = Path(json.loads(made.stdout.splitlines()[-1])["python"])
    assert python.is_relative_to(here.home)
    assert here.run("sapo", "engine", "status").returncode == 0
    done = here.run("sapo", "run", "lab-smoke", "--json", seconds=280)
    assert done.returncode == 0, done.stderr
    ask = [str(python), "-I", "-c", "import sapo_engine; print(sapo_engine.__file__)"]
    where = subprocess.run(ask, capture_output=True, text=True, check=True)
    assert Path(where.stdout.strip()).is_relative_to(here.home)
    assert here.run("sapo", "engine", "remove", "--yes").returncode == 0
    assert not python.exists()
