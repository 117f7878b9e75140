"""Which trajectories of a run have a text in their steps or in their question: the index where it can say, a look at
each trajectory where it cannot.
"""

from __future__ import annotations

import json
from typing import Any

from sapo_studio.errors import RunGone
from sapo_studio.store import search_index
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store

MOST_PENDING = 20_000
"""Trajectories that are looked at one by one because the index does not have them yet; with more, all are."""

_BETWEEN_STEPS = frozenset(("[", "]", ",", " ", ", "))
"""Texts that JSON writes around steps."""

_HAS = (
    "t.steps LIKE ? ESCAPE '\\' AND (? AND instr(t.steps, '\\') = 0"
    " OR EXISTS (SELECT 1 FROM json_each(t.steps) e WHERE e.value LIKE ? ESCAPE '\\'))"
)
"""Steps that have a text: as JSON has it written, and where that may be JSON's own writing, step by step."""


def with_text(store: Store, run_id: str, text: str) -> tuple[str, list[Any]]:
    """A SELECT of the ids (column `id`) of the trajectories of a run that have `text` in their steps or in their
    question, each once, and the values for its places. Letters of A to Z are found in either case.
    """
    has, inside = in_steps(text)
    candidates = _candidates(store, run_id, text)
    asked = "q.run_id = ? AND q.text LIKE ? ESCAPE '\\'"
    values = [run_id, _pattern(text)]
    if candidates is None:
        # One look at each, which costs a third less than two lists put together, where most are found
        asks = f"t.question_id IN (SELECT q.id FROM questions q WHERE {asked})"
        sql = f"SELECT t.id AS id FROM trajectories t WHERE t.run_id = ? AND ({has} OR {asks})"
        return sql, [run_id, *inside, *values]
    # CROSS JOIN: from the few to the many, whatever the planner thinks of their numbers
    parts = (
        f"SELECT t.id AS id FROM json_each(?) k CROSS JOIN trajectories t ON t.id = k.value WHERE {has}",
        f"SELECT t.id FROM questions q CROSS JOIN trajectories t ON t.question_id = q.id WHERE {asked}",
    )
    return " UNION ".join(parts), [json.dumps(candidates), *inside, *values]


def in_steps(text: str) -> tuple[str, list[Any]]:
    """A condition for a trajectory `t`, that its steps have `text`, and the values for its places."""
    written = _as_json(text)
    return _HAS, [_pattern(written), written not in _BETWEEN_STEPS, _pattern(text)]


def is_common(store: Store, run_id: str, text: str) -> bool:
    """Whether the index is of no help with `text`, so that finding all that have it takes a while."""
    return _candidates(store, run_id, text) is None


def _candidates(store: Store, run_id: str, text: str) -> list[int] | None:
    """Trajectories that are to be looked at; None for all of the run."""
    first, last = run_ids(store, run_id)
    # Before the index is asked: what is taken into it in between is then looked at twice rather than never.
    pending = search_index.pending(store, first, last, MOST_PENDING + 1)
    known = search_index.find(store, _as_json(text), first, last) if len(pending) <= MOST_PENDING else None
    return None if known is None else [*known.tolist(), *pending]


def _as_json(text: str) -> str:
    """`text` as it stands in the JSON of steps."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def run_ids(store: Store, run_id: str) -> tuple[int, int]:
    """First and last id that trajectories of a run can have. Raises InputError where there is no such run."""
    number = store.value("SELECT number FROM runs WHERE id = ?", (run_id,))
    if number is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    return id_range(int(number))


def to_index(store: Store, run_id: str) -> int:
    """How many trajectories of a run the index does not have yet."""
    return search_index.waiting(store, *run_ids(store, run_id))


def index_run(store: Store, run_id: str) -> int | None:
    """Take some more trajectories of a run into the index (`search_index.index_some`): how many are left, None where
    there can be no index.
    """
    return search_index.index_some(store, *run_ids(store, run_id))


def _pattern(text: str) -> str:
    words = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{words}%"
