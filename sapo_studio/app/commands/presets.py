"""`sapo presets`: what can be run by name."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `presets`."""
    app.command("presets")(presets)


def presets(
    name: Annotated[str | None, typer.Argument(metavar="[PRESET]", help="Print this one as TOML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    delete: Annotated[str, typer.Option("--delete", metavar="NAME", help="Delete this preset of yours.")] = "",
) -> None:
    """List the presets, or print one completely, as TOML to change and run.

    Examples: `sapo presets`, `sapo presets lab-demo > mine.toml`, `sapo presets --delete mine`
    """
    from sapo_studio.config.presets import About, delete_preset, find_preset, list_presets, to_toml

    if delete:
        delete_preset(delete)
        print(f"Preset {delete} is deleted.", file=sys.stderr)
        return
    if name is not None:
        found = find_preset(name)
        if as_json:
            print(json.dumps({"name": found.name, "config": found.config.model_dump(mode="json")}))
        else:
            about = About(title=found.title, description=found.description, minutes=found.minutes)
            print(to_toml(found.config, about), end="")
        return
    known = list_presets(on_fault=lambda error: print(f"{error}\n", file=sys.stderr))
    if as_json:
        for preset in known:
            line = {
                "name": preset.name,
                "title": preset.title,
                "description": preset.description,
                "minutes": preset.minutes,
                "shipped": preset.shipped,
            }
            print(json.dumps(line, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    shown.add_column("preset")
    shown.add_column("about")
    shown.add_column("minutes", justify="right")
    for preset in known:
        minutes = "-" if preset.minutes is None else f"{preset.minutes:g}"
        shown.add_row(preset.name, escape(preset.description or preset.title), minutes)
    Console(highlight=False).print(shown)
