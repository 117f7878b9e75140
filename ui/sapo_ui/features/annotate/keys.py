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
DIGITS = {1: "wrong", 2: "neutral", 3: "right"}
PLAIN = {
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Return: "save",
    Qt.Key.Key_Enter: "save",
}
HELD = ("up", "down")
"""What goes on while a key is held down; of everything else holding is one press."""

_PLACES = {"linux": 10, "win32": 2}
"""The number by which each system knows the key of the digit 1; the others lie beside it."""

_AZERTY = "&\u00e9\"'(-\u00e8_\u00e7"
"""What a French keyboard types there without Shift, where the system does not tell the key's place."""

_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def verb_of(event: QKeyEvent) -> str | None:
    """What the key asks for; None where it asks for nothing here."""
    if event.modifiers() & _MODIFIERS:
        return None
    plain = PLAIN.get(Qt.Key(event.key())) or LETTERS.get(event.text().lower())
    return plain or DIGITS.get(digit_of(event))


def digit_of(event: QKeyEvent) -> int:
    """The digit from 1 to 9 that the key stands for; 0 where it is none."""
    if event.modifiers() & _MODIFIERS:
        return 0
    text = event.text()
    if len(text) == 1 and text in "123456789":
        return int(text)
    if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        return 0
    first, place = _PLACES.get(sys.platform), event.nativeScanCode()
    if first is not None and place:
        return place - first + 1 if first <= place < first + 9 else 0
    return _AZERTY.find(text) + 1 if text else 0
