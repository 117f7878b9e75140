"""Forms that were left half done, kept in the data folder until their run is started."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.files import read_text
from sapo_studio.paths import data_dir

FILE = "new-run-drafts.json"
MOST = 10
"""Drafts that are kept: the newest."""


@dataclass(frozen=True)
class Draft:
    """What stood in a form: values by dotted path, as typed, and those of what it began with."""

    values: Mapping[str, Any]
    base: Mapping[str, Any]
    preset: str = ""
    origin: str = ""
    all_settings: bool = False
    at: float = field(default_factory=time.time)


class Drafts:
    """By what a form was opened for: empty for a new run, else the run that it copies."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The file that they are kept in."""
        return self._path or data_dir() / FILE

    def get(self, key: str) -> Draft | None:
        """The draft kept for `key`. None where there is none that can be read."""
        kept = self._read().get(key)
        with suppress(TypeError):
            return None if kept is None else Draft(**kept)
        return None

    def put(self, key: str, draft: Draft | None) -> None:
        """Keep a draft, or forget the one for `key`. A disk that takes nothing loses the draft and nothing else."""
        kept = self._read()
        if draft is None and key not in kept:
            return
        kept.pop(key, None)
        if draft is not None:
            kept[key] = asdict(draft)
        newest = sorted(kept, key=lambda one: float(kept[one].get("at", 0.0)))[-MOST:]
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")  # not synced: a draft is not worth a wait for the disk
            part.write_text(json.dumps({one: kept[one] for one in newest}, indent=1), encoding="utf-8")
            part.replace(self.path)

    def _read(self) -> dict[str, dict[str, Any]]:
        with suppress(OSError, ValueError, InputError):
            if self.path.is_file():
                read: object = json.loads(read_text(self.path))
                if isinstance(read, dict):
                    held = cast("dict[str, object]", read)
                    return {key: cast("dict[str, Any]", one) for key, one in held.items() if isinstance(one, dict)}
        return {}
