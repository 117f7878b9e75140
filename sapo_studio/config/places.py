"""Files and folders that a configuration names: whole paths, so that they mean the same from every folder.

The engine of a run works in the run's folder, and a run may be resumed from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from sapo_studio.config.schema import RunConfig
from sapo_studio.paths import user_path

NO_PATHS = ("bundled:", "hub:")
PICKED = ("data", "model")
"""What the form lets a user pick a file or a folder for."""


def whole_paths(config: RunConfig) -> RunConfig:
    """`config` with every relative path as it is meant from the folder that this process works in, `~` filled in.

    Raises InputError where one cannot be a path.
    """
    return _changed(config, lambda path: Path.cwd() / path)


def beside(config: RunConfig, folder: Path) -> RunConfig:
    """`config`, which lies in `folder`, with every relative path that leads from there to something as a whole one.

    The others are left: they are meant from where the command is given.
    """

    def there(path: Path) -> Path:
        placed = folder.absolute() / path
        return placed if placed.exists() else path

    return _changed(config, there)


def _changed(config: RunConfig, place: Callable[[Path], Path]) -> RunConfig:
    for section, key, text in _paths(config):
        path = user_path(text)
        placed = str(path if path.is_absolute() else place(path))
        if placed != text:
            part: BaseModel = getattr(config, section)
            config = config.model_copy(update={section: part.model_copy(update={key: placed})})
    return config


def _paths(config: RunConfig) -> Iterator[tuple[str, str, str]]:
    """Section, key and text of every path in `config`."""
    for section in RunConfig.model_fields:
        part: object = getattr(config, section)
        if not isinstance(part, BaseModel):
            continue
        for key, field in type(part).model_fields.items():
            more = field.json_schema_extra
            text: object = getattr(part, key)
            if not isinstance(more, dict) or more.get("picker") not in PICKED or not isinstance(text, str):
                continue
            if text and text != "fresh" and not text.startswith(NO_PATHS):
                yield section, key, text
