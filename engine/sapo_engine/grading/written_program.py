"""The program in a completion: out of its fences, and behind the header where it goes on from one.

A model's text is read line by line, each once: nothing here looks back.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import warnings

from sapo_engine.grading.base import Problem
from sapo_engine.grading.program_names import Names, names_of
from sapo_engine.grading.thought import without_thought, without_turn_ends

_PYTHON = ("", "python", "py")
"""What may stand behind the opening of a fence, but for a version."""
_FENCES = ("```", "~~~")
_MOST_BLOCKS = 20
"""Blocks that are looked at; what stands behind them is talk."""
_MOST_CUTS = 4
"""Pieces that are cut off the end of a program before it is given up."""
LONGEST = 100_000
"""Characters: a longer program is none."""
_LONGEST_NUMBER = 20_000
"""Digits of a number in a program: reading one takes the square of them."""
_MARK = re.compile(r"<[|\uff5c][\w\u2581]{1,40}[|\uff5c]>|<end_of_turn>|<start_of_turn>|<eos>")
_BETWEEN = (("[BEGIN]", "[DONE]"), ("[PYTHON]", "[/PYTHON]"))
"""Lines that a program stands between (MBPP's own prompt and others); the first one may stand in the prompt."""
_STARTS = ("def ", "async def ", "class ", "import ", "from ", "@")
"""How a program without fences begins behind words."""


def written_program(problem: Problem, completion: str) -> str:
    """The program that a completion holds, without its thinking.

    Of several fenced blocks the first one counts, with those that define what the tests or it itself lack. Where the
    problem has a header, a whole function of the asked name takes the place of the header's, and anything else is its
    body. Words before and behind a program without fences are left out, and so is a last function that the model did
    not come to the end of.
    """
    text = _without_marks(completion.replace("\r\n", "\n"))
    blocks = _fenced(text) if len(text) > LONGEST or _fault(text) is not None else []
    joined = (_joined(problem, blocks) if blocks else text).strip("\n")
    if not problem.header:
        return _finished(_unindented(joined) if blocks else _without_words(joined))
    if _defines(joined, problem.entry_point):
        # The whole function again: it takes the place of the header's, whose imports and helpers stay.
        whole = _dedented(joined) if blocks else _without_words(joined)
        return _finished(f"{problem.header.rstrip()}\n    pass\n\n{whole}\n")
    body = _body(joined)
    first = next((line for line in body.split("\n") if line.strip()), "")
    if first and not first[0].isspace():
        whole = "\n".join(f"    {line}" if line.strip() else line for line in body.split("\n"))
        alone = f"    {body.lstrip(chr(10))}"  # the first line alone has lost its indent
        stands = _fault(f"def f():\n{whole}") is not None and _fault(f"def f():\n{alone}") is None
        body = alone if stands else whole
    return _finished(f"{problem.header.rstrip()}\n{body}\n")


def _without_marks(text: str) -> str:
    """What is said beside thinking, before another turn begins, between the marks of a prompt."""
    text = without_turn_ends(without_thought(text)).lstrip("\ufeff")
    for found in _MARK.finditer(text):
        begin, end = found.span()
        outermost = not text[max(0, begin - 1) : begin].strip("\n") or not text[end : end + 1].strip("\n")
        if outermost and text[:begin].strip():  # it ends a line or begins one, behind a program
            text = text[:begin]
            break
    lines = text.split("\n")
    for opening, closing in _BETWEEN:
        at = next((k for k, line in enumerate(lines) if line.strip() == opening), -1)
        end = next((k for k, line in enumerate(lines) if k > at and line.strip() == closing), len(lines))
        lines = lines[at + 1 : end]
    return "\n".join(lines)


def _fenced(text: str) -> list[str]:
    """The first blocks of Python in fences, in order. One that is not closed goes to the end.

    A fence in a docstring is none: such a block is ended where it is a program.
    """
    found: list[str] = []
    block: list[str] | None = None
    shorter: list[str] | None = None
    fence, wanted, tries = "", False, 0
    for line in text.split("\n"):
        if block is None:
            opened = _opening(line)
            if opened is not None:
                block, shorter, tries = [], None, 0
                fence, wanted = opened
            continue
        inside, closing, _ = line.partition(fence)
        if not closing or (fence[0] == "~" and inside.strip()):
            block.append(line)
            continue
        ended = [*block, inside] if inside.strip() else list(block)
        if wanted and tries < _MOST_BLOCKS and _in_docstring(ended):
            tries += 1
            shorter = ended if shorter is None else shorter
            block.append(line)
            continue
        if wanted:
            found.append(_block(ended, shorter))
        block = None
        if len(found) == _MOST_BLOCKS:
            break
    if block is not None and wanted:
        found.append(_block(block, shorter))
    return found


def _opening(line: str) -> tuple[str, bool] | None:
    """The fence that a line opens, as long as it is, and whether Python stands in it."""
    for mark in _FENCES:
        before, fence, info = line.partition(mark)
        if not fence or mark in info.lstrip(mark[0]) or (mark[0] == "~" and before.strip()):
            continue
        more = len(info) - len(info.lstrip(mark[0]))
        words = info[more:].strip(" \t\r{}.").replace(":", " ").replace(",", " ").lower().split()
        # "python3.11 title=x.py" is Python, "python-repl" is none
        return fence + more * mark[0], (words[0] if words else "").rstrip("0123456789.") in _PYTHON
    return None


def _in_docstring(lines: list[str]) -> bool:
    text = "\n".join(lines)
    return bool(text.count('"""') % 2 or text.count("'''") % 2) and _fault(_dedented(text)) is not None


def _block(lines: list[str], shorter: list[str] | None) -> str:
    text = "\n".join(lines)
    if shorter is not None and _fault(_dedented(text)) is not None:
        text = "\n".join(shorter)
    return text.lstrip("\ufeff")


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
        if line.startswith(("if __name__", "print(", "```")):
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


def _unindented(text: str) -> str:
    """`text`, to the left as a whole where it is a program only so."""
    return text if _fault(text) is None else _dedented(text)


def _without_words(text: str) -> str:
    """A program without fences, without the words before and behind it. `text` itself where it is one, or none."""
    text = _unindented(text)
    if _fault(text) is None:
        return text
    lines = text.split("\n")
    begin = next((k for k, line in enumerate(lines) if line.lstrip().startswith(_STARTS) and _is_code(line)), None)
    if begin is None:
        return text
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    kept: list[str] = []
    for line in lines[begin:]:
        if line.strip() and line[:indent].strip():
            break
        kept.append(line[indent:])
    for _ in range(_MOST_CUTS):
        fault = _fault("\n".join(kept))
        if fault is None:
            return "\n".join(kept).rstrip("\n")
        at = _top_of(kept, fault)
        if at == 0:
            return text
        if not _is_prose(kept[at]):
            return "\n".join(kept)
        del kept[at:]
    return text


def _is_code(line: str) -> bool:
    """Whether a line that begins with a word of Python's goes on as a statement does, and not as a sentence."""
    words = line.strip()
    if words.startswith("from "):
        return " import " in words
    if words.startswith("import "):
        return _fault(words) is None
    return words[0] == "@" or words.startswith(("def ", "async def ")) or words.endswith(":") or "(" in words


def _is_prose(line: str) -> bool:
    return len(line.split()) > 1 and "=" not in line and not line.startswith(_STARTS) and _fault(line) is not None


def _top_of(lines: list[str], number: int) -> int:
    """The line at which the top-level statement around line `number` (from 1) begins."""
    at = min(number, len(lines)) - 1
    while at > 0 and (not lines[at].strip() or lines[at][0].isspace() or lines[at][0] in ")]}"):
        at -= 1
    return at


def _finished(text: str) -> str:
    """`text` without a last piece that does not parse: what a model wrote when its tokens ran out.

    `text` itself where that is not all that is wrong with it.
    """
    fault = _fault(text)
    if fault is None:
        return text
    lines = text.split("\n")
    at = _top_of(lines, fault)
    behind = [line for line in lines[at + 1 :] if line.strip() and not line[0].isspace() and line[0] not in ")]}"]
    ends = not behind or _is_prose(lines[at])
    while at > 0 and lines[at - 1].startswith("@"):
        at -= 1
    shorter = "\n".join(lines[:at])
    defines = any(line.startswith(_STARTS[:3]) for line in lines[:at])
    return shorter.rstrip("\n") + "\n" if ends and defines and _fault(shorter) is None else text


def _fault(text: str) -> int | None:
    """The line at which `text` is no Python; None where it is."""
    if len(text) > LONGEST:
        return None
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(_LONGEST_NUMBER)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    finally:
        sys.set_int_max_str_digits(digits)
    return None
