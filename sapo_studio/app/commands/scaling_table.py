"""What more cards bring, as a table: a part of `sapo run --dry-run`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast import Machine, ModelShape, Unknown
from sapo_studio.forecast.reference_cards import REFERENCE_CARDS, with_card
from sapo_studio.forecast.run_forecast import scaling
from sapo_studio.forecast.scaling import Cluster, Scaling

if TYPE_CHECKING:
    from rich.console import Console


A_MACHINE = 8
"""Cards that one machine has room for, as they are built."""


def clusters_up_to(cards: int) -> list[Cluster]:
    """One card, twice as many and so on up to `cards`, which fill whole machines where one has no room for them. If one
    has, two machines with so many are the last."""
    within = min(cards, A_MACHINE)
    counts = [2**power for power in range((within - 1).bit_length())]
    nodes = -(-cards // A_MACHINE)
    doubled = [2**power for power in range(1, (nodes - 1).bit_length())]
    more = sorted({*doubled, nodes} - {1}) or [2]
    return [*(Cluster(count) for count in (*counts, within)), *(Cluster(within, count) for count in more)]


def scaling_here(config: RunConfig, shape: ModelShape | Unknown, machine: Machine, asked: int) -> Scaling | None:
    """What `asked` cards like this machine's would bring, or those that are here (0). None where nobody asked and there
    are no two of them, and for a model that is not known."""
    most = asked or len(machine.cards)
    if isinstance(shape, Unknown) or (most < 2 and not asked):
        return None
    if not machine.cards:
        machine = with_card(machine, REFERENCE_CARDS[0])
    return scaling(config, shape, machine, clusters_up_to(most))


def show_scaling(found: Scaling, terminal: Console) -> None:
    """Print it."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("seconds on so many cards")
    for run in found.clusters:
        table.add_column(run.cluster.words, justify="right")
    for kind in found.clusters[0].seconds:
        table.add_row(kind, *(f"{run.seconds[kind]:,.0f}" for run in found.clusters))
    table.add_row("[bold]all[/]", *(f"[bold]{run.total:,.0f}[/]" for run in found.clusters))
    table.add_row("times as fast", *(f"{found.faster(run):.1f}" for run in found.clusters))
    terminal.print(table)
    for line in found.words:
        terminal.print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def scaling_as_data(found: Scaling) -> dict[str, Any]:
    """The same for scripts."""
    runs = [
        {**asdict(run.cluster), "seconds": run.seconds, "total": run.total, "times_as_fast": found.faster(run)}
        for run in found.clusters
    ]
    return {"clusters": runs, "undivided": found.undivided, "words": list(found.words)}
