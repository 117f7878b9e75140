"""A bar on the terminal while an engine works on an answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sapo_studio.app.commands.printing import console


@contextmanager
def with_progress(ask: Callable[..., dict[str, Any]], title: str) -> Generator[Callable[..., dict[str, Any]]]:
    """`ask` (`requests.client`) with a bar on standard error that says how far the engine is, gone in the end; as it is
    where that is no terminal. For requests that tell of their progress."""
    terminal = console(error=True)
    if not terminal.is_terminal:
        yield ask
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as shown:
        task = shown.add_task(title, total=1.0)

        def hear(done: float) -> None:
            shown.update(task, completed=done)

        yield partial(ask, hear=hear)
