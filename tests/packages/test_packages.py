"""The packages of `make package`, in a bare Debian: `make test-package`. Needs root's rights and Debian's archive."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sapo_studio import __version__
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import StoreError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.bare_root import BareRoot, display, lacking
from tests.fixtures.distributions import libraries
from tests.fixtures.wheelhouse import wheelhouse

PACKAGES = os.environ.get("SAPO_PACKAGES", "")
"""The folder with the packages."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not PACKAGES, reason="SAPO_PACKAGES names no folder with packages: make test-package"),
    pytest.mark.skipif(bool(lacking()), reason=f"not to be had here: {', '.join(lacking())}"),
]


def package(pattern: str) -> Path:
    (found,) = Path(PACKAGES).glob(pattern)
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> BareRoot:
    """A bare Debian. What stands for PyTorch leads to the libraries of this Python, which are there to be read."""
    made = BareRoot(tmp_path_factory.mktemp("bare") / "root", list(dict.fromkeys(libraries())))
    wheelhouse(made.folder / "wheels")
    return made


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    with display() as found:
        yield found


def test_the_portable_folder_runs_where_there_is_nothing_and_says_what_the_window_lacks(root, screen):
    with tarfile.open(package(f"sapo-studio-{__version__}-linux-*.tar.gz")) as archive:
        archive.extractall(root.folder / "opt", filter="tar")
    place = f"/opt/sapo-studio-{__version__}"
    assert root.run(f"{place}/sapo", "--version").stdout == f"sapo {__version__}\n"
    window = root.run(f"{place}/sapo-studio", DISPLAY=screen)
    assert window.returncode == 2
    assert "apt install libegl1" in window.stderr
    run = root.run(f"{place}/sapo", "run", "lab-smoke")
    assert run.returncode == 2
    assert "sapo engine install" in run.stderr
    engine = root.run(f"{place}/sapo", "engine", "install", "--wheels", "/wheels")
    assert engine.returncode == 1
    assert "apt install python3 python3-venv" in engine.stderr


@pytest.fixture(scope="module")
def installed(root) -> BareRoot:
    """The same with the Debian package, and what that depends on."""
    deb = package(f"sapo-studio_{__version__}_*.deb")
    shutil.copy(deb, root.folder / "root")
    assert root.run("apt-get", "update", "-qq").returncode == 0
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", f"/root/{deb.name}")
    done = root.run(*install, DEBIAN_FRONTEND="noninteractive", seconds=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return root


def test_the_debian_package_brings_what_a_window_needs(installed, screen):
    assert installed.run("sapo", "--version").stdout == f"sapo {__version__}\n"
    shown = installed.run("sapo-studio", "--try-display", DISPLAY=screen)
    assert shown.returncode == 0, shown.stderr
    for name in (
        "applications/sapo-studio.desktop",
        "metainfo/org.sapo_studio.SapoStudio.metainfo.xml",
        "mime/packages/sapo-studio.xml",
        "icons/hicolor/scalable/apps/sapo-studio.svg",
        "icons/hicolor/256x256/apps/sapo-studio.png",
        "doc/sapo-studio/copyright",
    ):
        assert (installed.folder / "usr/share" / name).is_file(), name


@pytest.mark.parametrize("maker", ["uv", "venv"])
def test_an_engine_is_set_up_and_the_lab_runs_to_its_end(installed, maker):
    home = f"/root/{maker}"
    command = ("sapo", "engine", "install", "--with", maker, "--wheels", "/wheels", "--json")
    made = installed.run(*command, SAPO_STUDIO_HOME=home)
    assert made.returncode == 0, made.stderr
    python = json.loads(made.stdout.splitlines()[-1])["python"]
    assert python.startswith(f"{home}/engine/")
    done = installed.run("sapo", "run", "lab-smoke", "--json", SAPO_STUDIO_HOME=home, seconds=600)
    assert done.returncode == 0, done.stderr
    with Store.open_read_only(installed.folder / home.lstrip("/") / "studio.db") as store:
        assert [run.status for run in queries.list_runs(store)] == [RunStatus.DONE]


def test_the_window_starts_a_run(installed, screen, qtbot):
    home = installed.folder / "root" / "demo"
    made = installed.run("sapo", "engine", "install", "--wheels", "/wheels", "--json", SAPO_STUDIO_HOME="/root/demo")
    assert made.returncode == 0, made.stderr
    line = installed.command("sapo-studio", "--demo", "--home", "/root/demo", DISPLAY=screen)
    with subprocess.Popen(line, stderr=subprocess.PIPE) as window:
        try:
            qtbot.waitUntil(lambda: window.poll() is not None or running(home), timeout=120_000)
            assert window.poll() is None
        finally:
            window.kill()  # the first process of its name space, so that all end


def running(home: Path) -> bool:
    """Whether an engine works on a run of the store there."""
    with suppress(StoreError), Store.open_read_only(home / "studio.db") as store:  # not there, or being made
        return any(run.status is RunStatus.RUNNING for run in queries.list_runs(store))
    return False


def test_it_can_be_removed(installed):
    assert installed.run("apt-get", "remove", "-y", "-qq", "sapo-studio").returncode == 0
    assert not (installed.folder / "usr/lib/sapo-studio").exists()
    assert not (installed.folder / "usr/bin/sapo").exists()
