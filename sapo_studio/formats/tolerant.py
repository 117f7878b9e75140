"""Values as others write them: numbers for texts, 1.0 for 1, null for nothing."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, StrictBool, StrictInt, StrictStr

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


def _flag(value: object) -> object:
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else value


Name = Annotated[StrictStr, BeforeValidator(_text_of_number), none_is("")]
"""An id or an answer: a number is a text, null is an empty one."""
Id = Annotated[StrictStr, BeforeValidator(_text_of_number)]
"""The same where null is a fault."""
Whole = Annotated[StrictInt, BeforeValidator(whole)]
Flag = Annotated[StrictBool, BeforeValidator(_flag)]
"""A truth value: 0 and 1 are, too."""
Texts = Annotated[tuple[StrictStr, ...], BeforeValidator(_listed), none_is(())]
"""One text, or a list of texts, or none."""
