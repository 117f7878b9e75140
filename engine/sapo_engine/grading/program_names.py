"""Names in Python programs: what a text defines and uses, and what a problem's tests want of a program."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sapo_engine.grading.base import Problem
from sapo_engine.sandbox import known

_BUILTIN = frozenset(dir(builtins))
_MAKERS = (
    "namedtuple",
    "NamedTuple",
    "make_dataclass",
    "Enum",
    "IntEnum",
    "StrEnum",
    "Flag",
    "IntFlag",
    "type",
    "TypedDict",
)
"""Calls that make a class."""
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Names:
    """What a text defines at its top level, the classes among it, and all names that it uses."""

    defined: frozenset[str] = field(default_factory=frozenset[str])
    classes: frozenset[str] = field(default_factory=frozenset[str])
    used: frozenset[str] = field(default_factory=frozenset[str])
    imports: tuple[tuple[str, str], ...] = ()
    """Each name that is imported from the standard library, with its import statement."""


def names_of(text: str) -> Names | None:
    """The names of `text`; None where it is no Python."""
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # a test may compare with a long number
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    finally:
        sys.set_int_max_str_digits(digits)
    defined: set[str] = set()
    classes: set[str] = set()
    imports: dict[str, str] = {}
    for node in _top(tree.body):
        if isinstance(node, (*Function, ast.ClassDef)):
            defined.add(node.name)
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports |= dict(_imported(node))
            defined |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            defined |= found
            if isinstance(node.value, ast.Call) and _called(node.value) in _MAKERS:
                classes |= found
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return Names(frozenset(defined), frozenset(classes), frozenset(used), tuple(imports.items()))


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top level, in whatever block they stand."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
            for block in (node.body, getattr(node, "orelse", []), getattr(node, "finalbody", [])):
                yield from _top(block)
            for handler in getattr(node, "handlers", []):
                yield from _top(handler.body)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        module = alias.name if isinstance(node, ast.Import) else (node.module or "")
        if alias.name == "*" or module.partition(".")[0] not in sys.stdlib_module_names or getattr(node, "level", 0):
            continue
        alone = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], 0)
        yield (alias.asname or alias.name).partition(".")[0], ast.unparse(alone)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _modules(text: str) -> set[str]:
    """Modules of the standard library that `text` takes something of, whether it imports them or not."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    taken = {
        (node.value.id, node.attr)
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {name for name, part in taken if name not in bound and known.is_library(name) and _has(name, part)}


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a problem's tests want of a program.

    `header` is code of the data set's own that runs before the tests: what it defines stays as it is, whatever the
    program calls by the same name. `asked` are the names that are the program's all the same. `classes` are the classes
    that the tests are about.
    """

    header: str
    asked: tuple[str, ...]
    classes: tuple[str, ...]


@functools.lru_cache(maxsize=4096)
def wanted_by(problem: Problem) -> Wanted:
    """What the tests of `problem` want, as far as it can be told from its reference solution or, without, from them.

    Imports of the reference solution that the tests use are the data set's own, and so is a module of the standard
    library that they look into (`math.isclose`) where the reference defines nothing of its name. A function that the
    reference solution
    calls like a built-in one is asked for; without a reference only `entry_point` is. Classes are those of the
    reference solution; without one, capitalized names that the tests use.
    """
    tests = names_of("\n".join((problem.setup, *problem.tests))) or Names()
    solution = names_of(problem.solution) if problem.solution.strip() else None
    imports = [line for name, line in (solution.imports if solution else ()) if name in tests.used - tests.defined]
    meant = {problem.entry_point} | tests.defined | (solution.defined if solution else set[str]())
    imports += [f"import {name}" for name in sorted(_modules("\n".join((problem.setup, *problem.tests))) - meant)]
    header = "\n".join([*dict.fromkeys(imports), problem.header])
    asked = {problem.entry_point} - {""}
    if solution is None:
        classes = {name for name in tests.used - _BUILTIN if name.lstrip("_")[:1].isupper()}
    else:
        own = {name for name in solution.defined if name not in dict(solution.imports)}
        asked |= own & tests.used & _BUILTIN
        classes = set(solution.classes)
    return Wanted(header, tuple(sorted(asked)), tuple(sorted(classes)))
