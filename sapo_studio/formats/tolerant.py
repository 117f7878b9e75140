"""Values as others write them: numbers for texts, 1.0 for 1, null for nothing."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr

_WHOLE = re.compile(r"(-?[0-9]{1,9})(?:\.0*)?")


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def none_is(empty: object) -> BeforeValidator:
    """Null is `empty`."""
    return BeforeValidator(lambda value: empty if value is None else value)


def whole(value: object) -> Any:
    """1.0, "1" and "1.0" are 1; everything else stays what it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    found = _WHOLE.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(found[1]) if found else value


_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def flag(value: object) -> Any:
    """0, 1, "true", "False" and "1" are truth values; everything else stays what it is."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), value)
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


def _number(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def like(before: object, value: float) -> object:
    """`value` spelled as the value `before`, whose place it takes: a text for a text, a number for a number."""
    if isinstance(before, str):
        if before.strip().lower() in ("true", "false"):
            return str(bool(value)) if before.strip()[0].isupper() else str(bool(value)).lower()
        return str(int(value)) if whole(before) != before else str(value)
    if isinstance(value, bool) and isinstance(before, int | float) and not isinstance(before, bool):
        return int(value)
    return value


Name = Annotated[StrictStr, BeforeValidator(_text_of_number), none_is("")]
"""An id or an answer: a number is a text, null is an empty one."""
Id = Annotated[StrictStr, BeforeValidator(_text_of_number)]
"""The same where null is a fault."""
Whole = Annotated[StrictInt, BeforeValidator(whole)]
Flag = Annotated[StrictBool, BeforeValidator(flag)]
"""A truth value: 0 and 1 are, too."""
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, strict=True)]
"""A number from 0 to 1; "0.5" is one."""
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed), none_is(())]
"""One text, or a list of texts, or none."""
