"""The process that looks for a user's own regular expression in what a model wrote: `[pattern, lines]` in, one truth a
line out. Such an expression may take for ever.
"""

from __future__ import annotations

import re

from sapo_engine.grading.apart import serve


def matches(pattern: str, lines: list[str]) -> list[bool]:
    """Whether the pattern is found at the beginning of each line."""
    wanted = re.compile(pattern)
    return [wanted.match(line) is not None for line in lines]


if __name__ == "__main__":
    serve(lambda request: matches(*request))
