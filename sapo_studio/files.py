"""Files that are either whole or absent: written beside their place, synced, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

MANIFEST = "manifest.json"


def write_atomic(file: Path, data: bytes) -> None:
    """Put `data` in `file`, all or nothing."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def write_folder(folder: Path, fill: Callable[[Path], None], facts: dict[str, Any]) -> None:
    """Make `folder` in one move: `fill` writes into a temporary one, every file is synced, and a manifest with
    the sizes comes last.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fill(part)
    sizes: dict[str, int] = {}
    for file in sorted(part.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
            sizes[file.relative_to(part).as_posix()] = file.stat().st_size
    write_atomic(part / MANIFEST, json.dumps({"facts": facts, "sizes": sizes}).encode())
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The facts that `write_folder` stored, if the folder is whole; None otherwise."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    sizes = cast("dict[str, int]", manifest["sizes"])
    for name, size in sizes.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            return None
    return cast("dict[str, Any]", manifest["facts"])
