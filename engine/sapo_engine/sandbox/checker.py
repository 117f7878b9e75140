"""The checker's side: runs the data set's tests, with stand-ins for what the candidate program defines.

Runs in a process of its own that is forked for one candidate and can be killed; it holds the expected values, and all
that comes from the candidate is decoded data.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import os
import reprlib
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from . import border, guard, known, standins, twins

LONGEST_REPLY = 32 * 2**20
LONGEST_REASON = 2_000
SHOWN = 80
BUILTIN = frozenset(dir(builtins))
DEPTH = 4_000
"""Calls within calls, what carries them over the border among them."""


class Space(dict[str, Any]):
    """The tests' name space. What the program has by a name is asked for when it is looked up, a variable each time.

    `used` says whether the tests looked at any of it. `modules` are those that it has imported; the tests get the
    checker's.
    """

    def __init__(self) -> None:
        super().__init__(__name__=guard.TESTS)
        self.line: guard.Guard | None = None
        self.defined: frozenset[str] = frozenset()
        self.variables: frozenset[str] = frozenset()
        self.modules: frozenset[str] = frozenset()
        self.used = False

    def __missing__(self, name: str) -> Any:
        if name in self.modules:
            return importlib.import_module(name)
        if self.line is None or name not in self.defined | self.variables:
            raise KeyError(name)
        self.used = True
        found = self.line.ask("variable", name)
        if name in self.defined:
            self[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.defined or name in self.variables or name in self.modules

    def get(self, name: str, default: Any = None, /) -> Any:
        """See dict, with the program's names among them."""
        return self[name] if name in self else default  # noqa: SIM401  # that would be this function


class Module(types.ModuleType):
    """The module that the tests' classes say they are of: dataclasses look into it."""

    def __init__(self, space: Space) -> None:
        super().__init__(guard.TESTS)
        object.__setattr__(self, "_space", space)

    def __getattribute__(self, name: str) -> Any:
        space: Space = object.__getattribute__(self, "_space")
        if name == "__dict__":
            return space
        return space[name] if name in space else object.__getattribute__(self, name)


class Sources:
    """The texts that were run, to find assertions in."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._trees: dict[str, ast.AST] = {}

    def run(self, text: str, name: str, space: Space) -> None:
        """Run it."""
        self._texts[name] = text
        exec(compile(text, name, "exec", dont_inherit=True), space)

    def parts(self, setup: str, name: str) -> Iterator[types.CodeType]:
        """The statements of a set-up, to be run."""
        self._texts[name] = setup
        return twins.statements(setup)

    def tree(self, name: str) -> ast.AST | None:
        """Its syntax tree; None for what was not run here."""
        if name in self._texts and name not in self._trees:
            self._trees[name] = ast.parse(self._texts[name])
        return self._trees.get(name)

    def hides(self, error: BaseException, trace: Any) -> bool:
        """Whether a check is passed over if the with-statement that `trace` begins in swallows `error`.

        A check is an assertion, or a `raise` (or an exit) that hangs on a condition. In a function that is called with
        constants alone, `risky(-1)`, a condition is none: what it does has been decided by the test.
        """
        if trace is None:
            return True
        if isinstance(error, AssertionError):
            return True
        tree = self.tree(trace.tb_frame.f_code.co_filename)
        constant = False
        if tree is not None:
            line, at = trace.tb_lineno, trace.tb_frame.f_lineno
            around = [node for node in ast.walk(tree) if isinstance(node, ast.With | ast.AsyncWith)]
            around = [node for node in around if _holds(node.body, line)]
            exact = [node for node in around if node.lineno <= at < node.body[0].lineno]
            if any(_checks(node.body, line) for node in exact or around):
                return True
            constant = not any(_is_told(node.body, line) for node in exact or around)
        while (trace := trace.tb_next) is not None:
            tree = self.tree(trace.tb_frame.f_code.co_filename)
            if tree is not None and any(
                _holds(node.body, trace.tb_lineno) and _checks(node.body, trace.tb_lineno, conditions=not constant)
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ):
                return True
        return False


def _holds(body: Sequence[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)


def _checks(body: Sequence[ast.stmt], line: int, *, conditions: bool = True) -> bool:
    """Whether there is an assertion, or with `conditions` a conditional `raise`, at `line` or below it."""
    for statement in body:
        for node in ast.walk(statement):
            if (getattr(node, "end_lineno", None) or 0) < line:
                continue
            if isinstance(node, ast.Assert) or _called(node).startswith("assert"):
                return True
            hangs = conditions and isinstance(node, ast.If | ast.While | ast.Match | ast.IfExp | ast.BoolOp)
            if hangs and any(_gives_up(part, line) for part in ast.walk(node)):
                return True
    return False


def _called(node: ast.AST) -> str:
    """The name of what a call calls; a bare name of the test's own may be anything."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _gives_up(node: ast.AST, line: int) -> bool:
    """Whether it raises or exits, at `line` or below it."""
    if (getattr(node, "end_lineno", None) or 0) < line:
        return False
    exits = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("exit", "quit", "fail")
    return exits or isinstance(node, ast.Raise) or _called(node) in ("exit", "_exit", "fail", "abort")


