"""The presets, as the New run form takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sapo_studio.config import presets
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_ui import format as fmt


@dataclass(frozen=True)
class PresetChoice:
    """A preset as the form offers it."""

    name: str
    config: RunConfig
    about: str = ""


class Presets(Protocol):
    """Where presets come from and go to."""

    def all(self, on_fault: Callable[[InputError], None]) -> Sequence[PresetChoice]:
        """Every preset that can be used, the shipped ones first; the others go to `on_fault`."""
        ...

    def save(self, name: str, config: RunConfig) -> object:
        """Keep `config` as a preset of the user's. May raise SapoError."""
        ...


class PresetLibrary:
    """The shipped presets and the user's own."""

    def all(self, on_fault: Callable[[InputError], None]) -> list[PresetChoice]:
        """Every preset that can be used; the others go to `on_fault`."""
        return [PresetChoice(found.name, found.config, _about(found)) for found in presets.list_presets(on_fault)]

    def save(self, name: str, config: RunConfig) -> object:
        """Keep `config` as a preset of the user's. Raises InputError or StoreError."""
        return presets.save_preset(name, config)


def _about(preset: presets.Preset) -> str:
    title = "" if preset.title == preset.name else preset.title.rstrip(".") + "."
    minutes = "" if preset.minutes is None else f"About {fmt.duration(60 * preset.minutes)} on two cores."
    return " ".join(part for part in (title, preset.description, minutes) if part)
