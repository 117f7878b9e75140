"""Everything that is read from the store, by the window and the command line alike.

Each call opens and closes its own cursor: an open read cursor would keep the engine from checkpointing. What
concerns single trajectories is in `traces`, and can be had from here as well.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.ledger import Compute, IterationCompute, PhaseCompute, by_iteration
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError, RunGone
from sapo_studio.store import curve_blocks
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store
from sapo_studio.store.faults import UNREADABLE, StoreFault, reading, unreadable
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
    UnseenAlarm,
)
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
    "curves",
    "find_run",
    "first_hits",
    "get_config",
    "get_run",
    "heatmap",
    "list_runs",
    "log",
    "margins",
    "metrics",
    "metrics_by_set",
    "newest_pairs",
    "pairs",
    "phases",
    "same_question",
    "sets_of",
    "trace",
    "trace_ids",
    "trace_rows",
    "verifiers_of",
    "warnings",
]

MetricTable = dict[int, dict[str, MetricValue]]
"""Metrics by iteration and name."""

_SUMMARY = """
SELECT r.id, r.number, r.name, r.preset, r.status, r.progress, r.eta_seconds, r.phase_ordinal, coalesce(p.name, ''),
       coalesce(p.iteration, 0), r.iterations, r.created_at, r.started_at, r.finished_at, r.active_seconds, r.pid,
       r.pid_started, r.heartbeat_at, r.restarts, r.device, r.error, r.kind, r.notes, r.tags, r.archived_at,
       r.binned_at, CASE WHEN q.run_id IS NOT NULL AND q.started_at IS NULL THEN q.waits_for END
FROM runs r LEFT JOIN phases p ON p.run_id = r.id AND p.ordinal = r.phase_ordinal
            LEFT JOIN run_queue q ON q.run_id = r.id
