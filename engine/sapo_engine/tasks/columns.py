"""Rows of a user's own file under the names that a question's parts have (`fields` of the task or of a set)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sapo_engine.grading.escape import cut
from sapo_engine.tasks.datasets import there_are
from sapo_studio.config.columns import Columns
from sapo_studio.errors import InputError

GAP = "\n\n"
"""Between the texts of several columns."""
TASK_FIELDS, SET_FIELDS = "task.fields", "evaluation.sets.fields"
"""Where a configuration names columns: for the run's own questions, and for those of an evaluation set."""


def renamed(row: Mapping[str, Any], columns: Columns, where: str, key: str = TASK_FIELDS) -> Mapping[str, Any]:
    """The row with each part under its name, taken from the column that `columns` (of the configuration's `key`) names
    for it; texts of several columns are put one under the other, empty ones left out.

    Raises InputError that names a column that is missing, and those that there are.
    """
    found = dict(row)
    for part, names in columns.items():
        values = [_value(row, name, f"{where}: column {cut(name)!r}, which {key} names for {part},") for name in names]
        found[part] = values[0] if len(values) == 1 else GAP.join(str(one) for one in values if one not in (None, ""))
    return found


def _value(row: Mapping[str, Any], name: str, column: str) -> Any:
    """The value of a column; `a.b` is b within a, where there is no column of that name. `column`: how an InputError
    calls it."""
    if name in row:
        return row[name]
    value: Any = row
    for key in name.split("."):
        if isinstance(value, Mapping) and key in value:
            value = cast("Mapping[str, Any]", value)[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(key)]
        else:
            raise InputError(f"{column} is missing", why=there_are(row))
    return value
