"""From what is typed behind `sapo run` to a configuration: a preset or a file, and `--set section.key=value`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sapo_studio.config.gone import RENAMED, Tell
from sapo_studio.config.presets import find_preset, is_path
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.errors import InputError
from sapo_studio.files import DEEPEST, parse_toml_text
from sapo_studio.names import checked_name


def configure(
    what: str, settings: Iterable[str], *, seed: int | None, name: str | None, tell: Tell = lambda _: None
) -> tuple[str, RunConfig]:
    """The preset's name ("" for a file) and the checked configuration of `what`, a preset or the path of a TOML file.
    `tell` hears of each setting of an earlier version that has become another one.

    Raises InputError for a name or file that is not there, and for every wrong value in it.
    """
    preset = find_preset(what)
    for note in preset.notes:
        tell(note)
    data: dict[str, Any] = preset.config.model_dump(mode="json")
    if "name" not in preset.config.model_fields_set:
        data["name"] = preset.name
    data = override(data, settings)
    if seed is not None:
        data["seed"] = seed
    if name is not None:
        data["name"] = name
    config = parse_config(data, source=what, tell=tell)
    checked_name(config.name, "a run")
    return "" if is_path(what) else preset.name, config


def override(data: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """`data` with each `section.key=value` of `settings` put in. Later ones win, under whichever name an earlier
    version had for a setting. Raises InputError.

    A value is read as TOML, and as plain text where it is none. Whether the keys exist is for `parse_config` to say.
    """
    changed = _copy(data)
    for setting in settings:
        path, sign, text = setting.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not sign or not all(keys) or len(keys) > DEEPEST:
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
        section.pop(_namesake(keys), None)
    return changed


_NAMESAKES = {**RENAMED, **{now: before for before, now in RENAMED.items()}}


def _namesake(path: Sequence[str]) -> str:
    """What another version calls the last key of `path`; "" where it has one name."""
    return _NAMESAKES.get(".".join(path), "").rpartition(".")[2]


def _copy(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copy(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
        for key, value in data.items()
    }


def _value(text: str) -> Any:
    try:
        read = parse_toml_text(f"value = {text}", "the value")
    except InputError:
        return text
    return read["value"] if len(read) == 1 else text


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables one over the other, later values win, under whichever name an earlier version had for a setting."""
    return _merged(layers, ())


def _merged(layers: Iterable[Mapping[str, Any]], inside: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below, path = found.get(key), (*inside, key)
            if isinstance(value, Mapping):
                under = cast("Mapping[str, Any]", below) if isinstance(below, Mapping) else {}
                found[key] = _merged((under, cast("Mapping[str, Any]", value)), path)
            else:
                other = _namesake(path)
                if other not in layer:
                    found.pop(other, None)
                found[key] = value
    return found