"""

_OF_RUN = "FROM metrics m WHERE m.run_id = n.run_id AND m.\"set\" = ''"
_NEWEST_METRICS = f"""
WITH RECURSIVE names (run_id, name) AS (
    SELECT r.id, (SELECT min(m.name) FROM metrics m WHERE m.run_id = r.id AND m."set" = '') FROM runs r {{of}}
    UNION ALL
    SELECT n.run_id, (SELECT min(m.name) {_OF_RUN} AND m.name > n.name) FROM names n WHERE n.name IS NOT NULL
)
SELECT n.run_id, n.name, (SELECT m.value {_OF_RUN} AND m.name = n.name ORDER BY m.iteration DESC LIMIT 1)
FROM names n WHERE n.name IS NOT NULL
"""
"""The newest value of each metric. From name to name by the index: it is asked at every look at the store, and must
cost the same however many iterations a run has."""


def list_runs(store: Store) -> list[RunSummary]:
    """All runs, the newest first. One whose row is damaged is among them, with that as its error."""
    headlines: dict[str, dict[str, float]] = {}
    for run_id, name, value in store.rows(_NEWEST_METRICS.format(of="")):
        if type(value) is float:
            headlines.setdefault(run_id, {})[name] = value
    unseen = _unseen_alarms(store, "")
    found: list[RunSummary] = []
    for row in store.rows(_SUMMARY + "ORDER BY r.number DESC", lenient=True):
        headline = headlines.get(row[0], {})
        try:
            found.append(_summary(store, row, headline))
        except StoreFault as fault:
            found.append(_damaged_summary(row, headline, fault))
    return [replace(run, alarms=unseen[run.id]) if run.id in unseen else run for run in found]


def working_runs(store: Store) -> list[RunSummary]:
    """Runs that an engine works on or is about to, the oldest first, without their numbers."""
    where = "WHERE r.status IN ('running', 'paused') OR r.pid IS NOT NULL ORDER BY r.number"
    found: list[RunSummary] = []
    for row in store.rows(_SUMMARY + where, lenient=True):
        try:
            found.append(_summary(store, row, {}))
        except StoreFault as fault:
            found.append(_damaged_summary(row, {}, fault))
    return found


def get_run(store: Store, run_id: str) -> RunSummary:
    """One run. Raises RunGone where there is none with this id, StoreFault where its row is damaged."""
    row = store.row(_SUMMARY + "WHERE r.id = ?", (run_id,))
    if row is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    latest = store.rows(_NEWEST_METRICS.format(of="WHERE r.id = ?"), (run_id,))
    headline = {name: value for _, name, value in latest if type(value) is float}
    unseen = _unseen_alarms(store, "AND run_id = ?", run_id)
    return replace(_summary(store, row, headline), alarms=unseen.get(run_id, ()))


def _unseen_alarms(store: Store, where: str, *values: object) -> dict[str, tuple[UnseenAlarm, ...]]:
    found: dict[str, list[UnseenAlarm]] = {}
    for run_id, *columns in store.rows(
        "SELECT run_id, id, iteration, kind, message FROM alarms"
        f" WHERE seen_at IS NULL {where} ORDER BY run_id, iteration, id",
        values,
    ):
        found.setdefault(run_id, []).append(UnseenAlarm(*columns))
    return {run_id: tuple(alarms) for run_id, alarms in found.items()}


_TEXT, _WHOLE, _REAL = (str,), (int,), (float, int)
_MAYBE_WHOLE, _MAYBE_REAL = (int, NoneType), (float, int, NoneType)
_COLUMNS: tuple[tuple[tuple[type, ...], object], ...] = (
    *((_TEXT, ""), (_WHOLE, 0), (_TEXT, ""), (_TEXT, ""), (_TEXT, ""), (_REAL, 0.0), (_MAYBE_REAL, None)),
    *((_MAYBE_WHOLE, None), (_TEXT, ""), (_WHOLE, 0), (_WHOLE, 0), (_REAL, 0.0), (_MAYBE_REAL, None)),
    *((_MAYBE_REAL, None), (_REAL, 0.0), (_MAYBE_WHOLE, None), (_MAYBE_REAL, None), (_MAYBE_REAL, None)),
    *((_WHOLE, 0), (_TEXT, "")),
)
"""What the columns of `_SUMMARY` hold, and what stands for one that holds something else."""

_STATUSES = frozenset(status.value for status in RunStatus)


_sound: set[tuple[type, ...]] = set()
"""Types of whole rows that have been looked at and found right."""


def _summary(store: Store, row: Sequence[Any], headline: dict[str, float]) -> RunSummary:
    try:
        if (types := tuple(map(type, row))) not in _sound:
            for value, (right, _) in zip(row, _COLUMNS, strict=False):
                if type(value) not in right:
                    raise TypeError(f"{str(value)[:40]!r} is not what belongs there")
            _sound.add(types)
        columns: list[Any] = [*row[:4], RunStatus(row[4]), *row[5:20]]
    except UNREADABLE as error:
        raise unreadable(store.path, f"run {row[0]}", error) from error
    error = None if row[20] is None else _error_text(row[20])
    return RunSummary(*columns, error=error, headline=headline, kind=row[21], **_kept(row))


def _kept(row: Sequence[Any]) -> dict[str, Any]:
    """What people have written down about a run, and its place in the queue. What is damaged is left out."""
    notes, tags, archived_at, binned_at, waits_for = row[22:27]
    try:
        told = json.loads(tags)
    except (TypeError, ValueError):
        told = []
    return {
        "notes": notes if isinstance(notes, str) else "",
        "tags": tuple(tag for tag in told if isinstance(tag, str)) if isinstance(told, list) else (),
        "archived_at": archived_at if isinstance(archived_at, float) else None,
        "binned_at": binned_at if isinstance(binned_at, float) else None,
        "waits_for": waits_for if isinstance(waits_for, str) else None,
    }


def _error_text(text: object) -> ErrorText:
    """Why a run failed. Without it a run can still be used, so that a damaged one is told and no more."""
    try:
        told: Any = json.loads(str(text))
        why, fix, bad_input = told.get("why", ""), told.get("fix", ""), told.get("bad_input") is True
        return ErrorText(str(told["what"]), str(why), str(fix), bad_input)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ErrorText("The reason cannot be read", f"The store holds a damaged text: {str(text)[:200]!r}.")


def _damaged_summary(row: Sequence[Any], headline: dict[str, float], fault: StoreFault) -> RunSummary:
    columns: list[Any] = [
        value if type(value) in types else default for value, (types, default) in zip(row, _COLUMNS, strict=False)
    ]
    columns[0] = str(row[0])
    columns[4] = RunStatus(row[4]) if row[4] in _STATUSES else RunStatus.FAILED
    error = ErrorText(fault.what, fault.why, fault.fix)
    return RunSummary(*columns, error=error, headline=headline, kind=row[21], **_kept(row))


def get_config(store: Store, run_id: str) -> RunConfig:
    """The resolved configuration of a run. Raises RunGone where there is no such run, InputError where it is an
    imported file."""
    text = _config_text(store, run_id)
    with reading(store.path, f"the configuration of run {run_id}"):
        values = json.loads(text)
    return parse_config(values, source=f"the configuration of run {run_id}")


def _config_text(store: Store, run_id: str) -> str:
    found = store.row("SELECT config, kind FROM runs WHERE id = ?", (run_id,))
    if found is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    text, kind = found
    if kind == "import":
        raise _is_a_file(run_id)
    return text


def _is_a_file(run_id: str) -> InputError:
    return InputError(
        f"{run_id} is an imported file", why="It has no configuration: no run made it.", fix="Name a run."
    )


def get_seed(store: Store, run_id: str) -> int:
    """A run's seed. Also of one whose configuration has keys that this version does not know: its report needs none."""
    text = _config_text(store, run_id)
    with reading(store.path, f"the configuration of run {run_id}"):
        return int(json.loads(text)["seed"])


