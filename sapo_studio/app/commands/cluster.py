"""`sapo doctor --cluster`: the nodes of a Ray cluster, and whether each can hold a run's workers."""

from __future__ import annotations

from typing import Any

import typer

from sapo_studio.app.commands.printing import console, say_json
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import ClusterProbeRequest

_SHOWN = ("torch", "transformers")


def show_cluster(address: str, *, as_json: bool) -> None:
    """Print what there is; exits with 1 where a node cannot hold workers. InputError: there is no such cluster."""
    found = ask(ClusterProbeRequest(address=address))
    ready = not any(node["trouble"] for node in found["nodes"])
    if as_json:
        say_json({"ready": ready, **found})
    else:
        _print(found)
    if not ready:
        raise typer.Exit(1)


def _print(found: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from sapo_studio.readable import counted

    nodes = found["nodes"]
    terminal = console()
    cards = sum(node["cards"] for node in nodes)
    told = f"{counted(len(nodes), 'node')}, {counted(cards, 'card')}"
    terminal.print(f"[bold]Ray {escape(found['ray'])}[/]: {told}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for title in ("", "node", "cores", "cards", "sapo-studio", "python", *_SHOWN):
        table.add_column(title)
    for node in nodes:
        mark = "[red]bad[/]" if node["trouble"] else "[green]ok[/]"
        kinds = f" ({', '.join(node['kinds'])})" if node["kinds"] else ""
        versions = (node["release"], node["python"], *(node["packages"].get(name, "none") for name in _SHOWN))
        facts = (f"{node['host']} ({node['address']})", str(node["cores"]), f"{node['cards']}{kinds}", *versions)
        table.add_row(mark, *map(escape, facts))
    terminal.print(table)
    for node in nodes:
        if node["trouble"]:
            terminal.print(f"[red]bad[/] {escape(node['trouble'])}.", soft_wrap=True)
    for difference in found["differences"]:
        terminal.print(f"[yellow]note[/] {escape(difference)}", soft_wrap=True)
