"""The metrics that runs are compared by, in the order to show them: those of the catalog, and two that are reckoned of
what is stored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.metric_catalog import METRICS, MetricInfo, label_cost
from sapo_studio.errors import InputError
from sapo_studio.store.records import MetricValue

LABEL_TOKENS = MetricInfo(
    "label_tokens",
    "Label tokens",
    "tokens that rollouts wrote to label the iteration's trajectories, by the run's own labeler",
    "tokens",
    better=-1,
    short="Label tokens",
    column="label tokens",
)
LABEL_SHARE = MetricInfo(
    "label_share",
    "Label tokens, of Shepherd's",
    "those tokens as a share of what Shepherd labels of the same trajectories cost, or would have cost",
    better=-1,
    short="Of Shepherd's",
    column="of Shepherd's tokens",
)

_ORDER = (
    "greedy_accuracy",
    "sampled_accuracy",
    "sound_accuracy",
    "false_positives",
    "verifier_step_accuracy",
    "first_error_accuracy",
    "process_f1",
    "mce",
    "gap",
    "self_verification_error",
    "label_accuracy",
    *(name for name in METRICS if name.startswith("pass_at_")),
    "verifier_ece",
)
SHOWN: dict[str, MetricInfo] = {name: METRICS[name] for name in _ORDER} | {
    one.name: one for one in (LABEL_TOKENS, LABEL_SHARE)
}
"""By name, in the order to show them."""

TABLE = (
    *("greedy_accuracy", "sampled_accuracy", "sound_accuracy", "verifier_step_accuracy", "gap"),
    *("self_verification_error", "label_tokens", "label_share"),
)
"""Columns of a table of runs, as far as one of them has the metric."""

BY_QUESTION = ("greedy_accuracy", "sampled_accuracy", "sound_accuracy")
"""Metrics, beside pass@k, that are a mean over test questions: they can be compared question by question."""


BY_SOLUTION = ("verifier_step_accuracy", "first_error_accuracy")
"""Metrics that are a mean over the process benchmark: they can be compared where it is the same."""


def passes(metric: str) -> int | None:
    """The k of pass@k; None of another metric."""
    head, _, k = metric.rpartition("_")
    return int(k) if head == "pass_at" and k.isdecimal() else None


def by_question(metric: str) -> bool:
    """Whether it can be compared question by question."""
    return metric in BY_QUESTION or passes(metric) is not None


def metric_named(text: str) -> str:
    """The name in the store of the metric that a person means: that name, or without `_accuracy` at its end. Raises
    InputError that names the nearest."""
    for name in (text, f"{text}_accuracy"):
        if name in SHOWN:
            return name
    known = [name.removesuffix("_accuracy") for name in SHOWN]
    near = difflib.get_close_matches(text, known, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"Runs are not compared by {text!r}", fix=f"{hint}There are: {', '.join(k for k in known if k not in near)}."
    )


def with_reckoned(values: Mapping[str, MetricValue]) -> dict[str, MetricValue]:
    """The metrics of an iteration that are compared: those measured, and what labeling came to."""
    found = {name: values[name] for name in SHOWN if name in values and not values[name].estimate}
    costs = [cost for labeler in COMPARED if (cost := values.get(label_cost("tokens", labeler))) is not None]
    if costs:  # all of them estimates: the run's own labeler, which looks at outcomes alone, has asked for no rollout
        own = sum(cost.value for cost in costs if not cost.estimate)
        found[LABEL_TOKENS.name] = MetricValue(own)
        shepherd = values.get(label_cost("tokens", "shepherd"))
        if shepherd is not None and shepherd.value > 0.0:
            found[LABEL_SHARE.name] = MetricValue(own / shepherd.value)
    return found
