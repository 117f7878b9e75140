r"""Text that a model or a data set wrote, as it may be shown, stored and sent: nothing in it is obeyed."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset(("Cc", "Cs", "Cf", "Zl", "Zp"))


def shown(text: str) -> str:
    r"""`text` with control characters, lone surrogates and signs that turn the writing around as `\u....`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(char) if unicodedata.category(char) in _HIDDEN and char not in _KEPT else char for char in text
    )


def cut(text: str, most: int = 80) -> str:
    """`text` as `shown`, on one line and no longer than a message can take."""
    line = " ".join(text[: 4 * most].split())
    return shown(line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 3]}...")


def fault_of(text: str) -> str:
    """What in `text` no question or answer can have (NUL, another control character, half a character); else empty."""
    for char in text:
        if char < " " and char not in "\n\t\r\f\v":
            return f"the control character {_escaped(char)}"
        if "\ud800" <= char <= "\udfff":
            return f"half a character ({_escaped(char)})"
        if "\x7f" <= char <= "\x9f" and char != "\x85":
            return f"the control character {_escaped(char)}"
    return ""


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
