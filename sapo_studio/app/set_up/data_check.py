"""What a run's data come to, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sapo_studio import engines
from sapo_studio.config.places import whole_paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import EngineError, InputError
from sapo_studio.paths import BENCHMARK, store_path

SECONDS = 600.0
"""To read the data; most are read in a second."""


def check_data(config: RunConfig) -> dict[str, Any]:
    """The facts that DataCheckRequest promises; empty where nothing is measured but the task's own questions, or no
    engine is there to look. Raises InputError where the data cannot be used, or the process benchmark that they name is
    none that can be measured on."""
    if config.task.process_data.startswith(BENCHMARK):
        config = _with_its_benchmark(config)
    if config.task.kind == LAB or not (config.supplies_benchmark or config.evaluation.sets or config.task.test_data):
        return {}
    if not config.supplies_benchmark and not config.evaluation.sets and config.task.test_data.startswith("hub:"):
        return {}
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import DataCheckRequest

    with suppress(EngineError):
        request = DataCheckRequest(config=whole_paths(config).model_dump(mode="json"))
        with engines.lives_in(config.runtime.engine_python):
            return ask(request, seconds=SECONDS)
    return {}


def _with_its_benchmark(config: RunConfig) -> RunConfig:
    from sapo_studio.store import presence
    from sapo_studio.store.benchmarks import pinned
    from sapo_studio.store.db import Store

    if presence.is_new(store_path()):
        named = config.task.process_data.removeprefix(BENCHMARK)
        raise InputError(f"There is no process benchmark {named!r}", fix="`sapo benchmark make` makes one.")
    with Store.open(create=False) as store:
        return pinned(store, config)