def _is_told(body: Sequence[ast.stmt], line: int) -> bool:
    """Whether something is called at `line` with more than constants."""
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or node.lineno):
            given = [*node.args, *(word.value for word in node.keywords)]
            if any(isinstance(part, ast.Name) for item in given for part in ast.walk(item)):
                return True
    return False


class Checker:
    """A checker that is made ready before it is forked. `channel` is the descriptor of the line to the program."""

    def __init__(self) -> None:
        self.sources = Sources()
        self.line = guard.Guard(self._send, self._receive, self.sources.hides)
        self.space = Space()
        self._channel = -1
        self._stream: IO[bytes] | None = None

    def judge(self, channel: int, job: Mapping[str, Any]) -> dict[str, Any]:
        """Run the job's tests against the program at the other end of `channel`. `{"correct": ..., "reason": ...}`.

        `program`, `header` (code that stands before the program and belongs to the data set), `setup` and `tests` are
        texts. `asked` are names that the program is to define though built-in functions or the header have them,
        `classes` those of the classes that the tests are about.
        """
        sys.set_int_max_str_digits(0)
        sys.setrecursionlimit(DEPTH)
        self._channel = channel
        self._stream = os.fdopen(channel, "rb", closefd=False)
        reason = first_fault(self.line, self.sources, self.space, job)
        return {"correct": not reason, "reason": visible(reason)}

    def _send(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._channel, line) :]

    def _receive(self) -> bytes:
        return self._stream.readline(LONGEST_REPLY) if self._stream is not None else b""


def first_fault(line: guard.Guard, sources: Sources, space: Space, job: Mapping[str, Any]) -> str:
    """Why the program is not right; empty where it is."""
    line.about(job["classes"])
    standins.connect(line)
    try:
        told = line.ask("run", job["program"], job["setup"])
        defined, variables, modules, both = ([name for name in names if isinstance(name, str)] for names in told)
        space.modules = frozenset(filter(known.is_library, modules))
    except border.BrokenError as error:
        return str(error)
    except BaseException as error:  # the program may raise whatever it likes
        return line.fault or f"the program does not run: {_described(error)}"
    sys.modules[guard.TESTS] = Module(space)
    try:
        _run_header(sources, str(job["header"]), space)
        _take_over(line, space, defined, variables, frozenset(job["asked"]))
        _run_setup(line, sources, job["setup"], space, both)
    except BaseException as error:  # tests are a user's: whatever they raise is told
        return line.fault or f"before the tests: {_described(error)}"
    if line.fault:
        return line.fault
    tests: Sequence[str] = job["tests"]
    for number, test in enumerate(tests, start=1):
        where = f"test {number} of {len(tests)}"
        line.last = None
        failures = _watch_cases(test)
        try:
            sources.run(test, f"<test {number}>", space)
        except BaseException as error:  # the same
            return f"{where}: {line.fault or _failed(test, error, line.last)}"
        if line.fault:  # the test has caught it
            return f"{where}: {line.fault}"
        if failures:
            return f"{where}: {_short(failures[0])} failed"
        if line.caught:
            return f"{where}: the program has caught an assertion that failed"
    if not space.used:
        return "the tests ask nothing of the program"
    try:
        return line.doubt() or line.fault
    except BaseException as error:
        return line.fault or _described(error)


