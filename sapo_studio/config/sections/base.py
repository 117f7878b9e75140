"""What every section is made with: the base class, the fault of values that do not fit, and hints to the form."""

from __future__ import annotations

import re
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from sapo_studio.domain import task_kinds

MAIN: dict[str, Any] = {"group": "main"}
LAB, OWN = task_kinds.LAB, task_kinds.OWN
TEXTS = " ".join(task_kinds.WRITTEN)
CODE = " ".join(task_kinds.PROGRAMS)


def unit(text: str, **more: str) -> dict[str, Any]:
    """`text`: what the form shows behind the field."""
    return {"unit": text, **more}


def for_kinds(kinds: str, **more: str) -> dict[str, Any]:
    """`kinds`: the task kinds that the field matters to (the form hides it elsewhere)."""
    return {"kinds": kinds, **more}


def written(pattern: str, refused: str) -> AfterValidator:
    """A text of this shape; `refused` is what is said of another, as pydantic would say the pattern itself."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(refused)
        return text

    return AfterValidator(check)


class MisfitError(ValueError):
    """Values that do not fit together. `field` is the dotted path, within the section whose rule it breaks, of the one
    to change; `fix` is a value that would do, None where only the user knows one."""

    def __init__(self, field: str, message: str, fix: str | float | None = None) -> None:
        self.field, self.fix = field, fix
        super().__init__(message)


class Section(BaseModel):
    """A part of the configuration: immutable, unknown keys refused, docstrings kept as descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)
