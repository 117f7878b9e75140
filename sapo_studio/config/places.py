"""Files and folders that a configuration names: whole paths, so that they mean the same from every folder.

The engine of a run works in the run's folder, and a run may be resumed from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sapo_studio.config.schema import RunConfig
from sapo_studio.paths import BENCHMARK, user_path

NO_PATHS = ("bundled:", "hub:", BENCHMARK)
Part = TypeVar("Part", bound=BaseModel)
PICKED = ("data", "model", "python")
"""What the form lets a user pick a file or a folder for."""


def whole_paths(config: RunConfig) -> RunConfig:
    """`config` with every relative path as it is meant from the folder that this process works in, `~` filled in.

    Raises InputError where one cannot be a path.
    """
    return _placed(config, lambda path: Path.cwd() / path)


def beside(config: RunConfig, folder: Path) -> RunConfig:
    """`config`, which lies in `folder`, with every relative path that leads from there to something as a whole one.

    The others are left: they are meant from where the command is given.
    """

    def there(path: Path) -> Path:
        placed = folder.absolute() / path
        return placed if placed.exists() else path

    return _placed(config, there)


def _placed(part: Part, place: Callable[[Path], Path]) -> Part:
    """`part` with the paths in it, and in what it holds (sections, evaluation sets), put by `place`."""
    changed: dict[str, object] = {}
    for key, field in type(part).model_fields.items():
        value: object = getattr(part, key)
        new: object = value
        if isinstance(value, BaseModel):
            new = _placed(value, place)
        elif isinstance(value, tuple):
            held = cast("tuple[object, ...]", value)
            new = tuple(_placed(one, place) if isinstance(one, BaseModel) else one for one in held)
        elif isinstance(value, str) and _is_path(field, value):
            path = user_path(value)
            new = str(path if path.is_absolute() else place(path))
        if new != value:
            changed[key] = new
    return part.model_copy(update=changed) if changed else part


def _is_path(field: FieldInfo, text: str) -> bool:
    more = field.json_schema_extra
    picked = isinstance(more, dict) and more.get("picker") in PICKED
    return picked and bool(text) and text != "fresh" and not text.startswith(NO_PATHS)