def _watch_cases(test: str) -> list[str]:
    """A list that gets the test cases of `unittest` that fail from now on: a test may run them and not look."""
    failures: list[str] = []
    if "unittest" not in test and "unittest" not in sys.modules:
        return failures
    result: Any = importlib.import_module("unittest").TestResult
    for name in ("addFailure", "addError"):
        method = getattr(result, name)
        method = getattr(method, "watched", method)

        def add(self: Any, case: Any, error: Any, method: Any = method) -> None:
            failures.append(str(case))
            method(self, case, error)

        held: Any = add
        held.watched = method
        setattr(result, name, add)

    def add_part(self: Any, case: Any, part: Any, error: Any, method: Any = result.addSubTest) -> None:
        if error is not None:
            failures.append(str(part))
        getattr(method, "watched", method)(self, case, part, error)

    held_part: Any = add_part
    held_part.watched = getattr(result.addSubTest, "watched", result.addSubTest)
    result.addSubTest = add_part
    return failures


def _run_header(sources: Sources, header: str, space: Space) -> None:
    """The header with a function of no body at its end."""
    if not header.strip():
        return
    for body in ("    pass\n", "        pass\n", ""):
        text = f"{header.rstrip()}\n{body}"
        try:
            compile(text, "<header>", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        sources.run(text, "<header>", space)
        return


def _take_over(
    line: guard.Guard, space: Space, defined: Sequence[str], variables: Sequence[str], asked: frozenset[str]
) -> None:
    """Give the tests the program's names, but none that is Python's or the data set's own."""
    own = frozenset(space) | BUILTIN

    def open_names(names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in names if name in asked or name not in own)

    space.line = line
    space.modules = open_names(space.modules - asked)
    space.defined = open_names(name for name in defined if name.isidentifier() and not name.startswith("__"))
    space.variables = open_names(variables) - space.defined
    for name in asked & (space.defined | space.variables):
        space.pop(name, None)


def _run_setup(line: guard.Guard, sources: Sources, setup: str, space: Space, both: Sequence[str]) -> None:
    """The set-up, statement by statement: a class of it is known as one that the program has too from then on."""
    for code in sources.parts(setup, "<setup>"):
        exec(code, space)
        found = {name: dict.__getitem__(space, name) for name in both if dict.__contains__(space, name)}
        line.twins.add_all(found, guard.TESTS, line.is_open_whole)


def _failed(test: str, error: BaseException, last: Any) -> str:
    text = " ".join(test.split())
    if isinstance(error, AssertionError):
        return f"{_short(_asserted(test, error) or text)} (got {_short(shown(last))})"
    return f"{_short(text)}: {_described(error)}" if len(text) <= SHOWN else _described(error)


def _asserted(test: str, error: BaseException) -> str:
    """The assertion of a longer test that failed, found by its line."""
    trace = error.__traceback__
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<test"):
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        nodes = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Assert) and node.lineno == line]
    except (SyntaxError, ValueError):
        return ""
    return " ".join(ast.unparse(nodes[0]).split()) if nodes else ""


def _described(error: BaseException) -> str:
    try:
        text = str(error)[:200]
    except BaseException:  # it asks the program
        text = ""
    return f"{type(error).__name__}: {text}".rstrip(": ")


class _Shown(reprlib.Repr):
    """repr, cut short, that asks the program nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = SHOWN
        self.maxstring = self.maxother = self.maxlong = self.maxarray = 2 * SHOWN

    def repr1(self, x: Any, level: int) -> str:
        """One value."""
        cls = type(x)
        if standins.is_kind(cls):
            return f"<{type.__getattribute__(cls, '__name__')} object>"
        if standins.is_kind(x):
            return f"<class {type.__getattribute__(x, '__name__')}>"
        if cls is int and x.bit_length() > 4096:
            return f"<a number of {x.bit_length()} bits>"
        return super().repr1(x, level)


def shown(value: Any) -> str:
    """`value` as a reason shows it."""
    try:
        return _Shown().repr(value)
    except Exception:  # an object of the test's own
        return f"<{type(value).__name__} object>"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def visible(text: str) -> str:
    """`text` with everything escaped that a terminal would obey or a file could not hold."""
    return "".join(_visible(text[:LONGEST_REASON]))


def _visible(text: str) -> Iterator[str]:
    for character in text:
        yield character if character.isprintable() else character.encode("unicode_escape").decode()
