"""The run's folder as each rank has it: the leader's own, where all machines see that, or else one that is filled with
what the rank is to read.

The leader alone writes a run's files, and what the others read of them is known: artefacts of phases that are done,
and the state of a training that goes on. So machines need no shared folder.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

from sapo_engine.process_group import Group
from sapo_studio.errors import InputError

CHUNK = 64 * 2**20
"""Files travel so many bytes at a time."""


class RunFiles:
    """`folder` is this rank's: `run_dir` where that is the leader's folder here, too. All ranks make it together.

    `lacking` of them do not see the leader's folder. Raises InputError where the leader itself has no such folder.
    `close` removes what was lent.
    """

    def __init__(self, run_dir: Path, group: Group) -> None:
        self._group = group
        self.folder = run_dir
        self._lent: Path | None = None
        self.lacking = 0
        if group.size == 1:
            return
        mark = run_dir / "seen-by-all"
        token = group.share(secrets.token_hex(16))
        if group.leader:
            _write(mark, token)
        group.barrier()
        seen = group.leader or _holds(mark, token)
        self.lacking = group.gather(seen).count(False)  # the mark may go once all have looked
        if group.leader:
            mark.unlink(missing_ok=True)
        if not seen:
            self.folder = self._lent = Path(tempfile.mkdtemp(prefix="sapo-run-"))

    def bring(self, path: Path) -> None:
        """Have what the leader has at `path`, a file or folder below `folder`, at the same place below each rank's;
        nothing where there is nothing. All ranks call it together, each with its own path."""
        if not self.lacking:
            return
        listed = self._group.share(self._list(path) if self._group.leader else None) or ()
        if self._lent is not None:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        for name, size in listed:
            self._bring_file(self.folder / name, size)

    def _list(self, path: Path) -> list[tuple[str, int]]:
        files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        return [(str(one.relative_to(self.folder)), one.stat().st_size) for one in files]

    def _bring_file(self, file: Path, size: int) -> None:
        with ExitStack() as opened:
            source = opened.enter_context(file.open("rb")) if self._group.leader else None
            target = None
            if self._lent is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                target = opened.enter_context(file.open("wb"))
            for _ in range(0, size, CHUNK):
                part = self._group.share(source.read(CHUNK) if source is not None else b"")
                if target is not None:
                    target.write(part)

    def close(self) -> None:
        """Remove a folder that stood in for the run's."""
        if self._lent is not None:
            shutil.rmtree(self._lent, ignore_errors=True)


def _write(mark: Path, token: str) -> None:
    try:
        mark.write_text(token)
    except FileNotFoundError as error:
        raise InputError(
            f"There is no folder {mark.parent} on {socket.gethostname()}",
            why="The first worker writes the run's files, and this machine, where it was placed, does not have them.",
            fix="Let the machine with the store have a place for it (a card, or cores), or put the data folder where "
            "that node sees it, too (docs/cluster.md).",
        ) from error


def _holds(mark: Path, token: str) -> bool:
    try:
        return mark.read_text() == token
    except (OSError, UnicodeDecodeError):
        return False
