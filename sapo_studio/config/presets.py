"""Presets and configuration files: TOML with the keys of RunConfig, and an optional table about the preset
itself::

[preset] title = "Arithmetic lab, five minutes" description = "What it shows." minutes = 5

Shipped presets are in `resources/presets`, the user's own in the data folder.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sapo_studio import paths
from sapo_studio.config.gone import Tell, modernised
from sapo_studio.config.places import beside, whole_paths
from sapo_studio.config.schema import Problem, RunConfig, problems
from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import parse_toml_text, read_text, writing_advice
from sapo_studio.readable import fault_in_words

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class About(BaseModel):
    """The `[preset]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    description: str = ""
    minutes: float | None = Field(default=None, gt=0)


@dataclass(frozen=True)
class Preset:
    """A configuration under a name.

    `minutes` is about how long it takes on two cores, None where nobody said. `notes`: what settings of an earlier
    version in its file have become, a sentence each.
    """

    name: str
    title: str
    description: str
    minutes: float | None
    config: RunConfig
    path: Path
    shipped: bool
    notes: tuple[str, ...] = ()


def shipped_dir() -> Path:
    """The folder of the presets that come with the program."""
    return paths.resources_dir() / "presets"


def user_dir() -> Path:
    """The folder of the user's own presets."""
    return paths.data_dir() / "presets"


def list_presets(on_fault: Callable[[InputError], None] | None = None) -> list[Preset]:
    """All presets: the shipped ones, quickest first, then the user's by name.

    A file that cannot be used raises InputError, or goes to `on_fault` and is left out.
    """
    found: list[Preset] = []
    for path in [*sorted(shipped_dir().glob("*.toml")), *sorted(user_dir().glob("*.toml"))]:
        try:
            found.append(read_preset(path))
        except InputError as error:
            if on_fault is None:
                raise
            on_fault(error)
    return sorted(found, key=lambda preset: (not preset.shipped, preset.minutes or 1e9 if preset.shipped else 0.0))


def is_path(what: str) -> bool:
    """Whether `what` is meant as a file, not as a preset's name."""
    return os.sep in what or Path(what).suffix == ".toml" or what in (os.curdir, os.pardir, "~")


def find_preset(what: str) -> Preset:
    """The preset of this name, or the configuration in this TOML file.

    Raises InputError that names what is nearest.
    """
    if is_path(what):
        return read_preset(paths.user_path(what))
    for folder in (shipped_dir(), user_dir()):
        path = folder / f"{what}.toml"
        if NAME.fullmatch(what) and path.is_file():
            return read_preset(path)
    known = sorted(path.stem for folder in (shipped_dir(), user_dir()) for path in folder.glob("*.toml"))
    near = difflib.get_close_matches(what, known, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise InputError(
        f"There is no preset {what!r}",
        why="There are: " + (", ".join(known) or "none") + ".",
        fix=f"{hint}A configuration file is named with its ending: {what}.toml" if NAME.fullmatch(what) else hint,
    )


def read_preset(path: Path) -> Preset:
    """The preset or configuration in a file; what it names from its own folder, by whole paths.

    Raises InputError that names file, line and key of each fault.
    """
    text = read_text(path)
    if not parse_toml_text(text, str(path)):
        raise InputError(
            f"{path} sets nothing" if text.strip() else f"{path} is empty",
            why="A run of nothing but defaults is not what anybody means by a file.",
            fix="Begin with a preset that is near to it: sapo presets lab-demo > mine.toml",
        )
    notes: list[str] = []
    config, about = parse_toml(text, source=str(path), tell=notes.append)
    config = beside(config, path.parent)
    shipped = path.parent.resolve() == shipped_dir().resolve()
    return Preset(
        path.stem, about.title or path.stem, about.description, about.minutes, config, path, shipped, tuple(notes)
    )


def parse_toml(text: str, *, source: str = "the configuration", tell: Tell = lambda _: None) -> tuple[RunConfig, About]:
    """The configuration in TOML `text` and what it says about itself. `tell` hears of each setting of an earlier
    version that has become another one.

    Raises InputError, with the line of each fault.
    """
    data = parse_toml_text(text, source)
    about_data = data.pop("preset", {})
    data = modernised(data, source, tell)
    faults: list[Problem] = []
    config, about = None, About()
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        faults += problems(error)
    try:
        about = About.model_validate(about_data)
    except ValidationError as error:
        faults += [
            Problem(".".join(["preset", *map(str, fault["loc"])]), _about_message(fault)) for fault in error.errors()
        ]
    if config is None or faults:
        lines = [_located(text, source, fault) for fault in faults]
        raise InputError(f"{source} is not valid", why="\n".join(lines), fix="Correct the keys named above.")
    return config, about


def _about_message(fault: Mapping[str, Any]) -> str:
    unknown = fault["type"] == "extra_forbidden"
    return "no such key; there are title, description and minutes" if unknown else fault_in_words(fault)


def _located(text: str, source: str, fault: Problem) -> str:
    line = line_of(text, fault.path)
    return f"{source}:{line}: {fault}" if line else f"{source}: {fault}"


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of TOML `text` that sets the key or opens the section `path`; None where it is not
    found.
    """
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            section = re.sub(r"\s*\.\s*", ".", header[1]).replace('"', "")
            if section == path:
                return number
            continue
        key = re.match(r"""\s*([\w."'-]+(?:\s*\.\s*[\w"'-]+)*)\s*=""", line)
        if key:
            name = re.sub(r"[\s\"']", "", key[1])
            if ".".join(part for part in (section, name) if part) == path:
                return number
    return None


def to_toml(config: RunConfig, about: About | None = None) -> str:
    """`config` as TOML, every key written out; `parse_toml` reads it back to an equal one."""
    data: dict[str, Any] = {}
    if about is not None:
        told = {key: value for key, value in about.model_dump().items() if value not in ("", None)}
        data = {"preset": told} if told else {}
    return tomli_w.dumps({**_plain(config), **data})


def _plain(config: RunConfig) -> Mapping[str, Any]:
    return config.model_dump(mode="json")


def save_preset(name: str, config: RunConfig, about: About | None = None) -> Path:
    """Keep `config` among the user's presets, in place of one of the same name, and return its file.

    Raises InputError for a name that cannot be a file's or that a shipped preset has, StoreError where it
    cannot be written.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be a preset's name",
            why="It has 1 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or digit.",
        )
    if (shipped_dir() / f"{name}.toml").exists():
        raise InputError(f"{name} is a preset of the program", fix="Choose another name.")
    path = user_dir() / f"{name}.toml"
    try:
        user_dir().mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(to_toml(whole_paths(config), about), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"Cannot write {path}", why=str(error), fix=writing_advice(error)) from error
    return path


def delete_preset(name: str) -> None:
    """Delete one of the user's presets. Raises InputError where there is none of this name."""
    path = user_dir() / f"{name}.toml"
    if not NAME.fullmatch(name) or not path.is_file():
        raise InputError(f"You have no preset {name!r}", fix="`sapo presets` lists what there is.")
    path.unlink()
