"""Whole numbers in arguments that may be something else, too."""

from __future__ import annotations

from sapo_studio.errors import InputError

_DIGITS = 9
"""More than any count, iteration or length of a run has."""


def whole_number(text: str, option: str) -> int:
    """The number that `text`, all decimal digits, writes. Raises InputError that names `option` if it is too long."""
    if len(text) > _DIGITS:
        raise InputError(f"{option} {text} is too large a number", fix=f"Give one of at most {_DIGITS} digits.")
    return int(text)
