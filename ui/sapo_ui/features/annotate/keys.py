"""What a key means while an item is judged, on any keyboard: letters go by what is typed, wherever the key lies, and
digits by what is typed or by the key's place in the row above the letters (a French keyboard types & é " there).
"""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

LETTERS = {
    "j": "down",
    "k": "up",
    "e": "first_error",
    "n": "no_error",
    "c": "comment",
    "s": "skip",
    "u": "undo",
    "b": "blind",
    "o": "reopen",
}
DIGITS = {"1": "wrong", "2": "neutral", "3": "right"}
PLAIN = {
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Return: "save",
    Qt.Key.Key_Enter: "save",
}
_PLACES = {"linux": 10, "win32": 2}
"""The number by which each system knows the key of the digit 1; 2 and 3 lie beside it."""

_AZERTY = {"&": "wrong", "\u00e9": "neutral", '"': "right"}
"""What a French keyboard types there without Shift, where the system does not tell the key's place."""

_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def verb_of(event: QKeyEvent) -> str | None:
    """What the key asks for; None where it asks for nothing here."""
    if event.modifiers() & _MODIFIERS:
        return None
    text = event.text().lower()
    plain = PLAIN.get(Qt.Key(event.key())) or LETTERS.get(text) or DIGITS.get(text)
    if plain is not None or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        return plain
    first, place = _PLACES.get(sys.platform), event.nativeScanCode()
    if first is not None and place:
        return list(DIGITS.values())[place - first] if first <= place <= first + 2 else None
    return _AZERTY.get(text)
