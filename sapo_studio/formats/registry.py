"""The formats of step-labeled solutions that the program knows: one line each.

What `sapo` says of a format stands here, so that its help loads no format; what a format does stands in the module of
its name, as `FORMAT`, and is loaded when it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sapo_studio.errors import InputError
from sapo_studio.files import read_lines

if TYPE_CHECKING:
    from sapo_studio.formats.base import Format, LabeledSolution


@dataclass(frozen=True)
class KnownFormat:
    """A format: what commands call it (and its module here), its title, its files, and what `sapo export` says of it.

    `about` goes on after "annotated trajectories as". `reads` and `writes`: what its module can do.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    about: str
    reads: bool = True
    writes: bool = True

    def load(self) -> Format:
        """What its module can do."""
        return import_module(f"sapo_studio.formats.{self.name}").FORMAT


FORMATS: tuple[KnownFormat, ...] = (
    KnownFormat(
        "processbench",
        "ProcessBench",
        (".jsonl", ".json"),
        "ProcessBench JSONL (label: first error, counted from 0, -1 for none)",
    ),
)

WRITTEN: tuple[KnownFormat, ...] = tuple(known for known in FORMATS if known.writes)
"""Those that `sapo export` can write."""


def known_format(name: str) -> KnownFormat:
    """The format that is called `name`. Raises InputError where there is none."""
    found = next((known for known in FORMATS if known.name == name), None)
    if found is None:
        raise InputError(f"There is no format {name!r}", fix=f"There are {', '.join(known.name for known in FORMATS)}.")
    return found


def format_of(file: Path) -> KnownFormat:
    """What `file` is read as: the first format that has its suffix, else the first that can be read at all."""
    readable = [known for known in FORMATS if known.reads]
    return next((known for known in readable if file.suffix.lower() in known.suffixes), readable[0])


def read_file(file: Path) -> list[LabeledSolution]:
    """The solutions in a file. Raises InputError, also where it cannot be read or has none."""
    known = format_of(file)
    read = known.load().read
    assert read is not None, f"{known.name} is registered as readable"
    solutions = list(read(read_lines(file), str(file)))
    if not solutions:
        raise InputError(f"{file} has no solutions", fix=f"Give a file in {known.title}'s format.")
    return solutions
