"""A folder that a user names: it appears whole, or not at all, and never over something."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import output_place
from sapo_studio.paths import user_path


class Draft:
    """A folder in the making: `partial` beside its place, until `finish` gives it its name.

    A process that is killed meanwhile leaves `partial` under a name of its own (NAME.????????.part), nothing else.
    """

    def __init__(self, target: Path, *, empty_is_free: bool = False) -> None:
        """Raises InputError where something stands at `target`, a folder without anything in it aside where
        `empty_is_free`; StoreError where nothing can be written there."""
        self.target = user_path(str(target))
        self._place = _free_place(self.target, empty_is_free)
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self.partial = self._place.with_name(f"{self._place.name}.{secrets.token_hex(4)}.part")
            self.partial.mkdir()
        except OSError as error:
            raise cannot_write(self.target, error) from error

    def finish(self) -> None:
        """Give the folder its name. Raises StoreError, InputError where something has come there meanwhile."""
        try:
            for file in sorted(self.partial.rglob("*")):
                if file.is_file():
                    with file.open("rb") as stream:
                        os.fsync(stream.fileno())
            with suppress(FileNotFoundError):
                self._place.rmdir()  # one that is empty; another one stays, and is the error
            self.partial.rename(self._place)
        except OSError as error:
            self.discard()
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise _exists(self.target) from error
            raise cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.partial, ignore_errors=True)


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """A folder to fill, which is at `target` when the block is left, or not at all after an error.

    Raises InputError and StoreError as `Draft` does; StoreError also where the block cannot write.
    """
    draft = Draft(target)
    try:
        yield draft.partial
    except OSError as error:
        draft.discard()
        raise cannot_write(draft.target, error) from error
    except BaseException:
        draft.discard()
        raise
    draft.finish()


def cannot_write(target: Path, error: OSError) -> StoreError:
    """What is said of a folder that cannot be written."""
    why = error.strerror or str(error)  # the second names the folder in the making, which nobody has heard of
    return StoreError(f"Cannot write {target}", why=why, fix="Free some space or choose another folder.")


def _exists(target: Path) -> InputError:
    return InputError(f"{target} exists already", fix="Choose a folder that does not exist yet.")


def _free_place(target: Path, empty_is_free: bool) -> Path:
    if not target.name or not (target.exists() or target.is_symlink()):
        return output_place(target, "folder")
    try:
        free = empty_is_free and target.is_dir() and not any(target.iterdir())
    except OSError as error:
        raise cannot_write(target, error) from error
    if not free:
        raise _exists(target)
    return target.resolve()
