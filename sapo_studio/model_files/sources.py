"""What `model.source` may name, and where that lies on this disk. Nothing is fetched or converted here."""

from __future__ import annotations

import re
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import reason, shown
from sapo_studio.paths import resources_dir

BUNDLED, HUB = "bundled:", "hub:"
PINNED = "model.json"
"""In a run's folder: which version of a Hub model the run uses."""
_PART = r"[A-Za-z0-9_](?:[\w.-]{0,95})"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})?", re.ASCII)
_REVISION = re.compile(r"\w[\w./-]*", re.ASCII)


def bundled_folder(source: str) -> Path:
    """The folder of "bundled:NAME". Raises InputError for anything but the name of a model that ships."""
    name = source.removeprefix(BUNDLED)
    inside = resources_dir() / "models"
    names = sorted(path.parent.name for path in inside.glob("*/config.json"))
    if name not in names:
        raise InputError(
            f"There is no bundled model {shown(repr(name))}", fix=f"There are {', '.join(BUNDLED + n for n in names)}."
        )
    return inside / name


def hub_name(source: str, revision: str) -> str:
    """OWNER/NAME of "hub:OWNER/NAME". Raises InputError where it or the revision is not one of the Hub's."""
    name = source.removeprefix(HUB)
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        raise InputError(f"{shown(source)} is not the name of a model of the Hub", fix="It has to be hub:OWNER/NAME.")
    if revision and (not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision):
        raise InputError(
            f"model.revision = {shown(repr(revision))} is not a revision", fix="Give a commit, a tag or a branch."
        )
    return name


def local_model(source: str) -> Path:
    """The folder, or the GGUF file, that `source` names. Raises InputError where there is none."""
    try:
        path = Path(source).expanduser()
        is_file, is_folder, there = path.is_file(), path.is_dir(), path.exists() or path.is_symlink()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"There is no model {shown(source)}", why=reason(error)) from error
    if path.suffix.lower() == ".gguf" and not is_folder:
        if not is_file:
            raise InputError(
                f"{path} is not a plain file" if there else f"There is no file {path}",
                fix="Give the model's folder or a .gguf file.",
            )
        return path
    if is_file:
        raise InputError(
            f"{path} is not a valid model", why="It is a file.", fix="Give the model's folder or a .gguf file."
        )
    if not is_folder:
        hint = f'For a model of the Hub write "hub:{source}".' if source.count("/") == 1 and not there else ""
        why = f"{shown(path, 300)} is not a folder." if there else f"There is no folder {shown(path, 300)}."
        raise InputError(f"There is no model {shown(source)}", why=why, fix=hint)
    return path
