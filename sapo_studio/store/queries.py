"""Everything that is read from the store, by the window and the command line alike.

Each call opens and closes its own cursor: an open read cursor would keep the engine from checkpointing. What
concerns single trajectories is in `traces`, how runs are listed in `run_summaries` and found in `run_lookup`, their
figures in `run_metrics`; all of it can be had from here as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.errors import RunGone
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.records import (
    AnnotationInfo,
    ConfigChange,
    CurvePoints,
    ErrorText,
    HeatmapData,
    HeatmapQuery,
    LabelInfo,
    LogLine,
    MetricValue,
    PairInfo,
    PhaseInfo,
    RolloutInfo,
    RunSummary,
    SiblingInfo,
    SiblingSteps,
    TraceDetail,
    TraceFilter,
    TraceRow,
)
from sapo_studio.store.run_lookup import find_entry, find_imported, find_own_run, find_run, is_a_file
from sapo_studio.store.run_metrics import MetricTable, compute, curves, last_loss, metrics, metrics_by_set
from sapo_studio.store.run_summaries import get_run, list_runs, working_runs
from sapo_studio.store.traces import first_hits, heatmap, same_question, trace, trace_ids, trace_rows

__all__ = [
    "AnnotationInfo",
    "ConfigChange",
    "CurvePoints",
    "ErrorText",
    "HeatmapData",
    "HeatmapQuery",
    "LabelInfo",
    "LogLine",
    "MetricTable",
    "MetricValue",
    "PairInfo",
    "PhaseInfo",
    "RolloutInfo",
    "RunSummary",
    "SiblingInfo",
    "SiblingSteps",
    "TraceDetail",
    "TraceFilter",
    "TraceRow",
    "annotators",
    "case_counts",
    "compute",
    "curves",
    "find_entry",
    "find_imported",
    "find_own_run",
    "find_run",
    "first_hits",
    "get_config",
    "get_run",
    "heatmap",
    "last_loss",
    "list_runs",
    "log",
    "margins",
    "metrics",
    "metrics_by_set",
    "newest_pairs",
    "pairs",
    "phases",
    "raw_config",
    "same_question",
    "sets_of",
    "trace",
    "trace_ids",
    "trace_rows",
    "verifiers_of",
    "warnings",
    "working_runs",
]


def get_config(store: Store, run_id: str) -> RunConfig:
    """The resolved configuration of a run. Raises RunGone where there is no such run, InputError where it is an
    imported file."""
    return parse_config(raw_config(store, run_id), source=f"the configuration of run {run_id}")


def raw_config(store: Store, run_id: str) -> dict[str, Any]:
    """The configuration as the store has it, of whatever version. Raises as `get_config` does, but for keys that this
    version does not know."""
    text = _config_text(store, run_id)
    with reading(store.path, f"the configuration of run {run_id}"):
        values: Any = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError("it is no object")
        return cast("dict[str, Any]", values)


def _config_text(store: Store, run_id: str) -> str:
    found = store.row("SELECT config, kind FROM runs WHERE id = ?", (run_id,))
    if found is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    text, kind = found
    if kind == "import":
        raise is_a_file(run_id)
    return text


def get_seed(store: Store, run_id: str) -> int:
    """A run's seed. Also of one whose configuration has keys that this version does not know: its report needs none."""
    values = raw_config(store, run_id)
    with reading(store.path, f"the configuration of run {run_id}"):
        return int(values["seed"])


def config_changes(store: Store, run_id: str) -> list[ConfigChange]:
    """What was changed in a run's configuration when it was resumed, oldest first."""
    return [
        ConfigChange(at, ordinal, sender, key, json.loads(before), json.loads(after))
        for at, ordinal, sender, key, before, after in store.rows(
            "SELECT at, phase_ordinal, sender, key, before, after FROM config_changes WHERE run_id = ? ORDER BY id",
            (run_id,),
        )
    ]


def phases(store: Store, run_id: str) -> list[PhaseInfo]:
    """The phases of a run, in order."""
    found = store.rows(
        "SELECT id, run_id, ordinal, name, iteration, status, weight, done, total, unit, message, artefact, started_at,"
        " finished_at, seconds FROM phases WHERE run_id = ? ORDER BY ordinal",
        (run_id,),
    )
    return [PhaseInfo(*row) for row in found]


