"""Questions as texts: when two are the same, whatever file they stand in."""

from __future__ import annotations

import unicodedata


def normalized(question: str) -> str:
    """`question` as it is compared: composed Unicode (NFC), no matter of capitals, one space for any white space."""
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", question).casefold().split()))
