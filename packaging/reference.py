"""Make docs/reference again: pages of every command, setting, preset, metric, format, table and Python name.

Run: python packaging/reference.py docs/reference (make reference). tests/kernel/test_reference.py holds the pages
against what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from reference_parts import catalogues, commands, configuration, presets, python_interface, store

PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "configuration.md": configuration.page,
    "presets.md": presets.page,
    "metrics.md": catalogues.metrics_page,
    "formats.md": catalogues.formats_page,
    "registries.md": catalogues.registries_page,
    "store-tables.md": store.page,
    "python.md": python_interface.page,
}
"""The pages, by file name."""


def main(folder: Path) -> None:
    """Write them all into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
