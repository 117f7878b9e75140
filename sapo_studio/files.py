"""Files that are either whole or absent: written beside their place, synced, then renamed.

And files that a user names: text that is read within limits, outputs that replace plain files and nothing else.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import json
import os
import shutil
import stat
import tomllib
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast
from uuid import uuid4

from sapo_studio.errors import InputError, StoreError

MANIFEST = "manifest.json"
CONFIGURATION_BYTES = 8 * 2**20
"""More than any configuration has; an endless pipe ends here."""
DATA_BYTES = 4 * 2**30
DEEPEST = 64
"""Levels of brackets, tables and keys in what is read; nothing of use has more."""
_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_MOST_OF_NAME = 200
"""Bytes of a name that stand in that of what is unfinished: file systems take 255."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def write_atomic(file: Path, data: bytes) -> None:
    """Put `data` in `file`, all or nothing."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def write_folder(folder: Path, fill: Callable[[Path], None], facts: dict[str, Any]) -> None:
    """Make `folder` in one move: `fill` writes into a temporary one, every file is synced, and a manifest with
    the sizes comes last.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fill(part)
    sizes: dict[str, int] = {}
    for file in sorted(part.rglob("*")):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
            sizes[file.relative_to(part).as_posix()] = file.stat().st_size
    write_atomic(part / MANIFEST, json.dumps({"facts": facts, "sizes": sizes}).encode())
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The facts that `write_folder` stored, if the folder is whole; None otherwise."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    sizes = cast("dict[str, int]", manifest["sizes"])
    for name, size in sizes.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            return None
    return cast("dict[str, Any]", manifest["facts"])


# -- Text that a user names


def read_text(file: Path, *, most: int = CONFIGURATION_BYTES) -> str:
    """The text of a plain file or of a pipe, a byte order mark left out.

    Raises InputError for everything else: not there, a folder, a device, over `most` bytes, not UTF-8 text.
    """
    return "".join(read_lines(file, most=most))


def read_lines(file: Path, *, most: int = DATA_BYTES, exact: bool = False) -> Iterator[str]:
    """The lines of a text as `read_text` would give them, one by one, line ends included; those of a text in gzip, too.

    `exact`: byte order mark and line ends stay as they are, so that the lines together are the text.
    """
    with open_input(file) as stream:
        try:
            yield from _lines(file, unzipped(stream), most, exact)
        except UnicodeDecodeError as error:
            raise InputError(f"{file} is not UTF-8 text", why=str(error), fix="Save it as UTF-8.") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{file} is broken", why=f"It ends or changes within its gzip data: {error}", fix="Get it again."
            ) from error


@contextmanager
def open_input(file: Path) -> Generator[BinaryIO]:
    """A plain file or a pipe that a user named, for reading: whatever a command reads is opened by this.

    A pipe that nobody writes to is empty. Raises InputError for everything else: not there, a folder, a device; also
    for what goes wrong while it is read.
    """
    try:
        # Not blocking: a pipe that nobody writes to is empty, not a reason to wait for ever.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
        mode = os.fstat(handle).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            os.close(handle)
            raise InputError(f"{file} is {_kind(mode)}, not a file of text", fix="Give a file.")
        os.set_blocking(handle, True)
        with os.fdopen(handle, "rb") as stream:
            yield stream
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"{file} cannot be read", why=why or str(error), fix="Check the path.") from error


def unzipped(stream: BinaryIO) -> BinaryIO:
    """What is in `stream`, unpacked where it is gzip."""
    buffered = cast("io.BufferedReader", stream)
    return cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if buffered.peek(2)[:2] == b"\x1f\x8b" else stream


def _lines(file: Path, stream: BinaryIO, most: int, exact: bool) -> Iterator[str]:
    read = 0
    for number, line in enumerate(_bounded(stream, most), start=1):
        if number == 1:
            name = next((name for mark, name in _MARKS if line.startswith(mark)), "")
            if name:
                raise InputError(f"{file} is {name}, not UTF-8 text", fix="Save it as UTF-8.")
            line = line if exact else line.removeprefix(codecs.BOM_UTF8)
        read += len(line)
        if read > most:
            raise InputError(f"{file} is too large", why=f"More than {most / 2**20:,.0f} MiB were read.")
        text = line.decode("utf-8")
        if "\0" in text:
            raise InputError(f"{file} is not text", why=f"Line {number} holds zero bytes.", fix="Save it as UTF-8.")
        # As Python reads text: \r\n and a lone \r end a line, too.
        yield from io.StringIO(text, newline="" if exact else None) if "\r" in text else (text,)


def _bounded(stream: BinaryIO, most: int) -> Iterator[bytes]:
    while line := stream.readline(most + 1):
        yield line


def _kind(mode: int) -> str:
    return next((name for holds, name in _KINDS if holds(mode)), "no plain file")


def parse_toml_text(text: str, source: str) -> dict[str, Any]:
    """TOML as a table. Raises InputError also for what Python's reader has other errors for: numbers of thousands of
    digits, brackets in brackets without end, integers that are none of TOML's (64 bits)."""
    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"{source} is not valid TOML", why="Its brackets are nested too deeply.") from error
    except ValueError as error:
        raise InputError(
            f"{source} is not valid TOML",
            why=str(error),
            fix="A line reads key = value; text stands in double quotes.",
        ) from error
    if fault := _excess(found):
        raise InputError(f"{source} is not valid TOML", why=fault)
    return found


