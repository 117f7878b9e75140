"""Tells every panel at once that somebody judged a step, so that the heatmap need not wait for the next poll."""

from __future__ import annotations

import getpass
from functools import cache

from PySide6.QtCore import QObject, Signal

from sapo_ui.settings import Settings


class AnnotationHub(QObject):
    """One for the program."""

    judged = Signal(object, object)
    """(trajectory id: int, first error as people say now: int) Sent when the store has it."""


@cache
def hub() -> AnnotationHub:
    """The program's hub."""
    return AnnotationHub()


def set_annotator_name(name: str) -> None:
    """Keep judgements under this name from now on; an empty one brings the login name back."""
    settings = Settings()
    settings.set_text("annotator", name.strip())
    settings.save()


def annotator_name() -> str:
    """Under which name this user's judgements are kept: the one in the settings, else the name they are logged in
    with."""
    chosen = Settings().text("annotator").strip()
    if chosen:
        return chosen
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        return "me"
