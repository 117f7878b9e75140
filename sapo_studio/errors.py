"""The one family of errors that a user may see: what happened, why, and what to do about it."""

from __future__ import annotations

from sapo_studio.readable import cut


class SapoError(Exception):
    """An error told to the user as it stands.

    `what` is the one-line headline, `why` the cause as far as it is known, `fix` what the user can do. Values of any
    length may stand in them: they are cut here.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what = cut(what)
        self.why = cut(why)
        self.fix = cut(fix)
        super().__init__(self.what)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.why, self.fix) if part)


class InputError(SapoError):
    """What the user gave (a file, an option, a configuration value) cannot be used. Exit code 2."""

    exit_code = 2


class NoEngine(InputError):  # noqa: N818  # nothing is wrong yet: it is set up when it is first needed
    """Runs need an engine, and none was set up. `fix` says how that is done."""


class RunGone(InputError):  # noqa: N818  # nobody did anything wrong
    """The run that is meant is not in the store, or not any more."""


class StoreError(SapoError):
    """The store cannot be opened, read or written (disk full, read-only, newer than this program)."""


class NoStore(StoreError):  # noqa: N818  # nothing is wrong with it
    """There is no store where one was asked for, and never was: as a run that is not there, it was named wrongly. Exit
    code 2."""

    exit_code = 2


class Declined(SapoError):  # noqa: N818  # nothing is wrong: the user said so
    """The user was asked whether to go on, and said no. Exit code 1, as where the question is broken off."""


class EngineError(SapoError):
    """The engine could not start, or ended before its run was over."""


class Stopped(SapoError):  # noqa: N818  # nothing is wrong: the user asked for it
    """The run was stopped on request. Exit code 3."""

    exit_code = 3
