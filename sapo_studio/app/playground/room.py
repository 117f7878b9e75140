"""Whether there is memory for a checkpoint beside what is running, before anything is loaded."""

from __future__ import annotations

from sapo_studio.errors import InputError


class NoRoomError(InputError):
    """There is none. `run` is the id of the run that holds the most of it; empty where no run does."""

    def __init__(self, what: str, *, why: str = "", fix: str = "", run: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.run = run
