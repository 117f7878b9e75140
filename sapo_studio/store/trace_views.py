"""Views of the trace table that are kept under a name: what is let through and the order. They hold for every run."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sapo_studio.errors import InputError
from sapo_studio.names import checked_name
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.records import TraceFilter


@dataclass(frozen=True)
class TraceView:
    """A filter under a name. Its run is empty: `of_run` gives it one."""

    name: str
    filter: TraceFilter

    def of_run(self, run_id: str) -> TraceFilter:
        """What the view shows of a run."""
        return replace(self.filter, run_id=run_id)


_KEPT = tuple(field.name for field in fields(TraceFilter) if field.name != "run_id")


def list_views(store: Store) -> list[TraceView]:
    """All views, by name. What a later version keeps in one besides is left out."""
    found: list[TraceView] = []
    for name, text in store.rows("SELECT name, filter FROM trace_views ORDER BY name COLLATE NOCASE, name"):
        with reading(store.path, f"the view {name}"):
            values: dict[str, Any] = dict(json.loads(text))
            known = {name: values[name] for name in _KEPT if name in values}
            found.append(TraceView(name, TraceFilter("", **known)))
    return found


def save_view(store: Store, name: str, filter: TraceFilter) -> TraceView:
    """Keep `filter` as `name`, in place of a view that has the name already. Raises InputError where that
    cannot be a name."""
    name = checked_name(" ".join(name.split()), "a view")
    kept = replace(filter, run_id="")
    values = {key: value for key, value in asdict(kept).items() if key != "run_id"}
    with store.atomic():
        store.execute(
            "INSERT INTO trace_views (name, filter, saved_at) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET filter = excluded.filter, saved_at = excluded.saved_at",
            (name, json.dumps(values), time.time()),
        )
    return TraceView(name, kept)


def delete_view(store: Store, name: str) -> None:
    """Forget a view. Raises InputError where there is none of this name."""
    with store.atomic():
        if not store.execute("DELETE FROM trace_views WHERE name = ?", (name,)):
            raise InputError(f"There is no view {name!r}")
