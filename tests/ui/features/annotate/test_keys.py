"""What keys mean, on keyboards of several countries."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from sapo_ui.features.annotate.keys import digit_of, verb_of

NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def key(code, text="", modifiers=NONE, place=0):
    return verb_of(QKeyEvent(QEvent.Type.KeyPress, code, modifiers, place, 0, 0, text))


def test_letters_go_by_what_is_typed():
    assert key(Qt.Key.Key_J, "j") == "down"
    assert key(Qt.Key.Key_J, "J", SHIFT) == "down"
    assert key(Qt.Key.Key_J, "h", place=44) is None  # where a Dvorak keyboard types another letter
    assert key(Qt.Key.Key_C, "j", place=54) == "down"


@pytest.mark.parametrize(("digit", "verb"), [("1", "wrong"), ("2", "neutral"), ("3", "right")])
def test_digits_go_by_what_is_typed(digit, verb):
    code = Qt.Key(ord(digit))
    assert key(code, digit) == verb
    assert key(code, digit, Qt.KeyboardModifier.KeypadModifier) == verb
    assert key(code, digit, SHIFT) == verb  # as on a French keyboard


@pytest.mark.skipif(sys.platform != "linux", reason="places are numbered otherwise")
def test_digits_go_by_the_key_s_place():
    french = [(Qt.Key.Key_Ampersand, "&"), (Qt.Key.Key_Eacute, "\u00e9"), (Qt.Key.Key_QuoteDbl, '"')]
    bepo = [(Qt.Key.Key_QuoteDbl, '"'), (Qt.Key.Key_guillemotleft, "\u00ab"), (Qt.Key.Key_guillemotright, "\u00bb")]
    for keyboard in (french, bepo):
        found = [key(code, text, place=place) for place, (code, text) in enumerate(keyboard, start=10)]
        assert found == ["wrong", "neutral", "right"]
    assert key(Qt.Key.Key_Exclam, "!", SHIFT, 10) is None
    assert key(Qt.Key.Key_QuoteDbl, '"', place=48) is None


def test_a_french_keyboard_whose_places_are_not_told():
    found = [key(Qt.Key.Key_unknown, text) for text in ("&", "\u00e9", '"')]
    assert found == ["wrong", "neutral", "right"]
    assert key(Qt.Key.Key_Ampersand, "&", SHIFT) is None  # 7 on an American one


@pytest.mark.skipif(sys.platform != "linux", reason="places are numbered otherwise")
def test_all_digits_are_known_for_what_they_are():
    """They take the judgement of the third person and on; a dead key types nothing by itself."""

    def digit(text, place=0, modifiers=NONE):
        return digit_of(QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_unknown, modifiers, place, 0, 0, text))

    assert [digit(text) for text in "123456789"] == [*range(1, 10)]
    french = "&\u00e9\"'(-\u00e8_\u00e7"
    assert [digit(text) for text in french] == [digit("", place) for place in range(10, 19)] == [*range(1, 10)]
    assert [digit("0"), digit("\u00e0", 19), digit(""), digit("x"), digit("12"), digit("\u0661")] == [0] * 6
    assert digit("4", modifiers=Qt.KeyboardModifier.ControlModifier) == 0


def test_keys_of_the_window_are_left_to_it():
    for modifier in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier):
        assert key(Qt.Key.Key_N, "n", modifier) is None
    assert key(Qt.Key.Key_Return, "\r") == "save"
    assert key(Qt.Key.Key_Enter, "\r", Qt.KeyboardModifier.KeypadModifier) == "save"
    assert key(Qt.Key.Key_Down) == "down"
    assert key(Qt.Key.Key_F1) is None