def sets_of(store: Store, run_id: str) -> list[str]:
    """The evaluation sets of a run that have stored questions."""
    found = store.rows("SELECT DISTINCT \"set\" FROM questions WHERE run_id = ? AND split = 'test'", (run_id,))
    return sorted(name for (name,) in found if name)


def log(
    store: Store,
    run_id: str,
    *,
    after_id: int = 0,
    limit: int = 5000,
    text: str = "",
    levels: Sequence[str] | None = None,
) -> list[LogLine]:
    """The newest `limit` log lines of a run behind `after_id`, oldest first; only those of `levels` and with
    `text` in them, if given.
    """
    where, values = "run_id = ? AND id > ?", [run_id, after_id]
    if text:
        where += " AND instr(lower(message), ?) > 0"
        values.append(text.lower())
    if levels is not None:
        where += f" AND level IN ({', '.join('?' * len(levels))})"
        values += levels
    found = store.rows(
        f"SELECT id, at, level, message FROM events WHERE {where} ORDER BY id DESC LIMIT ?", [*values, limit]
    )
    return [LogLine(*row) for row in reversed(found)]


def verifiers_of(store: Store, run_id: str) -> list[int]:
    """Which verifiers V_i have scored trajectories of a run, in order."""
    first, last = id_range(get_number(store, run_id))
    test = "SELECT EXISTS (SELECT 1 FROM scores WHERE verifier = ? AND trajectory_id BETWEEN ? AND ?)"
    found: list[int] = []
    verifier = store.value("SELECT min(verifier) FROM scores")
    while verifier is not None:
        if store.value(test, (verifier, first, last)):
            found.append(verifier)
        verifier = store.value("SELECT min(verifier) FROM scores WHERE verifier > ?", (verifier,))
    return found


def case_counts(store: Store, run_id: str, since: int = 0) -> dict[int, dict[str, int]]:
    """How many trajectories of each iteration, from `since` on, self-verification put into each case. Expanded rollouts
    have none.
    """
    found: dict[int, dict[str, int]] = {}
    for iteration, case, count in store.rows(
        'SELECT iteration, "case", count(*) FROM trajectories'
        " WHERE run_id = ? AND source = 'sample' AND iteration >= ? AND \"case\" != '' GROUP BY 1, 2 ORDER BY 1, 2",
        (run_id, since),
    ):
        found.setdefault(iteration, {})[case] = count
    return found


def pairs(store: Store, run_id: str, iteration: int) -> list[PairInfo]:
    """Candidate preference pairs of an iteration, the widest margin first."""
    found = store.rows(
        "SELECT id, question_id, winner_id, loser_id, margin, used FROM pairs WHERE run_id = ? AND iteration = ?"
        " ORDER BY margin DESC, id",
        (run_id, iteration),
    )
    return [PairInfo(*row[:5], used=bool(row[5])) for row in found]


def margins(store: Store, run_id: str, iteration: int) -> NDArray[np.float64]:
    """Margins of all candidate pairs of an iteration, ascending."""
    found = store.rows(
        "SELECT margin FROM pairs WHERE run_id = ? AND iteration = ? ORDER BY margin", (run_id, iteration)
    )
    return np.array([margin for (margin,) in found], dtype=np.float64)


def newest_pairs(store: Store, run_id: str) -> tuple[int, int]:
    """Of the newest iteration that has candidate pairs: how many were trained on, and how many there are."""
    row = store.row(
        "SELECT total(used), count(*) FROM pairs WHERE run_id = ?1 AND iteration ="
        " (SELECT max(iteration) FROM pairs WHERE run_id = ?1)",
        (run_id,),
    )
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def warnings(store: Store, run_id: str) -> int:
    """How many lines of a run's log are warnings or errors."""
    return int(
        store.value("SELECT count(*) FROM events WHERE run_id = ? AND level IN ('warning', 'error')", (run_id,)) or 0
    )


def annotators(store: Store) -> list[str]:
    """The names under which judgements are kept, or have been."""
    return [name for (name,) in store.rows("SELECT DISTINCT annotator FROM annotations ORDER BY annotator")]


def get_number(store: Store, run_id: str) -> int:
    """The number of a run. Raises RunGone where there is no such run."""
    number = store.value("SELECT number FROM runs WHERE id = ?", (run_id,))
    if number is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    return int(number)
