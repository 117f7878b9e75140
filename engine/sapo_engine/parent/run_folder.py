"""The folder of a run, with its configuration as a file: what the worker and people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from sapo_studio import files
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import StoreError
from sapo_studio.store.faults import NO_ROOM, StoreFault


def prepare_folder(folder: Path, config: RunConfig) -> None:
    """Make the folder and write `config.toml` into it. Raises StoreFault on a full disk, StoreError where it cannot be
    written."""
    values: dict[str, Any] = config.model_dump(mode="json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_atomic(folder / "config.toml", tomli_w.dumps(values).encode())
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StoreFault(
                "full", f"The disk with {folder} is full", why=str(error), fix="Free some space."
            ) from error
        raise StoreError(
            f"Cannot write to the run's folder {folder}",
            why=str(error),
            fix="Make it writable, or free some space, and resume the run.",
        ) from error
