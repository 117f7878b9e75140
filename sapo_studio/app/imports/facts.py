"""What an imported file is, in numbers and in a few sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sapo_studio.formats.registry import FORMATS
from sapo_studio.readable import counted, listing
from sapo_studio.store import imports, queries
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import judged_steps


@dataclass(frozen=True)
class ImportFacts:
    """Counts of an imported file. `scored_by`: which verifier stands under which number."""

    run_id: str
    name: str
    file: str
    format: str
    settings: dict[str, Any]
    rows: int
    refused: int
    solutions: int
    incorrect: int
    """Solutions with a first error, as the file has it."""
    unknown: int
    """Solutions whose first error the file does not say."""
    judged: int
    """Solutions that people have judged completely."""
    scored_by: dict[str, str]
    sampled: dict[str, Any]
    """Of solutions that were written for people to judge: by whom (`models`), and how many there were to choose from
    (`solutions`); else empty."""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @property
    def title(self) -> str:
        """What its format is called."""
        if self.format == imports.BUNDLE:
            return "an annotation bundle"
        return next((known.title for known in FORMATS if known.name == self.format), self.format)

    def sentences(self) -> list[str]:
        """The same for people, a line each."""
        kind = "solutions for people to judge" if self.sampled else "imported file"
        told = [
            f"{self.name} ({self.run_id}): {kind}, {counted(self.rows, 'row')} of {self.title}",
            f"Sampled from {listing(self.sampled['models'])}" if self.sampled else f"From {self.file}",
            f"{counted(self.solutions, 'solution')}: {self.incorrect:,} with an incorrect step, {self.unknown:,} whose "
            f"first error is not known, {self.judged:,} judged by people",
        ]
        if self.format == "math_aps":
            told.append(f"A step is correct where its value is above {self.settings['threshold']:g}")
        if self.refused:
            told.append(f"{counted(self.refused, 'row')} of the file refused")
        return told + [f"V_{number}: scores by {name}" for number, name in self.scored_by.items()]


def facts(store: Store, run_id: str) -> ImportFacts:
    """What the imported file `run_id` is. Raises InputError where it is a run."""
    info = imports.info(store, run_id)
    rows, solutions = imports.counts(store, run_id)
    first = "coalesce(verified, truth)"
    counted = store.row(
        f"SELECT coalesce(sum({first} > 0), 0), coalesce(sum({first} IS NULL), 0) FROM trajectories WHERE run_id = ?",
        (run_id,),
    )
    incorrect, unknown = counted or (0, 0)
    settings = dict(info.settings)
    return ImportFacts(
        run_id=run_id,
        name=queries.get_run(store, run_id).name,
        file=info.file,
        format=info.format,
        scored_by=settings.pop("scored_by", {}),
        sampled=settings.pop(imports.SAMPLED, {}),
        settings=settings,
        rows=rows,
        refused=len(info.refused),
        solutions=solutions,
        incorrect=int(incorrect),
        unknown=int(unknown),
        judged=len(judged_steps(store, *id_range(queries.get_number(store, run_id)))),
    )
