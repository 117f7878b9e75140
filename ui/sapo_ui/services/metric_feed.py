"""The metrics of a run as they grow: after the first reading, only what may have changed is read again."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.queries import MetricTable
from sapo_studio.store.records import RunSummary


def open_since(run: RunSummary, last: int | None) -> int:
    """The first iteration whose rows may still change, where those up to `last` are known (None: none are).

    A run writes rows of the iteration that it is in; one more is kept open for what is late. A run that is not alive is
    read whole: somebody has written rows of it, and nobody says which.
    """
    if last is None or not run.status.alive:
        return 0
    return max(0, min(last, run.iteration) - 1)


class MetricFeed:
    """What has been read of one run. For background tasks, of which one at a time reads it."""

    def __init__(self) -> None:
        self._run_id = ""
        self._tables: Mapping[str, MetricTable] = {}

    def read(self, store: Store, run: RunSummary) -> Mapping[str, MetricTable]:
        """All metrics of `run` by set, iteration and name, as `queries.metrics_by_set`. What was returned before is
        left as it is.
        """
        known = self._tables if self._run_id == run.id else {}
        since = open_since(run, max((number for rows in known.values() for number in rows), default=None))
        found = queries.metrics_by_set(store, run.id, since)
        tables: dict[str, MetricTable] = {}
        for of in (*known, *(of for of in found if of not in known)):
            kept = {number: row for number, row in known.get(of, {}).items() if number < since}
            tables[of] = {**kept, **found.get(of, {})}
        self._run_id, self._tables = run.id, tables
        return tables
