"""What a published folder must not say: places of this machine, and how its files came to be loaded here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

SETTINGS = ("config.json", "generation_config.json", "tokenizer_config.json", "adapter_config.json")
_OURS = frozenset({"_name_or_path", "name_or_path", "is_local", "local_files_only", "_commit_hash", "tokenizer_file"})
_PLACE = re.compile(r"(?:/|~[/\\]|\\\\|[A-Za-z]:[/\\])[^\s]")
"""How a path of a machine begins. Tokens and templates may begin so too: only names of places are looked at."""
_NAMES_PLACES = re.compile(r"path|file|folder|dir", re.IGNORECASE)


def scrub(folder: Path) -> None:
    """Take what concerns this machine alone out of the settings in `folder`."""
    for name in SETTINGS:
        file = folder / name
        if file.is_file():
            told = json.loads(file.read_text(encoding="utf-8"))
            text = json.dumps(_without(told), indent=2, sort_keys=True, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: _without(held) for key, held in entries.items() if key not in _OURS and not _is_place(key, held)}
    return [_without(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _is_place(key: str, held: object) -> bool:
    return isinstance(held, str) and bool(_NAMES_PLACES.search(key) and _PLACE.match(held))
