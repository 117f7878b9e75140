"""Every table and view of the store with its columns, as a new store has them; notes are those of the migrations."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from reference_parts.markdown import code, head, join, paragraph, table
from sapo_studio.store.db import Store

ABOUT = (
    "What is in `studio.db`, as of this version. How to read it yourself, and what its numbers mean, "
    "[store.md](../store.md) explains; who writes what, [architecture.md](../architecture.md). Times (`*_at`) are "
    "seconds since 1970, truth values 0 and 1, packed columns big-endian."
)
TABLES = {
    "annotations": "judgements of steps by people; the newest of a person and step holds",
    "benchmark_rows": "the solutions of a process benchmark",
    "commands": "what windows and command lines ask of a running engine",
    "comments": "what people said about a trajectory",
    "config_changes": "what was changed when a run was resumed",
    "curves": "points of training curves: loss, learning rate",
    "events": "a run's log",
    "labels": "labels of a trajectory's steps, by source",
    "metrics": "what each iteration measured, on the run's own questions and on evaluation sets",
    "metrics_by_set": "what each iteration measured on evaluation sets",
    "pairs": "preference pairs: the winner, the loser, and how far apart their rewards are",
    "phases": "the phases of a run, as planned and as far as they are",
    "questions": "questions, with their answers and splits",
    "queue_items": "the trajectories of a queue",
    "rollouts": "what was sampled from a prefix to find out whether it can be saved",
    "runs": "runs, and imported files among them",
    "scores": "scores of a trajectory's steps by a verifier",
    "trajectories": "solutions, with their steps",
    "v_annotations": "a person's judgement of a step that still stands",
    "v_compute": "what a phase has computed, for the method and to measure it",
    "v_iterations": "an iteration of a run: accuracies, verifier, ceiling, gap",
    "v_runs": "a run: status, progress, latest accuracies",
    "v_sets": "an iteration on an evaluation set",
    "v_step_labels": "a step's label by source",
    "v_step_scores": "a step's score by verifier V_i",
    "v_steps": "a step of a trajectory: text, and its truth where the task knows it",
}
"""What a table or view holds where its migration does not say so."""


def page() -> str:
    """The page. Raises KeyError for a table that nobody has described."""
    parts = head("Tables of the store", ABOUT)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder, "studio.db")) as store:
        for kind, heading in (("view", "Views"), ("table", "Tables")):
            parts.append(f"## {heading}")
            found = store.rows(
                "SELECT name, sql FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%' ORDER BY name", (kind,)
            )
            for name, sql in found:
                columns = store.rows(f"PRAGMA table_info({name})")
                parts += [f"### {name}", paragraph(f"{_about(name, sql)}.")]
                if kind == "view":  # whose columns have types in some releases of SQLite only
                    parts.append(paragraph("Columns: " + ", ".join(code(one) for _, one, *_ in columns) + "."))
                    continue
                notes = _notes(sql)
                rows = [(code(one), kept_as, notes.get(one, "")) for _, one, kept_as, *_ in columns]
                parts.append(table(("column", "type", "note"), rows))
    return join(parts)


def _about(name: str, sql: str) -> str:
    said = re.match(r"CREATE TABLE \S+ \(\s*--\s*([^\n]+)", sql)
    text = said[1].strip() if said else TABLES[name]
    return text[0].upper() + text[1:]


def _notes(sql: str) -> dict[str, str]:
    """What the definition says behind a column, by the columns on that line."""
    found: dict[str, str] = {}
    for line in sql.splitlines()[1:]:
        defined, _, note = line.partition("--")
        for column in re.findall(r"(?:^|,)\s*(\w+) (?:INTEGER|TEXT|REAL|BLOB)", defined):
            found[column] = note.strip()
    return found
