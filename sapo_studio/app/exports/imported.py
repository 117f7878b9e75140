"""An imported file written again: in its own format as it was, or in another one, as far as that holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sapo_studio.app.exports.extras import count_extras, extras_of
from sapo_studio.app.exports.people import labels_by
from sapo_studio.app.imports.scan import rows_of, write_framed
from sapo_studio.app.imports.stored import solutions_in
from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.extras import Extras
from sapo_studio.formats.holding import Fact, Losses
from sapo_studio.formats.raw_rows import DEEPEST, RawRow
from sapo_studio.formats.registry import KnownFormat, format_named
from sapo_studio.formats.rows import RowFormat, with_own_ids
from sapo_studio.formats.splice import Edit, edited, json_text
from sapo_studio.formats.step_labels import CORRECT, NEUTRAL, UNKNOWN, first_error_of
from sapo_studio.store import imports, queries
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import judged_steps
from sapo_studio.store.imports import StoredRow


def written(store: Store, run_id: str, known: KnownFormat, *, people: bool, losses: Losses) -> Iterator[str]:
    """The rows of an imported file in a format. `people`: with people's labels where they judged a solution, the file's
    elsewhere; without it the file's own.

    What the format cannot hold is in `losses` once everything was read. Raises InputError where nobody has judged.
    """
    info = imports.info(store, run_id)
    own = format_named(info.format)
    judged = _judged(store, run_id)
    if people and not judged:
        raise InputError(
            f"Nobody has judged a solution of {run_id} completely",
            fix="Judge steps in the window, or leave --labels out for the file's own labels.",
        )
    if judged and not people:
        losses.add("people's labels, which --labels human writes", len(judged), "solution")
    file = _File(store, run_id, rows_of(own), ReadAs.of(info.settings), judged if people else {})
    if known.name == own.name:
        return write_framed(info.frame, file.as_it_was(losses))
    target = rows_of(known)
    solutions = file.solutions(target, losses)
    return target.lines(with_own_ids(solutions, losses) if target.own_ids else solutions, losses)


def _judged(store: Store, run_id: str) -> dict[int, str]:
    """People's labels of the trajectories that they judged."""
    said = judged_steps(store, *id_range(queries.get_number(store, run_id)))
    if not said:
        return {}
    steps = dict(store.rows("SELECT id, n_steps FROM trajectories WHERE run_id = ?", (run_id,)))
    return {identity: labels_by(judgements, steps[identity]) for identity, judgements in said.items()}


@dataclass(frozen=True)
class _File:
    """An imported file, and people's labels for some of its trajectories."""

    store: Store
    run_id: str
    rows: RowFormat
    read_as: ReadAs
    judged: Mapping[int, str]

    def as_it_was(self, losses: Losses) -> Iterator[tuple[int, str]]:
        """Its rows, by number; where people judged, nothing but labels is another.

        A row may have no place for what they say: an odd one has fewer labels than steps. That is in `losses`.
        """
        for row in imports.stored_rows(self.store, self.run_id):
            judged = any(identity in self.judged for identity in row.trajectories)
            yield row.row, self._relabeled(row, losses) if judged else row.raw

    def _relabeled(self, row: StoredRow, losses: Losses) -> str:
        value: Any = parse_json_text(row.raw, deepest=DEEPEST)
        edits: list[Edit] = []
        for place, identity in enumerate(row.trajectories):
            if identity in self.judged:
                edits += self.rows.relabel(value, place, self.judged[identity], self.read_as)
        raw = edited(row.raw, edits)
        if Fact.JUDGEMENTS not in self.rows.holds:
            if Fact.NEUTRAL not in self.rows.holds:
                judged = "".join(self.judged.get(identity, "") for identity in row.trajectories)
                losses.add(Fact.NEUTRAL.value, judged.count(NEUTRAL), "step")
            losses.add("people's labels that their rows have no place for", self._unsaid(row, raw), "solution")
            return raw
        # The program's own format also says who judged what: such a row is written anew, and keeps its other keys.
        (solution,) = self._with_extras(row, self._read(row))
        return json_text(value | self.rows.write(solution))

    def _unsaid(self, row: StoredRow, raw: str) -> int:
        """How many of a row's judged solutions the text `raw` gives other labels than people did."""
        value = parse_json_text(raw, deepest=DEEPEST)
        found = self.rows.solutions(RawRow(row.row, row.row, "", raw, value), self.read_as)
        said = [(self.judged.get(identity), one) for identity, one in zip(row.trajectories, found, strict=True)]
        return sum(wanted is not None and not self._says(one, wanted) for wanted, one in said)

    def _says(self, solution: LabeledSolution, wanted: str) -> bool:
        if Fact.STEPS not in self.rows.holds:
            return solution.first_error == first_error_of(wanted)
        held = wanted if Fact.NEUTRAL in self.rows.holds else wanted.replace(NEUTRAL, CORRECT)
        return all(mark in (UNKNOWN, now) for mark, now in zip(held, solution.labels, strict=True))

    def solutions(self, target: RowFormat, losses: Losses) -> Iterator[LabeledSolution]:
        """Its solutions, for another format."""
        everything = Fact.JUDGEMENTS in target.holds
        if not everything:
            count_extras(self.store, self.run_id, losses)
        others: dict[str, None] = {}
        for row in imports.stored_rows(self.store, self.run_id):
            found = self._read(row)
            others |= dict.fromkeys(key for key in json.loads(row.raw) if key not in self.rows.understood)
            yield from self._with_extras(row, found) if everything else found
        losses.fields(list(others))

    def _read(self, row: StoredRow) -> list[LabeledSolution]:
        return [
            _plain(one.relabeled(self.judged[identity]) if identity in self.judged else one)
            for identity, one in solutions_in(row, self.rows, self.read_as)
        ]

    def _with_extras(self, row: StoredRow, solutions: list[LabeledSolution]) -> list[LabeledSolution]:
        known = extras_of(self.store, row.trajectories)
        pairs = zip(row.trajectories, solutions, strict=True)
        return [one.model_copy(update={"extras": known[identity]}) for identity, one in pairs]


def _plain(solution: LabeledSolution) -> LabeledSolution:
    """Without what the file had of people and verifiers: the store has it now, and more."""
    return solution.model_copy(update={"extras": Extras()})
