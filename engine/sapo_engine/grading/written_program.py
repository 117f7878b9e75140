"""The program in a completion: out of its fences, and behind the header where it goes on from one.

A model's text is read line by line, each once: nothing here looks back.
"""

from __future__ import annotations

import builtins

from sapo_engine.grading.base import Problem
from sapo_engine.grading.program_names import Names, names_of

_PYTHON = ("", "python", "py", "python3", "py3")
"""What may stand behind the opening of a fence."""
_FENCE = "```"
_MOST_BLOCKS = 20
"""Blocks that are looked at; what stands behind them is talk."""
LONGEST = 100_000
"""Characters: a longer program is none."""


def written_program(problem: Problem, completion: str) -> str:
    """The program that a completion holds.

    Of several fenced blocks the first one counts, with those that define what the tests or it itself lack. Where the
    problem has a header, a whole function of the asked name takes the place of the header's, and anything else is its
    body.
    """
    text = completion.replace("\r\n", "\n")
    blocks = _fenced(text)
    text = (_joined(problem, blocks) if blocks else text).strip("\n")
    if not problem.header:
        return text
    if _defines(text, problem.entry_point):
        # The whole function again: it takes the place of the header's, whose imports and helpers stay.
        return f"{problem.header.rstrip()}\n    pass\n\n{_dedented(text)}\n"
    body = _body(text)
    first = next((line for line in body.split("\n") if line.strip()), "")
    if first and not first[0].isspace():
        body = "\n".join(f"    {line}" if line.strip() else line for line in body.split("\n"))
    return f"{problem.header.rstrip()}\n{body}\n"


def _fenced(text: str) -> list[str]:
    """The blocks of Python in fences, in order. One that is not closed goes to the end."""
    found: list[str] = []
    block: list[str] | None = None
    wanted = False
    for line in text.split("\n"):
        if block is None:
            _, fence, info = line.partition(_FENCE)
            if fence and _FENCE not in info:
                block, wanted = [], info.strip("` \t\r").lower() in _PYTHON
            continue
        inside, fence, _ = line.partition(_FENCE)
        if not fence:
            block.append(line)
            continue
        if inside.strip():
            block.append(inside)
        if wanted:
            found.append("\n".join(block))
        block = None
    if block is not None and wanted:
        found.append("\n".join(block))
    return found


def _joined(problem: Problem, blocks: list[str]) -> str:
    """The blocks that make the program."""
    if len(blocks) == 1:
        return blocks[0]
    read = [names_of(_dedented(block)) if len(block) <= LONGEST else None for block in blocks[:_MOST_BLOCKS]]
    tests = names_of("\n".join((problem.setup, *problem.tests))) or Names()
    wanted = {problem.entry_point, *tests.used} - {"", *tests.defined}
    taken = {0} if read[0] is not None else set[int]()
    while True:
        parts = [names for k in taken if (names := read[k]) is not None]
        defined = {name for names in parts for name in names.defined}
        missing = wanted.union(*(names.used for names in parts)) - defined - set(dir(builtins))
        more = (k for k, names in enumerate(read) if names and k not in taken and missing & names.defined)
        found = next(more, None)
        if found is None:
            break
        taken.add(found)
    if problem.header and problem.entry_point not in defined:
        return blocks[0]  # a body that goes on from the header
    return "\n\n".join(_dedented(blocks[k]) for k in sorted(taken)) if taken else blocks[0]


def _defines(text: str, name: str) -> bool:
    """Whether there is a function `name` in it."""
    for line in text.split("\n"):
        words = line.strip()
        if words.startswith("async") and words[5:6].isspace():
            words = words[5:].lstrip()
        if words.startswith("def") and words[3:4].isspace():
            rest = words[3:].lstrip()
            if rest.startswith(name) and not (rest[len(name) : len(name) + 1] + "(")[0].isidentifier():
                return True
    return False


def _body(text: str) -> str:
    """What stands before examples, tests and talk."""
    kept: list[str] = []
    for line in text.split("\n"):
        if line.startswith(("if __name__", "print(", _FENCE)):
            break
        if line.startswith("#") and line[1:].lstrip().startswith(("Test", "Example")):
            break
        if line.startswith("assert") and not line[6:7].isidentifier():
            break
        kept.append(line)
    else:
        return text
    return "\n".join([*kept, ""])


def _dedented(text: str) -> str:
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[indent:] for line in lines)