def config_changes(store: Store, run_id: str) -> list[ConfigChange]:
    """What was changed in a run's configuration when it was resumed, oldest first."""
    return [
        ConfigChange(at, ordinal, sender, key, json.loads(before), json.loads(after))
        for at, ordinal, sender, key, before, after in store.rows(
            "SELECT at, phase_ordinal, sender, key, before, after FROM config_changes WHERE run_id = ? ORDER BY id",
            (run_id,),
        )
    ]


def find_own_run(store: Store, text: str) -> str:
    """As `find_run`, where only a run of this program will do: `last` is the last one, whatever was imported since.

    Raises InputError for an imported file, too.
    """
    run_id = find_entry(store, text)
    if store.value("SELECT kind FROM runs WHERE id = ?", (run_id,)) == "import":
        raise _is_a_file(run_id)
    return run_id


def find_entry(store: Store, text: str) -> str:
    """As `find_run`, where an imported file will do as well as a run: `last` is still the last run, so that nobody gets
    a file that was imported since by accident; where there is no run, it is the last file.
    """
    newest = _newest(store, "!=") if text == "last" else None
    return newest or find_run(store, text)


def find_imported(store: Store, text: str) -> str:
    """As `find_run`, where only an imported file is meant: `last` is the last one. Whether another `text` means one is
    for the caller to see."""
    newest = _newest(store, "=") if text == "last" else None
    return newest or find_run(store, text)


def _newest(store: Store, compare: str) -> str | None:
    """The run whose kind is (`=`), or is not (`!=`), an import and that was made last."""
    return store.value(f"SELECT id FROM runs WHERE kind {compare} 'import' ORDER BY number DESC LIMIT 1")


def find_run(store: Store, text: str) -> str:
    """The id of the run that a person means: its id, the start of one id only, its exact name (the newest of
    that name), or `last`. A run in the bin is meant by its whole id alone.

    Raises InputError that names the nearest ids, or what of this name is in the bin.
    """
    if store.value("SELECT 1 FROM runs WHERE id = ?", (text,)):
        return text
    known: list[tuple[str, str]] = [
        (identity, name)
        for identity, name in store.rows("SELECT id, name FROM runs WHERE binned_at IS NULL ORDER BY number DESC")
    ]
    ids = [identity for identity, _ in known]
    if text == "last" and ids:
        return ids[0]
    for identity, name in known:
        if name == text:
            return identity
    starting = [identity for identity in ids if identity.startswith(text)] if text else []
    if len(starting) == 1:
        return starting[0]
    if starting:
        raise InputError(f"{text} may mean several runs", why=", ".join(starting[:8]), fix="Give more of the id.")
    _refuse_binned(store, text)
    near = difflib.get_close_matches(text, ids, n=3, cutoff=0.4) or ids[:3]
    hint = "Did you mean " + " or ".join(near) + "?" if near else "Start one with `sapo run lab-demo`."
    raise InputError(f"There is no run {text!r}", fix=f"{hint} `sapo runs` lists what there is.")


def _refuse_binned(store: Store, text: str) -> None:
    """Raises InputError where runs in the bin are called `text`."""
    binned = store.value(
        "SELECT id FROM runs WHERE binned_at IS NOT NULL AND name = ? ORDER BY number DESC LIMIT 1", (text,)
    )
    if binned is not None:
        raise InputError(f"{text} is in the bin", fix=f"Name it by its id, {binned}: sapo bin restore {binned}")


def phases(store: Store, run_id: str) -> list[PhaseInfo]:
    """The phases of a run, in order."""
    found = store.rows(
        "SELECT id, run_id, ordinal, name, iteration, status, weight, done, total, unit, message, artefact, started_at,"
        " finished_at, seconds FROM phases WHERE run_id = ? ORDER BY ordinal",
        (run_id,),
    )
    return [PhaseInfo(*row) for row in found]


