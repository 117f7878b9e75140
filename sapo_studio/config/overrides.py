"""Changing single values of a configuration from the command line: `--set section.key=value`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, cast

from sapo_studio.errors import InputError


def override(data: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """`data` with each `section.key=value` of `settings` put in; later ones win. Whether the keys exist is for
    `parse_config` to say. A value is read as TOML, and as plain text where it is none. Raises InputError.
    """
    changed = _copy(data)
    for setting in settings:
        path, sign, text = setting.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not sign or not all(keys):
            raise InputError(
                f"--set {setting} cannot be read",
                why="It has to be a key, an equals sign and a value.",
                fix="For example: --set sampling.samples=16",
            )
        section = changed
        for key in keys[:-1]:
            inner = section.setdefault(key, {})
            if not isinstance(inner, dict):
                raise InputError(f"--set {setting}: {key} is a value, not a section", fix="Shorten the key.")
            section = cast("dict[str, Any]", inner)
        section[keys[-1]] = _value(text.strip())
    return changed


def _copy(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copy(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
        for key, value in data.items()
    }


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
