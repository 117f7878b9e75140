"""Runs as lists show them: where each is, its newest figures, its unseen alarms, its place in the queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from types import NoneType
from typing import Any

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import RunGone
from sapo_studio.store.db import Store
from sapo_studio.store.faults import UNREADABLE, StoreFault, unreadable
from sapo_studio.store.records import ErrorText, RunSummary, UnseenAlarm

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
