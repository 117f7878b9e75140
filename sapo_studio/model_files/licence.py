"""What a folder says of the licence of what is in it: in its card, its configuration, or a file of the licence's text.

Read as far as it is said in so many words; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text, read_text

CARD, CONFIG = "README.md", "config.json"
TEXTS = re.compile(r"(?:licen[cs]e|copying)(?:[.-].*)?", re.IGNORECASE)
MOST = 2**20
LONGEST = 120
_FRONT = re.compile(r"\A\s*---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_KEY = re.compile(r"^(license|license_name):\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as it is stated, and the file that states it."""

    name: str
    by: str

    def __str__(self) -> str:
        return f"{self.name} (stated by {self.by})"


def licence_of(folder: Path) -> Licence | None:
    """What the files of `folder` say; None where they say nothing, or cannot be read."""
    for found in (_card(folder / CARD), _config(folder / CONFIG), *_texts(folder)):
        if found is not None:
            return found
    return None


def _read(file: Path) -> str:
    if not file.is_file():
        return ""
    try:
        return read_text(file, most=MOST)
    except InputError:
        return ""


def _card(file: Path) -> Licence | None:
    """The head of a model's or a data set's card, as the Hub has it."""
    front = _FRONT.match(_read(file))
    if front is None:
        return None
    said = {key: value.strip("\"'[] ") for key, value in _KEY.findall(front[1])}
    name = said.get("license_name") if said.get("license") in ("other", None) else said["license"]
    return Licence(name[:LONGEST], file.name) if name else None


def _config(file: Path) -> Licence | None:
    try:
        found = parse_json_text(_read(file) or "null")
    except ValueError:
        return None
    name = found.get("license") if isinstance(found, dict) else None
    return Licence(name[:LONGEST], file.name) if isinstance(name, str) and name.strip() else None


def _texts(folder: Path) -> Iterator[Licence | None]:
    try:
        files = sorted(file for file in folder.iterdir() if TEXTS.fullmatch(file.name))
    except OSError:
        return
    for file in files:
        lines = [" ".join(line.split()) for line in _read(file).splitlines() if line.strip()]
        if lines:
            version = lines[1] if len(lines) > 1 and lines[1].lower().startswith("version") else ""
            yield Licence(f"{lines[0]} {version}".strip()[:LONGEST], file.name)
