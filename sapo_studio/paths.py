"""Where things are on disk: the data folder, the store, a run's folder, the shipped resources."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from sapo_studio.errors import InputError

HOME_VARIABLE = "SAPO_STUDIO_HOME"
"""Set this environment variable to keep the store and all runs in a folder of your choice."""


BENCHMARKS = "benchmarks"
"""The folder, in the data folder, with the files of frozen process benchmarks."""
BENCHMARK = "benchmark:"
"""What stands before the name of a benchmark where a file could be named, too: `benchmark:NAME@VERSION`."""
WITH_TUNING = ".with-tuning"
"""In the name of the file that has the rows for thresholds behind those that are measured on."""


def user_path(text: str) -> Path:
    """The path that a user wrote, `~` filled in. Raises InputError where no file can be called so."""
    try:
        path = Path(text).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
        return path
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"{text!r} cannot be used as a path", why=why or str(error), fix="Check the path.") from error


def data_dir() -> Path:
    """The folder with the store and all runs. `$SAPO_STUDIO_HOME`, else the platform's own place."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return user_path(chosen).absolute()
    return Path(platformdirs.user_data_dir("sapo-studio", appauthor=False))


def store_path() -> Path:
    """The SQLite file that everything is kept in."""
    return data_dir() / "studio.db"


def engine_dir() -> Path:
    """Where environments for the engine are made (`sapo engine install`)."""
    return data_dir() / "engine"


def run_dir(run_id: str) -> Path:
    """A run's own folder: config.toml, engine.log, artefacts."""
    return data_dir() / "runs" / run_id


def process_data_path(text: str) -> Path:
    """Where the process benchmark lies that a configuration names: a file, or `benchmark:NAME@VERSION`, frozen.

    Raises InputError where there is no such benchmark.
    """
    if not text.startswith(BENCHMARK):
        return user_path(text)
    name = text.removeprefix(BENCHMARK)
    place = data_dir() / BENCHMARKS / f"{name}.jsonl"
    if Path(name).name != name or "@" not in name or not user_path(str(place)).is_file():
        raise InputError(
            f"There is no frozen process benchmark {name!r} in {place.parent}",
            fix="`sapo benchmark list` says what there is; `sapo benchmark freeze NAME@VERSION` writes its file.",
        )
    return place


def resources_dir() -> Path:
    """Icons, themes, presets and bundled models, in a checkout as well as in an installed wheel."""
    package = Path(__file__).resolve().parent
    installed = package / "resources"
    return installed if installed.is_dir() else package.parent / "resources"
