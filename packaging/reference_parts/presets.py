"""The presets that come with the program, and what of the defaults each changes."""

from __future__ import annotations

from typing import Any

import tomli_w

from reference_parts.markdown import head, join, paragraph
from sapo_studio.config.presets import Preset, list_presets
from sapo_studio.config.schema import RunConfig

ABOUT = (
    "`sapo run NAME` starts one, `sapo presets` lists them, `sapo presets NAME` prints one whole; the New run form is "
    "filled from one. Here is what each sets differently from the defaults ([configuration.md](configuration.md)). "
    "How long one takes is said for two CPU cores, where that was measured."
)


def page() -> str:
    """The page."""
    parts = head("Presets", ABOUT)
    for preset in list_presets():
        if preset.shipped:
            minutes = f" About {preset.minutes:g} minutes." if preset.minutes else ""
            parts += [
                f"## {preset.name}",
                paragraph(f"**{preset.title}**. {preset.description}{minutes}"),
                _toml(preset),
            ]
    return join(parts)


def _toml(preset: Preset) -> str:
    changed = _changed(preset.config.model_dump(mode="json"), RunConfig().model_dump(mode="json"))
    return f"```toml\n{tomli_w.dumps(changed)}```"


def _changed(data: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The keys of `data` that are not as in `usual`."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(usual.get(key), dict):
            if inside := _changed(value, usual[key]):
                found[key] = inside
        elif value != usual.get(key) and value is not None:
            found[key] = value
    return found
