"""Printing what a run's data come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


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
