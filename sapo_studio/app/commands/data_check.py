"""What a run's data come to, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sapo_studio.config.places import whole_paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import EngineError
from sapo_studio.paths import BENCHMARK

if TYPE_CHECKING:
    from rich.console import Console

SECONDS = 600.0
"""To read the data; most are read in a second."""


def check_data(config: RunConfig) -> dict[str, Any]:
    """The facts that DataCheckRequest promises; empty where nothing is measured but the task's own questions, or no
    engine is there to look. Raises InputError where the data cannot be used."""
    if config.task.kind == LAB or not (config.supplies_benchmark or config.evaluation.sets or config.task.test_data):
        return {}
    if not config.supplies_benchmark and not config.evaluation.sets and config.task.test_data.startswith("hub:"):
        return {}
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import DataCheckRequest

    if config.task.process_data.startswith(BENCHMARK):
        from sapo_studio.store.benchmarks import pinned
        from sapo_studio.store.db import Store

        with Store.open(create=False) as store:
            config = pinned(store, config)
    with suppress(EngineError):
        return ask(DataCheckRequest(config=whole_paths(config).model_dump(mode="json")), seconds=SECONDS)
    return {}


def show_data(found: dict[str, Any], terminal: Console) -> None:
    """Print what `check_data` found."""
    from rich.markup import escape

    if found.get("benchmark"):
        show_benchmark(found["benchmark"], terminal)
    for one in found.get("sets", ()):
        bad = f", {one['bad']:,} left out for bad reference answers" if one["bad"] else ""
        terminal.print(f"Evaluation set {escape(one['name'])}: {one['asked']:,} of {one['rows']:,} questions{bad}")
    show_leaks(found.get("leaks", ()), terminal)
    if found.get("not_read"):
        terminal.print(f"Not read before the run starts: {escape(', '.join(found['not_read']))}", soft_wrap=True)


def show_leaks(found: Any, terminal: Console) -> None:
    """Print which measured questions stand in the training data."""
    from rich.markup import escape

    for one in found:
        terminal.print(f"[yellow]![/] {escape(one['note'])}", soft_wrap=True)


def show_benchmark(found: dict[str, Any], terminal: Console) -> None:
    """Print how much of a process benchmark can be graded."""
    from rich.markup import escape

    terminal.print(
        f"{found['graded']:,} of {found['solutions']:,} solutions of the process benchmark can be graded (MCE and gap)"
    )
    for reason, count in found["reasons"].items():
        terminal.print(f"  {count:,} cannot: {escape(reason)}", soft_wrap=True)
