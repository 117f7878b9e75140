"""A matrix of runs as a TOML file: which methods, tasks and seeds, and what all of them share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sapo_studio.config.overrides import merged
from sapo_studio.config.places import beside, whole_paths
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig, parse_config, problems
from sapo_studio.domain.methods import METHODS, PAPER, Method
from sapo_studio.errors import InputError
from sapo_studio.files import parse_toml_text, read_text

Changes = dict[str, Any]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=30)
    preset: str
    methods: list[str] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    against: str = "sapo"
    jobs: int = Field(default=1, ge=1, le=64)
    paper: str = ""
    set: Changes = Field(default_factory=dict)
    tasks: dict[str, Changes] = Field(default_factory=dict)
    method: dict[str, Changes] = Field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One run of a matrix."""

    task: str
    method: str
    seed: int
    config: RunConfig


@dataclass(frozen=True)
class Matrix:
    """All runs of a matrix, task by task and seed by seed, the method that others are compared `against` first."""

    name: str
    against: str
    jobs: int
    paper: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    methods: dict[str, Method]
    cells: tuple[Cell, ...]

    def has_paper(self, task: str) -> bool:
        """Whether the paper's figures are of this task."""
        kinds = {cell.config.task.kind for cell in self.cells if cell.task == task}
        return bool(self.paper) and kinds == {self.paper.partition("/")[0]}


def read_matrix(path: Path) -> Matrix:
    """The matrix in a file. Raises InputError that names what is wrong."""
    return parse_matrix(parse_toml_text(read_text(path), str(path)), source=str(path), folder=path.parent)


def parse_matrix(data: Mapping[str, Any], *, source: str = "the matrix", folder: Path = Path()) -> Matrix:
    """Check `data`, which lies in `folder`, and write out every run. Raises InputError."""
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise InputError(
            f"{source} is not a matrix", why="\n".join(map(str, problems(error))), fix="See docs/matrix.md."
        ) from error
    methods = {name: _method(name, file.method.get(name)) for name in dict.fromkeys(file.methods)}
    for name in file.method:
        if name not in methods:
            raise InputError(
                f"{source} changes a method that it does not run: {name}", fix="Name it in `methods` as well."
            )
    if file.against not in methods:
        raise InputError(f"{source} compares with {file.against}, which it does not run", fix="Add it to `methods`.")
    if file.paper and file.paper not in PAPER:
        raise InputError(f"The paper has no figures for {file.paper!r}", fix=f"It has: {', '.join(PAPER)}.")
    seeds = {name: _seeds_of(name, file, source) for name in methods}
    every = tuple(dict.fromkeys(seed for own in (seeds[file.against], *seeds.values()) for seed in own))
    if alone := sorted(set(every) - set(seeds[file.against])):
        raise InputError(
            f"{source} has seeds with which nothing is compared: {', '.join(map(str, alone))}",
            fix=f"Give them to {file.against} as well.",
        )
    base = find_preset(file.preset).config.model_dump(mode="json")
    order = sorted(methods, key=lambda name: name != file.against)
    tasks = file.tasks or {"": {}}
    cells: list[Cell] = []
    for task, changes in tasks.items():
        mine = _methods_of(task, changes, order, source)
        task_changes = {key: value for key, value in changes.items() if key != "methods"}
        for seed in every:
            for name in (name for name in mine if seed in seeds[name]):
                name_parts = [file.name, task, name, str(seed)]
                title = "/".join(part for part in name_parts if part)
                changed = merged(base, file.set, task_changes, methods[name].changes, {"seed": seed, "name": title})
                config = parse_config(changed, source=f"{source}, run {title}")
                cells.append(Cell(task, name, seed, whole_paths(beside(config, folder))))
    return Matrix(
        name=file.name,
        against=file.against,
        jobs=file.jobs,
        paper=file.paper,
        tasks=tuple(tasks),
        seeds=every,
        methods={name: methods[name] for name in order},
        cells=tuple(cells),
    )


def _methods_of(task: str, changes: Changes, order: Sequence[str], source: str) -> list[str]:
    """The methods that a task is done with: its own `methods`, if it names some, out of all in `order`."""
    named = changes.get("methods", list(order))
    if not isinstance(named, list) or not set(map(str, cast("list[Any]", named))) <= set(order):
        raise InputError(
            f"{source} gives {task} methods that it does not run",
            why=f"It runs {', '.join(order)}.",
            fix="`methods` of a task is a list of some of these. Name those that are missing in the file's `methods`.",
        )
    if order[0] not in named:
        raise InputError(
            f"{source} has nothing to compare the methods of {task} with", fix=f"Add {order[0]} to its `methods`."
        )
    return [name for name in order if name in named]


def _seeds_of(name: str, file: _File, source: str) -> tuple[int, ...]:
    """The seeds that a method is run with: its own, where its table names some."""
    own = file.method.get(name, {}).get("seeds", file.seeds)
    if not isinstance(own, list) or not own or not all(type(seed) is int for seed in cast("list[Any]", own)):
        raise InputError(
            f"{source} gives {name} seeds that are none: {own!r}", fix="`seeds` of a method is a list of whole numbers."
        )
    return tuple(dict.fromkeys(cast("list[int]", own)))


def _method(name: str, changes: Changes | None) -> Method:
    known = METHODS.get(name)
    if known is None and changes is None:
        near = difflib.get_close_matches(name, METHODS, n=2, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise InputError(
            f"There is no method {name!r}",
            why=f"There are {', '.join(METHODS)}.",
            fix=f"{hint}A method of your own has a table [method.{name}] with what it changes.",
        )
    if known is None:
        return Method(str((changes or {}).get("title", name)), _changes_in(changes))
    own = _changes_in(changes)
    title = str((changes or {}).get("title", known.title))
    return Method(title, merged(known.changes, own), known.paper)


def _changes_in(table: Changes | None) -> Changes:
    """What a method's table changes of the configuration: all but its title and its seeds."""
    return {key: value for key, value in (table or {}).items() if key not in ("title", "seeds")}
