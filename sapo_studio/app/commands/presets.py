"""`sapo presets`: what can be run by name."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.printing import console, pass_on, say, say_json


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
        say(f"Preset {delete} is deleted.", error=True)
        return
    if name is not None:
        found = find_preset(name)
        if as_json:
            say_json({"name": found.name, "config": found.config.model_dump(mode="json")})
        else:
            about = About(title=found.title, description=found.description, minutes=found.minutes)
            pass_on(to_toml(found.config, about))
        return
    known = list_presets(on_fault=lambda error: say(f"{error}\n", error=True))
    if as_json:
        for preset in known:
            line = {
                "name": preset.name,
                "title": preset.title,
                "description": preset.description,
                "minutes": preset.minutes,
                "shipped": preset.shipped,
            }
            say_json(line)
        return
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    shown.add_column("preset")
    shown.add_column("about")
    shown.add_column("minutes", justify="right")
    for preset in known:
        minutes = "-" if preset.minutes is None else f"{preset.minutes:g}"
        shown.add_row(escape(preset.name), escape(preset.description or preset.title), minutes)
    console().print(shown)
