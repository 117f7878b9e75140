"""A store of its own for each test, and one synthetic run shared by tests that only read."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import typer.testing

from sapo_studio import paths
from sapo_studio.store.db import Store
from tests.fixtures.ready_stores import stores_are_copied, stores_are_made
from tests.fixtures.synthetic import synthetic_run

__all__ = ["stores_are_copied", "stores_are_made"]


@pytest.fixture(scope="session", autouse=True)
def _signatures_are_read_once() -> Iterator[None]:
    """Typer reads those of all commands again at each call of `sapo`: most of what a call takes in a test."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = functools.cache(typer.main.get_command)
        patch.setattr(typer.main, "get_command", read_once)
        patch.setattr(typer.testing, "_get_command", read_once)
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the test."""
    folder = tmp_path / "home"
    monkeypatch.setenv(paths.HOME_VARIABLE, str(folder))
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open() as opened:
        yield opened


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """A store with two finished runs, to read from, and the id of the first."""
    with Store.open(tmp_path_factory.mktemp("finished") / "studio.db") as opened:
        run_id = synthetic_run(opened, name="first", trajectories=120, questions=24)
        synthetic_run(opened, name="second", trajectories=40, questions=12, seed=1)
        yield opened, run_id
