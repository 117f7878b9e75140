r"""Text that a model or a data set wrote, as it may be shown, stored and sent: nothing in it is obeyed."""

from __future__ import annotations

import re

from sapo_studio.readable import printable

_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def shown(text: str) -> str:
    r"""`text` with everything that is no text written out, as `\x1b` or `\ud800`."""
    return text if text.isascii() and text.isprintable() else printable(text)


def cut(text: str, most: int = 80) -> str:
    """`text` as `shown`, on one line and no longer than a message can take."""
    line = " ".join(text[: 4 * most].split())
    return shown(line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 3]}...")


def fault_of(text: str) -> str:
    """What in `text` no question or answer can have (NUL, another control character, half a character); else empty."""
    found = _NO_TEXT.search(text)
    if found is None:
        return ""
    what = "half a character" if found[0] >= "\ud800" else "the control character"
    return f"{what} {printable(found[0])}"
