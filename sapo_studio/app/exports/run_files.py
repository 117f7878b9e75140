"""Getting things out of a run: trajectories, benchmark, metrics, configuration, a model folder."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.config.presets import to_toml
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import output_place
from sapo_studio.paths import user_path
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.traces import parse_scores, parse_steps

BATCH = 2000


def trajectory_lines(
    store: Store, run_id: str, *, source: str | None = None, iteration: int | None = None
) -> Iterator[str]:
    """Every trajectory as a line of JSON: question, steps, outcome, scores by verifier, labels by source.

    First errors are 1-based, 0 for none, null where unknown.
    """
    last, high = id_range(queries.get_number(store, run_id))
    last -= 1
    while True:
        rows = store.rows(
            "SELECT t.id, t.question_id, q.split, q.text, q.answer, t.iteration, t.sample, t.source, t.steps,"
            ' t.correct, t.answer, t.truth, t.verified, t."case", t.tokens, t.copies, q."set" FROM trajectories t'
            " JOIN questions q ON q.id = t.question_id WHERE t.id > ? AND t.id <= ?"
            " AND (? IS NULL OR t.source = ?) AND (? IS NULL OR t.iteration = ?) ORDER BY t.id LIMIT ?",
            (last, high, source, source, iteration, iteration, BATCH),
        )
        if not rows:
            return
        first, last = rows[0][0], rows[-1][0]
        scores: dict[int, dict[str, list[float]]] = {}
        for identity, verifier, blob in store.rows(
            "SELECT trajectory_id, verifier, scores FROM scores WHERE trajectory_id BETWEEN ? AND ? ORDER BY 1, 2",
            (first, last),
        ):
            values = parse_scores(store, blob, identity)
            scores.setdefault(identity, {})[str(verifier)] = [round(float(v), 4) for v in values]
        labels: dict[int, dict[str, str]] = {}
        for identity, written_by, text in store.rows(
            "SELECT trajectory_id, source, labels FROM labels WHERE trajectory_id BETWEEN ? AND ? ORDER BY 1, 2",
            (first, last),
        ):
            labels.setdefault(identity, {})[written_by] = text
        human = human_first_errors(store, first, last)
        for row in rows:
            (identity, question, split, text, reference, made_in, sample, kind, steps, correct, answer) = row[:11]
            (truth, verified, case, tokens, copies, of) = row[11:]
            said = human.get(identity, -1)
            line = {
                "number": row_number(identity),
                "question_number": row_number(question),
                "split": split,
                "question": text,
                "reference": reference,
                "iteration": made_in,
                "sample": sample,
                "source": kind,
                "steps": parse_steps(store, steps, identity),
                "answer": answer,
                "correct": bool(correct),
                "truth": truth,
                "verified": verified,
                "human": None if said < 0 else said,
                "case": case,
                "tokens": tokens,
                "copies": copies,
                "scores": scores.get(identity, {}),
                "labels": labels.get(identity, {}),
            }
            if of:
                line["set"] = of
            yield json.dumps(line, ensure_ascii=False) + "\n"


def metrics_csv(store: Store, run_id: str) -> Iterator[str]:
    """All metrics as CSV lines, with a header.

    Shares are fractions; an estimate has a 1 in its column. Of a run that names evaluation sets there is a column `set`
    more, empty for the run itself.
    """
    queries.get_number(store, run_id)
    found = queries.metrics_by_set(store, run_id)
    named = any(found)
    yield _csv("iteration", "name", "value", "low", "high", "n", "estimate", *(["set"] if named else []))
    for of, metrics in found.items():
        for iteration, values in metrics.items():
            for name, value in values.items():
                cells = (iteration, name, value.value, value.low, value.high, value.n, int(value.estimate))
                yield _csv(*cells, *([of] if named else []))


def _csv(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def config_toml(store: Store, run_id: str) -> Iterator[str]:
    """The run's resolved configuration as TOML that `sapo run` takes."""
    yield to_toml(queries.get_config(store, run_id))


@dataclass(frozen=True, slots=True)
class CopiedModel:
    """The reasoner of an iteration that was copied; of an adapter (LoRA) the model that it belongs to, else ""."""

    iteration: int
    base: str


def copy_model(store: Store, run_id: str, target: Path, *, iteration: int | None = None) -> CopiedModel:
    """Copy the reasoner M of an iteration (0: after the warm-up; default: the newest) to the new folder
    `target`.

    It is an ordinary transformers model folder, or of a run that trains adapters a peft folder. Raises InputError,
    StoreError.
    """
    made = {
        phase.iteration: phase.artefact
        for phase in queries.phases(store, run_id)
        if phase.status == "done" and phase.name in (PhaseName.SFT, PhaseName.ALIGN)
    }
    if not made:
        raise InputError(f"Run {run_id} has no model yet", fix="Wait until its warm-up is done.")
    chosen = max(made) if iteration is None else iteration
    if chosen not in made:
        raise InputError(
            f"Run {run_id} has no model of iteration {chosen}", fix=f"There are: {', '.join(map(str, sorted(made)))}."
        )
    artefact = store.run_dir(run_id) / "artefacts" / made[chosen]
    adapter = (artefact / "adapter").is_dir()
    origin = artefact / ("adapter" if adapter else "model")
    if not origin.is_dir():
        raise StoreError(f"The model of iteration {chosen} is no longer at {origin}", fix="Resume or repeat the run.")
    target = user_path(str(target))
    if target.name and (target.exists() or target.is_symlink()):
        raise InputError(f"{target} exists already", fix="Choose a folder that does not exist yet.")
    place = output_place(target)
    partial = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
        shutil.copytree(origin, partial, dirs_exist_ok=True)
        partial.rename(place)
    except OSError as error:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        raise StoreError(
            f"Cannot write {target}", why=str(error), fix="Free some space or choose another folder."
        ) from error
    return CopiedModel(chosen, queries.get_config(store, run_id).model.source if adapter else "")
