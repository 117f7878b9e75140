"""Importing a file: recognized, read row by row, and written into the store, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sapo_studio.app.imports.scan import Refused, Scan, rows_of
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.bundle_mark import is_bundle
from sapo_studio.formats.registry import KnownFormat, format_named, recognized
from sapo_studio.names import fitted_name
from sapo_studio.store.db import Store
from sapo_studio.store.imports import ImportInfo, Staging

AUTO = "auto"
OWN = "sapo"
"""The format that holds everything."""


@dataclass(frozen=True)
class Look:
    """What a file would come to."""

    known: KnownFormat
    kept: int
    solutions: int
    refused: list[Refused]


@dataclass(frozen=True)
class Imported:
    """What a file has come to."""

    run_id: str
    known: KnownFormat
    kept: int
    solutions: int
    refused: list[Refused]

    def as_json(self) -> dict[str, Any]:
        """Plain data: what was kept is counted in rows."""
        return {"run_id": self.run_id, "kept": self.kept, "refused": [asdict(one) for one in self.refused]}


def name_of(file: Path) -> str:
    """What a file is called where nobody says: as the file, without what stands behind the last dot."""
    return fitted_name(file.name.removesuffix(".gz").rpartition(".")[0] or file.name, "import")


def known_format(file: Path, name: str = AUTO) -> KnownFormat:
    """The format of this name; `auto` looks into the file. Raises InputError, for an annotation bundle as well."""
    if is_bundle(file):
        raise InputError(
            f"{file} is an annotation bundle: a queue and what people said of it, not a file of labeled steps",
            fix="Bring it in with `sapo bundle import`, or in the window by dropping it there.",
        )
    return recognized(file) if name.strip().lower() == AUTO else format_named(name)


def look(file: Path, known: KnownFormat, read_as: ReadAs, *, go_on: Callable[[], bool] = lambda: True) -> Look:
    """What importing `file` would keep and refuse; nothing is written. It ends early where `go_on` says no."""
    scan = Scan(file, rows_of(known), read_as)
    kept = solutions = 0
    for _, found in scan:
        kept += 1
        solutions += len(found)
        if not go_on():
            break
    return Look(known, kept, solutions, scan.refused)


def take_in(store: Store, file: Path, known: KnownFormat, read_as: ReadAs, name: str = "") -> Imported:
    """Import `file` under a name (its own without one). Raises InputError where no row of it can be kept."""
    rows = rows_of(known)
    scan = Scan(file, rows, read_as)
    with Staging() as staging:
        for row, solutions in scan:
            staging.add(row.number, row.raw, solutions)
        if not staging.rows:
            raise InputError(
                f"Nothing of {file} can be kept as {known.title}",
                why="\n".join(f"line {one.line}: {one.why}" for one in scan.refused[:5]) or "It has no rows.",
                fix=rows.shape,
            )
        info = ImportInfo("", str(file.absolute()), known.name, read_as.settings, scan.frame, scan.told)
        run_id = staging.write(store, name or name_of(file), info, by_rollouts=rows.by_rollouts)
        return Imported(run_id, known, staging.rows, staging.solutions, scan.refused)


def take_in_written(
    store: Store, solutions: Sequence[LabeledSolution], name: str, *, file: str, settings: Mapping[str, Any]
) -> str:
    """Keep solutions that this program has just written as an imported file in its own format: `file` says where they
    are from. Returns its id."""
    rows = rows_of(format_named(OWN))
    with Staging() as staging:
        for number, (one, line) in enumerate(zip(solutions, rows.lines(solutions), strict=True), start=1):
            staging.add(number, line.rstrip("\n"), [one])
        frame = {"before": "", "gap": "\n", "gaps": {}, "tail": "\n", "array": False}
        info = ImportInfo("", file, OWN, {**ReadAs().settings, **settings}, frame, [])
        return staging.write(store, name, info, by_rollouts=rows.by_rollouts)