_METRICS = """
WITH RECURSIVE sets (name) AS (
    SELECT (SELECT min(m."set") FROM metrics m WHERE m.run_id = :run)
    UNION ALL
    SELECT (SELECT min(m."set") FROM metrics m WHERE m.run_id = :run AND m."set" > s.name)
    FROM sets s WHERE s.name IS NOT NULL
)
SELECT m."set", m.iteration, m.name, m.value, m.low, m.high, m.n, m.estimate
FROM sets s CROSS JOIN metrics m ON m.run_id = :run AND m."set" = s.name AND m.iteration >= :since
ORDER BY m."set", m.iteration, m.name
"""
"""From set to set by the key, past the iterations that are not asked for."""


def metrics(store: Store, run_id: str) -> MetricTable:
    """All metrics of a run by iteration and name, but those of its evaluation sets."""
    return metrics_by_set(store, run_id).get("", {})


def metrics_by_set(store: Store, run_id: str, since: int = 0) -> dict[str, MetricTable]:
    """All metrics of a run by set, iteration and name, from iteration `since` on. The set "" is the run itself, with
    its own test questions.
    """
    found: dict[str, MetricTable] = {}
    for of, iteration, name, value, low, high, n, estimate in store.rows(_METRICS, {"run": run_id, "since": since}):
        row = found.setdefault(of, {}).setdefault(iteration, {})
        row[name] = MetricValue(value, low, high, n, bool(estimate))
    return found


def compute(store: Store, run_id: str) -> dict[int, IterationCompute]:
    """What a run has computed, by iteration, as far as its phases are done."""
    bills: dict[tuple[int, str], Compute] = {}
    for ordinal, purpose, generated, prefill, scored, reasoner, verifier, flops, complete in store.rows(
        "SELECT ordinal, purpose, generated, prefill, scored, trained_reasoner, trained_verifier, flops, complete"
        " FROM compute WHERE run_id = ?",
        (run_id,),
    ):
        with reading(store.path, f"what run {run_id} has computed"):
            bills[ordinal, purpose] = Compute(
                *(int(generated), int(prefill), int(scored), int(reasoner), int(verifier), int(flops)), bool(complete)
            )
    found = store.rows(
        "SELECT ordinal, name, iteration, status FROM phases WHERE run_id = ? ORDER BY ordinal", (run_id,)
    )
    return by_iteration(
        [
            PhaseCompute(name, iteration, status == "done", bills.get((at, "method")), bills.get((at, "evaluation")))
            for at, name, iteration, status in found
        ]
    )


def sets_of(store: Store, run_id: str) -> list[str]:
    """The evaluation sets of a run that have stored questions."""
    found = store.rows("SELECT DISTINCT \"set\" FROM questions WHERE run_id = ? AND split = 'test'", (run_id,))
    return sorted(name for (name,) in found if name)


_CURVES = """
WITH RECURSIVE keys (ordinal, name) AS (
    SELECT p.ordinal, (SELECT min(c.name) FROM curves c WHERE c.run_id = :run AND c.ordinal = p.ordinal)
    FROM phases p WHERE p.run_id = :run
    UNION ALL
    SELECT k.ordinal,
           (SELECT min(c.name) FROM curves c WHERE c.run_id = :run AND c.ordinal = k.ordinal AND c.name > k.name)
    FROM keys k WHERE k.name IS NOT NULL
)
SELECT k.ordinal, p.name, p.iteration, k.name FROM keys k JOIN phases p ON p.run_id = :run AND p.ordinal = k.ordinal
WHERE k.name IS NOT NULL ORDER BY k.ordinal, k.name
"""
"""Which curves a run has: from name to name by the key, past their points."""


def curves(store: Store, run_id: str, after: Mapping[tuple[int, str], int] | None = None) -> list[CurvePoints]:
    """Training curves of a run; of those named in `after` (phase ordinal, name) only the points behind the
    given step.
    """
    known = after or {}
    keys = store.rows(_CURVES, {"run": run_id})
    found: list[CurvePoints] = []
    for ordinal, phase, iteration, name in keys:
        steps, values = curve_blocks.points(store, run_id, ordinal, name, known.get((ordinal, name), -1))
        if len(steps):
            found.append(CurvePoints(ordinal, phase, iteration, name, steps, values))
    return found


def last_loss(store: Store, run_id: str) -> tuple[str, float] | None:
    """(phase, loss) at the newest point of a run's loss curves; None where nothing has been trained."""
    found = store.rows(
        "SELECT name, loss FROM (SELECT p.ordinal, p.name, (SELECT c.value FROM curves c WHERE c.run_id = p.run_id"
        " AND c.ordinal = p.ordinal AND c.name = 'loss' ORDER BY c.step DESC LIMIT 1) AS loss"
        " FROM phases p WHERE p.run_id = ?) WHERE loss IS NOT NULL ORDER BY ordinal DESC LIMIT 1",
        (run_id,),
    )
    return (found[0][0], found[0][1]) if found else None


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
