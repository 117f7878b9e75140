"""Libraries that the program can do without: loaded where somebody asks for what needs them."""

from __future__ import annotations

import importlib
from typing import Any

from sapo_studio.errors import InputError


def needed(module: str, package: str, what: str) -> Any:
    """A library that is not among what the program always has. Raises InputError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        fix = f"Install it: pip install {package}"
        raise InputError(f"{what} needs {package}, which is not installed here", why=str(error), fix=fix) from error
