"""The solutions of an imported file, read again from its rows as they stood there."""

from __future__ import annotations

from collections.abc import Iterator

from sapo_studio.app.imports.scan import rows_of
from sapo_studio.files import parse_json_text
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.raw_rows import DEEPEST, RawRow
from sapo_studio.formats.registry import format_named
from sapo_studio.formats.rows import RowFormat
from sapo_studio.store import imports
from sapo_studio.store.db import Store
from sapo_studio.store.imports import StoredRow


def solutions_in(row: StoredRow, rows: RowFormat, read_as: ReadAs) -> list[tuple[int, LabeledSolution]]:
    """The solutions of a row, each with the id of its trajectory."""
    value = parse_json_text(row.raw, deepest=DEEPEST)
    found = rows.solutions(RawRow(row.row, row.row, "", row.raw, value), read_as)
    return list(zip(row.trajectories, found, strict=True))


def stored_solutions(store: Store, run_id: str) -> Iterator[tuple[int, LabeledSolution]]:
    """All solutions of an imported file, each with the id of its trajectory; none of what came by a bundle."""
    info = imports.info(store, run_id)
    if info.format == imports.BUNDLE:
        return
    rows = rows_of(format_named(info.format))
    for row in imports.stored_rows(store, run_id):
        yield from solutions_in(row, rows, ReadAs.of(info.settings))
