"""What the window does with files of labeled steps: look into one, take it in, write one.

Every function may read long or write, so call them in a task, never on the GUI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.exports import step_labels
from sapo_studio.app.exports.step_labels import LabelSource
from sapo_studio.app.imports import take_in as use_case
from sapo_studio.app.imports.take_in import Imported, Look
from sapo_studio.errors import InputError
from sapo_studio.files import written_output
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.holding import Losses
from sapo_studio.formats.registry import FORMATS
from sapo_studio.store.db import Store


@dataclass(frozen=True)
class Wanted:
    """A file and how it is to be read. `format` may be `auto`."""

    file: Path
    format: str = use_case.AUTO
    threshold: float = 0.0
    keep_odd: bool = False

    @property
    def read_as(self) -> ReadAs:
        """The settings of it."""
        return ReadAs(self.threshold, self.keep_odd)


@dataclass(frozen=True)
class Target:
    """What is to be written: a run or an imported file in a format, with whose labels (None: its usual ones)."""

    run_id: str
    format: str
    labels: LabelSource | None


def look(wanted: Wanted, go_on: Callable[[], bool]) -> Look:
    """What taking the file in would keep and refuse. It ends early where `go_on` says no."""
    return use_case.look(wanted.file, use_case.known_format(wanted.file, wanted.format), wanted.read_as, go_on=go_on)


def take_in(store: Store, wanted: Wanted, name: str) -> Imported:
    """Take the file in."""
    known = use_case.known_format(wanted.file, wanted.format)
    return use_case.take_in(store, wanted.file, known, wanted.read_as, name)


def preview(store: Store, target: Target) -> tuple[int, list[str]]:
    """How many lines would be written, and what the format cannot hold, by name."""
    losses = Losses()
    return sum(1 for _ in _written(store, target, losses)), losses.told()


def write(store: Store, target: Target, file: Path) -> int:
    """Write the file, all of it or nothing. Returns how many lines it has."""
    count = 0
    with written_output(file) as stream:
        for line in _written(store, target, Losses()):
            stream.write(line)
            count += 1
        if not count:
            raise InputError("There is nothing to write", why="No solution has such labels.")
    return count


def _written(store: Store, target: Target, losses: Losses) -> Iterator[str]:
    known = next(known for known in FORMATS if known.name == target.format)
    return step_labels.written(known, store, target.run_id, labels=target.labels, losses=losses)