def parse_json_text(text: str | bytes, *, deepest: int = DEEPEST) -> Any:
    """JSON as values. Raises ValueError, also for nesting that Python's reader or a later writer has no room for, or
    that has more than the `deepest` levels."""
    try:
        found: Any = json.loads(text)
    except RecursionError as error:
        raise ValueError("Its brackets are nested too deeply.") from error
    if too_deep(found, deepest):
        raise ValueError("Its brackets are nested too deeply.")
    return found


def _excess(value: object) -> str:
    if too_deep(value):
        return "Its brackets are nested too deeply."
    for part in _parts(value):
        if isinstance(part, int) and part.bit_length() > 64:
            return "It holds an integer of more than 64 bits."
    return ""


def _parts(value: object) -> Iterator[object]:
    open_ = [value]
    while open_:
        part = open_.pop()
        yield part
        open_ += _inside(part)


def too_deep(value: object, deepest: int = DEEPEST) -> bool:
    """Whether brackets in what was read are nested more than `deepest` levels."""
    level = [value]
    for _ in range(deepest):
        level = [inner for part in level for inner in _inside(part) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


# -- Outputs that a user names


def output_place(file: Path, what: str = "file") -> Path:
    """Where an output called `file`, a `what` (`file`, `folder`), is really written: links are followed.

    Raises InputError where something stands there that is no plain file: it is never replaced.
    """
    fix = f"Give the path of a {what}."
    try:
        if not file.name:
            raise InputError(f"{str(file)!r} is no {what} to write to", fix=fix)
        place = file.resolve()
        # Both: what a pipe's link leads to has no path, and `new/..` is nothing until it is resolved.
        for path in (file, place):
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(mode):
                raise InputError(f"{file} is {_kind(mode)}: it is not replaced", fix=fix)
        return place
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"Cannot write {file}", why=why or str(error), fix=fix) from error


def _unfinished(place: Path) -> Path:
    """Where an output that becomes `place` is written first. A name of its own each time: two programs that write the
    same output do not meet before one of them is done."""
    name = place.name.encode(errors="ignore")[:_MOST_OF_NAME].decode(errors="ignore")
    return place.with_name(f"{name}.{uuid4().hex[:8]}.partial")


@contextmanager
def written_output(file: Path) -> Generator[TextIO]:
    """A text file to write an output to: it appears whole when the block is left, or not at all after an error.

    Raises InputError as `output_place` does, StoreError where it cannot be written.
    """
    place = output_place(file)
    part = _unfinished(place)
    try:
        with part.open("x", encoding="utf-8", newline="") as stream:
            try:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
                part.replace(place)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise cannot_write(file, error) from error


class FolderDraft:
    """A folder of outputs in the making: `partial` beside its place, until `finish` gives it its name.

    A process that is killed meanwhile leaves `partial` (NAME.????????.partial), and nothing under the name.
    """

    def __init__(self, target: Path, *, empty_is_free: bool = False) -> None:
        """Raises InputError where something stands at `target`, a folder without anything in it aside where
        `empty_is_free`; OSError where nothing can be written there."""
        self.target = target
        self._into_empty = empty_is_free and target.is_dir() and not any(target.iterdir())
        if target.name and (target.exists() or target.is_symlink()) and not self._into_empty:
            raise _there_already(target)
        self._place = target.resolve() if self._into_empty else output_place(target, "folder")
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self.partial = _unfinished(self._place)
        self.partial.mkdir()

    def finish(self) -> None:
        """Give the folder its name. Raises InputError where another program was faster, OSError where it cannot be
        written; nothing is left behind then."""
        try:
            for file in sorted(self.partial.rglob("*")):
                if file.is_file():
                    with file.open("rb") as stream:
                        os.fsync(stream.fileno())
            if self._into_empty:
                with suppress(FileNotFoundError):
                    self._place.rmdir()
            self.partial.rename(self._place)
        except OSError as error:
            self.discard()
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _there_already(self.target) from error
            raise

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.partial, ignore_errors=True)


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """A folder to fill with outputs, that becomes `target` when the block is left, or is gone after an error.

    Raises InputError where something is called so already: nothing is replaced. OSError where it cannot be written.
    """
    draft = FolderDraft(target)
    try:
        yield draft.partial
    except BaseException:
        draft.discard()
        raise
    draft.finish()


def _there_already(folder: Path) -> InputError:
    return InputError(f"{folder} exists already", fix="Choose a folder that does not exist yet.")


def cannot_write(place: Path, error: OSError) -> StoreError:
    """What is said where an output cannot be written."""
    why = error.strerror or str(error)  # the second names what is being made, which nobody has heard of
    return StoreError(f"Cannot write {place}", why=why, fix=writing_advice(error, "choose another place"))


def writing_advice(error: OSError, instead: str = "") -> str:
    """What to do where something cannot be written. `instead`: what else is possible whatever the reason, such as
    `choose another place`."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            first = "free some space"
        case errno.EACCES | errno.EPERM:
            first = "make the folder writable"
        case errno.EROFS:
            first = "make the disk writable"
        case errno.ENAMETOOLONG:
            first = "choose a shorter name"
        case _:
            first = "" if instead else "look after its disk"
    said = " or ".join(part for part in (first, instead) if part)
    return f"{said[0].upper()}{said[1:]}."


def write_output(file: Path, text: str) -> None:
    """`text` as an output, all or nothing. Raises as `written_output` does."""
    with written_output(file) as stream:
        stream.write(text)
