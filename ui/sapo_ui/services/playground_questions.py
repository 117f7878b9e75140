"""Questions to ask in the playground, taken from what the store has of a run's task. Called in the background."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sapo_studio.app.playground.questions import take
from sapo_studio.requests.play import Asking
from sapo_studio.store import queries
from sapo_studio.store.db import Store

SPLITS = {"train": "training question", "test": "test question", "process": "benchmark question"}


@dataclass(frozen=True, slots=True)
class TakenQuestion:
    """A question of the task of run `run_id`. `where` says which one it is."""

    asking: Asking
    run_id: str
    where: str


def take_question(store: Store, run_id: str, which: str) -> TakenQuestion:
    """A question of a run: by its number, as Read and the heatmap call it, `random`, or `annotated`; another one each
    time. InputError where there is none."""
    found = take(store, run_id, which, random.randrange(2**31))
    kind = queries.get_config(store, run_id).task.kind
    split = SPLITS.get(found.split, found.split)
    where = f"{split} {found.number} of {queries.get_run(store, run_id).name}"
    return TakenQuestion(found.asking(kind), run_id, where)
