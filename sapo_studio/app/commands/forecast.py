"""`sapo run --dry-run`: what a run will take, without starting it."""

from __future__ import annotations

from dataclasses import asdict

from sapo_studio.app.commands.data_check import show_data
from sapo_studio.app.commands.printing import console, say_json
from sapo_studio.app.commands.scaling_table import scaling_as_data, scaling_here, show_scaling
from sapo_studio.app.set_up.data_check import check_data
from sapo_studio.app.set_up.model_check import check_model
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.ledger import PARTS
from sapo_studio.forecast import Machine, find_shape, forecast, size

SHORT = 120.0
"""Seconds below which a run's time is told in seconds."""


def show_forecast(config: RunConfig, *, as_json: bool, cards: int = 0) -> None:
    """Print the forecast of `config` on this machine, with what it rests on, and what more cards bring: up to `cards`,
    or (0) those that are here. Raises InputError where the run could not load its model or use its data."""
    check_model(config.model, python=config.runtime.engine_python)
    data = check_data(config)
    shape, machine = find_shape(config), Machine.here()
    found = forecast(config, shape, machine)
    scaled = scaling_here(config, shape, machine, cards)
    if as_json:
        more = {"scaling": scaling_as_data(scaled)} if scaled else {}
        say_json({"seconds": found.seconds, **asdict(found), **more, **data})
        return
    from rich.markup import escape
    from rich.table import Table

    terminal = console()
    if found.unknown:
        terminal.print(f"[yellow]No memory or time estimate available:[/] {escape(found.unknown)}")
    for memory in found.memory:
        there = f" of {size(memory.there)}" if memory.there else ""
        terminal.print(f"[bold]{escape(memory.where)}[/]: at most {size(memory.peak.bytes)}{there} ({memory.peak.use})")
        for part in memory.peak.parts:
            terminal.print(f"  {size(part.bytes):>10}  {escape(part.name)}: {escape(part.assumption)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("phase", "iteration", "seconds", "estimated from"):
        table.add_column(heading, justify="right" if heading in ("iteration", "seconds") else "left")
    for phase in found.phases:
        seconds = "-" if phase.seconds is None else f"{phase.seconds:,.0f}"
        table.add_row(phase.name, str(phase.iteration), seconds, escape(phase.words))
    if found.seconds is not None:
        table.add_row("start and end", "", f"{found.start:,.0f}", "loading torch and the model, the last backup")
    terminal.print(table)
    if found.seconds is not None:
        whole = f"{found.seconds:,.0f} s" if found.seconds < SHORT else f"{found.seconds / 60:,.0f} min"
        terminal.print(f"In all about {whole}")
    if scaled:
        show_scaling(scaled, terminal)
    for bill in found.bills:
        mark = " (this run)" if bill.chosen else ""
        terminal.print(f"Labeling by {bill.labeler}{mark}: {bill.rollouts:,.0f} rollouts, {bill.tokens:,.0f} tokens")
    compute = found.compute
    parts = ", ".join(f"{title.lower()} {getattr(compute, name):,.0f}" for name, (title, _) in PARTS.items())
    flops = "unknown" if compute.flops is None else f"{compute.flops:.3g}"
    terminal.print(f"Compute after the warm-up, in tokens: {parts}; FLOPs: {flops}", soft_wrap=True)
    show_data(data, terminal)
    for line in found.assumptions:
        terminal.print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    if found.warnings:  # last, where they are seen
        terminal.print(f"\n[bold yellow]Before you start it ({len(found.warnings)}):[/]")
    for warning in found.warnings:
        terminal.print(f"[yellow]![/] {escape(warning.what)} {escape(warning.fix)}", soft_wrap=True)
