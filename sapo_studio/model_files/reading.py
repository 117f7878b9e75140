"""Opening files that somebody else wrote: plain files only, so many bytes at most, and JSON that is not nested without
end. A FIFO is never opened (it would wait for a writer), nor is a device (it may have no end)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, cast

from sapo_studio.errors import InputError

MIB = 1 << 20
CONFIG_BYTES = 16 * MIB
"""No configuration is longer."""
TOKENIZER_BYTES = 512 * MIB
"""No tokenizer is longer; the largest have 40 MiB."""
DEEPEST = 64
"""Lists and objects inside each other. The library that reads tokenizers gives up at 128."""
DAMAGED = "Copy or download the model again: the file is damaged or was not made for this."

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def shown(text: object, most: int = 120) -> str:
    """`text` from a file, for a message: cut to `most` characters, without control characters."""
    told = str(text)
    cut = told[:most] + ("..." if len(told) > most else "")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def reason(error: BaseException) -> str:
    """What an error says, in one line of at most 300 characters; its kind where it says nothing."""
    return shown(" ".join(str(error).split()) or type(error).__name__, 300)


def check_plain(file: Path) -> None:
    """Raise InputError unless `file` is a plain file (or a link to one)."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as error:
        if file.is_symlink():
            raise InputError(f"{file} leads nowhere", why="What it links to is gone.", fix=DAMAGED) from error
        raise InputError(f"There is no file {file}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read", why=reason(error)) from error
    if not stat.S_ISREG(mode):
        raise InputError(
            f"{file} is not a plain file", why=f"It is {_KINDS.get(stat.S_IFMT(mode), 'something else')}.", fix=DAMAGED
        )


def open_plain(file: Path) -> BinaryIO:
    """`file` for reading. Raises InputError unless it is a plain file, without opening it."""
    check_plain(file)
    try:
        # Not blocking: it may have become a FIFO since.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        stream = os.fdopen(os.open(file, flags), "rb")
    except OSError as error:
        raise InputError(f"{file} cannot be read", why=reason(error)) from error
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise InputError(f"{file} is not a plain file", fix=DAMAGED)
    return stream


def read_object(file: Path, *, most: int = CONFIG_BYTES) -> dict[str, Any]:
    """The JSON object in `file`. Raises InputError for anything else."""
    with open_plain(file) as stream:
        try:
            data = stream.read(most + 1)
        except OSError as error:
            raise InputError(f"{file} cannot be read", why=reason(error)) from error
    if len(data) > most:
        raise InputError(f"{file} is larger than {most // MIB} MiB", why="No file of this kind is.", fix=DAMAGED)
    return parse_object(data, str(file))


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object that `data` is. Raises InputError, which calls it `name`."""
    try:
        found: object = json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise _too_deep(name) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text", why=reason(error), fix=DAMAGED) from error
    except ValueError as error:
        raise InputError(f"{name} is not valid JSON", why=reason(error), fix=DAMAGED) from error
    if not isinstance(found, dict):
        raise InputError(f"{name} is not a JSON object", why=f"It is {_name_of(found)}.", fix=DAMAGED)
    if _is_deep(cast("object", found)):
        raise _too_deep(name)
    return cast("dict[str, Any]", found)


def _too_deep(name: str) -> InputError:
    return InputError(f"{name} is nested deeper than {DEEPEST} levels", why="No file of this kind is.", fix=DAMAGED)


def _name_of(value: object) -> str:
    names: dict[type[Any], str] = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(cast("type[Any]", type(value)), "a number")


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for part in level:
            values: list[object] = list(part.values()) if isinstance(part, dict) else cast("list[object]", part)
            inner += [each for each in values if isinstance(each, (dict, list))]
        if not inner:
            return False
        level = inner
    return True
