"""Values as others write them: numbers for texts, 1.0 for 1, null for nothing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, StrictBool, StrictInt, StrictStr


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _none_is(empty: object) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


def whole(value: object) -> Any:
    """1.0 and "1" are 1; everything else stays what it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 10 else value


def _flag(value: object) -> object:
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


Name = Annotated[StrictStr, BeforeValidator(_text_of_number), _none_is("")]
"""An id or an answer: a number is a text, null is an empty one."""
Id = Annotated[StrictStr, BeforeValidator(_text_of_number)]
"""The same where null is a fault."""
Whole = Annotated[StrictInt, BeforeValidator(whole)]
Flag = Annotated[StrictBool, BeforeValidator(_flag)]
"""A truth value: 0 and 1 are, too."""
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed), _none_is(())]
"""One text, or a list of texts, or none."""
