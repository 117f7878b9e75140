"""What a run's data come to, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import EngineError

if TYPE_CHECKING:
    from rich.console import Console

SECONDS = 600.0
"""To read the data; most are read in a second."""


def check_data(config: RunConfig) -> dict[str, Any]:
    """The facts that DataCheckRequest promises; empty where nothing is to be looked at, or no engine is there to look.

    Raises InputError where the data cannot be used.
    """
    if not config.supplies_benchmark:
        return {}
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import DataCheckRequest

    with suppress(EngineError):
        return ask(DataCheckRequest(config=config.model_dump(mode="json")), seconds=SECONDS)
    return {}


def show_benchmark(found: dict[str, Any], terminal: Console) -> None:
    """Print how much of a process benchmark can be graded."""
    from rich.markup import escape

    terminal.print(
        f"{found['graded']:,} of {found['solutions']:,} solutions of the process benchmark can be graded (MCE and gap)"
    )
    for reason, count in found["reasons"].items():
        terminal.print(f"  {count:,} cannot: {escape(reason)}", soft_wrap=True)
