"""What may be a name that people give: of a run, an imported file, a queue, an evaluation set, a person, a tag.

One line that shows, and shows as it is: names stand in tables, messages, files' names and tooltips, and are typed again
to find what they name. Names of process benchmarks and presets are narrower still: they are part of a file's name.
"""

from __future__ import annotations

import re

from sapo_studio.errors import InputError
from sapo_studio.readable import printable

LONGEST = 80
"""Characters of a name."""
LONGEST_QUEUE = 160
"""A queue's: made up of its run's name, an iteration and a rule."""
LONGEST_ELSEWHERE = 1000
"""In files that other stores wrote: older ones have longer names than are given now."""
_BREAKS = re.compile(r"[\n\t]")


def name_fault(text: str, longest: int = LONGEST) -> str:
    """Why `text`, without the space around it, cannot be a name; empty where it can."""
    text = text.strip()
    if not any(character.isprintable() and not character.isspace() for character in text):
        return "It has no character that shows."
    if len(text) > longest:
        return f"It has {len(text):,} characters."
    if one_line(text) != text:
        return "It holds a line break, a tab or another character that does not show."
    return ""


def checked_name(text: str, what: str, longest: int = LONGEST) -> str:
    """`text` as the name of `what` ("a run"), without the space around it. Raises InputError where it cannot be one."""
    why = name_fault(text, longest)
    if why:
        raise InputError(
            f"This cannot be the name of {what}: {text.strip()[:longest]!r}",
            why=why,
            fix=f"A name is one line of 1 to {longest} characters.",
        )
    return text.strip()


def checked_text(text: str, what: str, longest: int) -> str:
    """What somebody wrote ("A note"), as it is kept: without the space around it, and otherwise as it is. Raises
    InputError for more than `longest` characters."""
    # A lone half of a surrogate pair, which a keyboard can send, is no text that could be stored.
    kept = text.strip().encode(errors="replace").decode()
    if len(kept) > longest:
        raise InputError(f"{what} has at most {longest:,} characters", why=f"This one has {len(kept):,}.")
    return kept


def name_from_elsewhere(text: str) -> str:
    """A name that a file brings, or that an older store has, made to fit: nothing that somebody did is refused for
    the name that they did it under. The same text gives the same name everywhere."""
    return fitted_name(text, "unnamed", LONGEST_ELSEWHERE)


def one_line(text: str) -> str:
    """`text` with a space for each character that would break the line, or that a terminal would obey."""
    return "".join(" " if _BREAKS.match(one) or printable(one) != one else one for one in text)


def fitted_name(text: str, otherwise: str, longest: int = LONGEST) -> str:
    """A name made of `text`, which nobody gave as one (a file's name, a login, an older store's); `otherwise` where
    nothing of it shows."""
    fitted = one_line(text).strip()[:longest].strip()
    return otherwise if name_fault(fitted, longest) else fitted
