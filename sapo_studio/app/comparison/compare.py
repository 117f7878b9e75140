"""Runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.app.comparison.records import Comparison, Picked
from sapo_studio.store.db import Store

MOST = 200
"""Runs at a time."""


def pick(store: Store, text: str) -> Picked:
    """The run that a person means by RUN or RUN@ITERATION (`run_lookup.find_run` says what RUN may be). Raises
    InputError where there is none, several may be meant, or it is an imported file."""
    raise NotImplementedError


def compare(
    store: Store,
    runs: Sequence[str | Picked],
    *,
    baseline: str | Picked | None = None,
    metrics: Sequence[str] = ("greedy_accuracy",),
    set: str = "",
    common: bool = False,
    every_pair: bool = False,
    by_seed: bool = True,
) -> Comparison:
    """`runs` (ids, or what `pick` takes) beside each other; one alone is allowed, and has no differences.

    `baseline`: one of them, the first without it. `metrics`: what is tested, by name in the store: `greedy_accuracy`,
    `sampled_accuracy`, `sound_accuracy`, `pass_at_K`; any other has differences over seeds alone. `set`: an evaluation
    set; '' for the run's own test questions. `common`: compare on the questions that both sides have, where sets
    differ. `every_pair`: not only with the baseline. `by_seed`: runs of one configuration form a group.

    Raises InputError for no run, one given twice, an imported file, a run that is not there, a baseline that is not
    among them, a set that none of them was measured on, a metric that is none, an iteration that was not evaluated.
    """
    raise NotImplementedError
