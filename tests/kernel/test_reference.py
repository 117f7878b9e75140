"""docs/reference has every command, option, setting, preset, metric, format, table and Python name, and says of them
what the program says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from sapo_studio.cli import app
from sapo_studio.config.presets import list_presets
from sapo_studio.config.schema import field_paths
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.formats.registry import FORMATS
from sapo_studio.store.db import Store

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/reference"


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "packaging")
        yield importlib.import_module("reference")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("reference", "reference_parts")]:
        del sys.modules[name]


def test_the_pages_are_what_make_reference_writes(reference: ModuleType):
    made = {name: page() for name, page in reference.PAGES.items()}
    there = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert sorted(there) == sorted(made)
    stale = [name for name in made if made[name] != there[name]]
    assert stale == [], "run `make reference`"


def page(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_every_command_and_option_is_in_it():
    told = page("commands.md")
    seen = 0

    def look(name: str, command: object) -> None:
        nonlocal seen
        assert f"### {name}\n" in told
        for parameter in getattr(command, "params"):  # noqa: B009
            for option in (*parameter.opts, *parameter.secondary_opts):
                seen += option.startswith("--")
                assert not option.startswith("--") or f"`{option}`" in told, f"{name} {option}"
        for below, one in getattr(command, "commands", {}).items():
            look(f"{name} {below}", one)

    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        look(f"sapo {name}", command)
    assert seen > 100


def test_every_field_preset_metric_format_and_table_is_in_it(store: Store):
    named = {
        "configuration.md": field_paths(),
        "presets.md": [preset.name for preset in list_presets() if preset.shipped],
        "metrics.md": list(METRICS),
        "formats.md": [known.name for known in FORMATS],
        "store-tables.md": [
            name
            for (name,) in store.rows(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            )
        ],
    }
    for file, names in named.items():
        assert len(names) > 5, file
        text = page(file)
        assert [name for name in names if f"`{name}`" not in text and f"## {name}\n" not in text] == [], file
