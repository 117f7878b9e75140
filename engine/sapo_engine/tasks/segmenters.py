"""Where a step of a written solution begins. Each way looks back only, so that a prefix is cut as the whole is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sapo_engine.grading.apart import Apart
from sapo_engine.grading.extract import MARK
from sapo_engine.tasks.base import Segmenter

OPENERS = re.compile(r"(?:async\s+)?(?:def|class|for|while|if|try|with|match|return)\b|@")
"""A statement that begins with one of these is a block of its own."""
FUNCTION = re.compile(r"(?:async\s+)?def\b")
MATCHING = "sapo_engine.tasks.matching"
SECONDS = 2.0
"""How long a user's expression may be looked for in one text."""
LOOKED_AT = 2_000
"""Characters of a line in which it is looked for."""
MOST_REPEATED = 2


class Lines:
    """Every line is a step; the line with the final answer belongs to the step that found it. Implements Segmenter."""

    def starts(self, lines: Sequence[str]) -> list[bool]:
        """See Segmenter."""
        return [not line.lstrip().startswith(MARK) for line in lines]

    def clean(self, text: str) -> str:
        """See Segmenter."""
        return text.strip()


class Paragraphs(Lines):
    """A step begins after a blank line."""

    def starts(self, lines: Sequence[str]) -> list[bool]:
        """See Segmenter."""
        return [bool(line.strip()) and (k == 0 or not lines[k - 1].strip()) for k, line in enumerate(lines)]


class Pattern(Lines):
    """A step begins at a line whose beginning matches.

    The expression is the user's, the line a model's. One that can take long on some line (`may_backtrack`) is looked
    for in a process that is killed after SECONDS; no step begins there then.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)
        self._apart = may_backtrack(pattern)
        self._process: Apart | None = None

    def starts(self, lines: Sequence[str]) -> list[bool]:
        """See Segmenter."""
        shortened = [line[:LOOKED_AT] for line in lines]
        if not self._apart:
            return [self.pattern.match(line) is not None for line in shortened]
        self._process = self._process or Apart(MATCHING)
        found = self._process.ask([self.pattern.pattern, shortened], seconds=SECONDS)
        if found is None:
            self._process.close()
            self._process = None
            return [False] * len(lines)
        return found

    def close(self) -> None:
        """End the process, where there is one."""
        if self._process is not None:
            self._process.close()
            self._process = None


def may_backtrack(pattern: str) -> bool:
    """Whether an expression might be tried in very many ways on some line: where a group is repeated, something before
    is referred to, or more than two repetitions have no upper limit.
    """
    plain = re.sub(r"\\[^0-9]", "x", pattern)
    repeated = sum(plain.count(sign) for sign in ("*", "+", ",}"))
    return repeated > MOST_REPEATED or any(sign in plain for sign in (")*", ")+", "){", "\\", "(?P=", "(?("))


class Blocks:
    """One logical block of a program a step. Implements Segmenter.

    The program's own level is the indentation of its first line, or, in a function that is not inside anything, that
    of the function's body. A step begins at this level, or further out: with a comment (that does not follow another),
    after a blank line, or with a statement that opens a block or returns. Statements in a row belong together, and so
    does the code below a comment; everything deeper belongs to its block.
    """

    def starts(self, lines: Sequence[str]) -> list[bool]:
        """See Segmenter."""
        found: list[bool] = []
        level: int | None = None
        before = ""
        blank = False
        for line in lines:
            text = line.strip()
            if not text:
                found.append(False)
                blank = True
                continue
            indent = len(line) - len(line.lstrip())
            if level is None or indent < level:
                level = indent
                begins = True
            elif level == 0 and indent > 0 and FUNCTION.match(before):
                # The body of the function at hand is what the steps are of.
                level, begins = indent, True
            else:
                opens = blank or text.startswith("#") or OPENERS.match(text) is not None
                begins = indent == level and opens and not before.startswith("#")
            found.append(begins)
            if indent <= level:
                before = text
            blank = False
        return found

    def clean(self, text: str) -> str:
        """See Segmenter. Indentation stays: it is part of the program."""
        return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def segmenter_of(how: str, pattern: str = "") -> Segmenter:
    """The segmenter named `line`, `paragraph`, `block` or `pattern`."""
    match how:
        case "paragraph":
            return Paragraphs()
        case "block":
            return Blocks()
        case "pattern":
            return Pattern(pattern)
        case _:
            return Lines()
