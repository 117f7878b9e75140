"""The paper's own figures, for runs whose task, model and method are the paper's: beside any other they compare
nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.methods import METHODS, PAPER, PAPER_DATA, PAPER_MODELS, PAPER_SAPO

START, UNTRAINED = "SFT", "CoT"
"""The paper's names of what every run is after its warm-up, and of a model as it came."""
OWN = "SAPO"

_LENGTH = frozenset({"iterations", "warmup.epochs", "optimiser.beta"})
"""What METHODS change beside the method itself: how long, and how strong."""
_OF_THE_METHOD = ("labeling.consensus", "labeling.people", "labeling.confidence")
"""What no method of the paper has changed."""


def setting(config: RunConfig) -> str:
    """What PAPER calls the task and model of a run; empty where one of them is not the paper's."""
    data = PAPER_DATA.get(config.task.kind)
    model = PAPER_MODELS.get(config.model.source.lower(), "")
    theirs = (config.task.train_data, config.task.test_data)
    if data is None or not model:
        return ""
    # The task's own data set, or the same by name; without test data of their own, questions are held out of others.
    named = all(place == data or place.startswith((f"{data}/", f"{data}:", f"{data}@")) for place in theirs)
    return f"{config.task.kind}/{model}" if named or theirs == ("", "") else ""


def method(config: RunConfig) -> str:
    """The paper's name of the method that a run is; empty where it is none of the paper's."""
    if config.warmup.epochs == 0:
        return UNTRAINED if config.iterations == 0 else ""
    own = _flat(config.model_dump(mode="json"))
    default = _flat(RunConfig().model_dump(mode="json"))
    changes = {name: _flat(one.changes) for name, one in METHODS.items()}
    keys = {key for one in changes.values() for key in one} - _LENGTH | set(_OF_THE_METHOD)
    for name, one in METHODS.items():
        mine = changes[name]
        same = all(own[key] == mine.get(key, default[key]) for key in keys)
        long = "iterations" not in mine or own["iterations"] == mine["iterations"]
        if one.paper not in ("", UNTRAINED) and same and long:
            return one.paper
    return ""


def figures(config: RunConfig) -> tuple[str, dict[int, float]]:
    """(the paper's name of a run's method, its greedy accuracies by iteration, as fractions): nothing where task, model
    or method is not the paper's. Of SAPO the paper has every iteration, of others the start and the end."""
    where, name = setting(config), method(config)
    known = PAPER.get(where, {})
    if name not in known:
        return "", {}
    found = {0: known[UNTRAINED if name == UNTRAINED else START]}
    if name == OWN and config.iterations:
        found |= dict(enumerate(PAPER_SAPO[where], start=1))
    elif config.iterations:
        found[config.iterations] = known[name]
    return name, {iteration: value / 100 for iteration, value in found.items()}


def _flat(values: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(cast("Mapping[str, Any]", value), f"{at}{key}.")
        else:
            found[f"{at}{key}"] = value
    return found
