"""What a run needs and its engine's Python lacks, each with the command that installs it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sapo_studio import engines
from sapo_studio.config.schema import RunConfig

VLLM_PYTHON = "SAPO_VLLM_PYTHON"
"""Names a Python of its own for vLLM (docs/rollouts.md)."""


@dataclass(frozen=True, slots=True)
class Need:
    """A package: who wants it (a field and when), and the extra that brings it."""

    package: str
    field: str
    wanted: Callable[[RunConfig], bool]
    extra: str


NEEDS = (
    Need("torch", "runtime.engine_python", lambda config: True, "engine"),
    Need("transformers", "runtime.engine_python", lambda config: True, "engine"),
    Need("vllm", "runtime.backend", lambda config: config.runtime.backend == "vllm", "vllm"),
    Need("bitsandbytes", "model.tuning", lambda config: config.model.tuning == "qlora", "qlora"),
    Need("trl", "optimiser.kind", lambda config: config.optimiser.kind == "grpo", "baselines"),
    Need(
        "datasets",
        "task.train_data",
        lambda config: any(place.startswith("hub:") for place in (config.task.train_data, config.task.test_data)),
        "engine",
    ),
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A package that is not there, the field that wants it, and what installs it."""

    package: str
    field: str
    command: str


def missing(config: RunConfig) -> list[Missing]:
    """What the engine of `config` lacks. Raises InputError where its Python does not answer."""
    python = engines.python_of(config.runtime.engine_python)
    own = engines.is_own(python)
    packages: Mapping[str, str] = {} if own else engines.look(python).packages
    found: list[Missing] = []
    for need in NEEDS:
        if not need.wanted(config):
            continue
        if need.package == "vllm" and os.environ.get(VLLM_PYTHON):
            continue  # it lives elsewhere
        there = importlib.util.find_spec(need.package) is not None if own else need.package in packages
        if not there:
            found.append(Missing(need.package, need.field, engines.install_command(python, need.extra)))
    return found
