"""What dialogs say of an error."""

from __future__ import annotations

from sapo_studio.errors import SapoError


def told(error: Exception) -> str:
    """An error as a few sentences."""
    if isinstance(error, SapoError):
        return "\n".join(part for part in (error.what, error.why, error.fix) if part)
    return f"{type(error).__name__}: {error}"
