"""Putting a published folder on the Hugging Face Hub: what has to be so first, what is asked, what an engine does.

The token is read by huggingface_hub where it uploads, and nowhere else: here it is only looked whether there is one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.publishing.card import card
from sapo_studio.app.publishing.publication import CARD, Published
from sapo_studio.errors import InputError
from sapo_studio.files import cannot_write, write_atomic
from sapo_studio.model_files.sources import HUB, hub_name
from sapo_studio.readable import counted
from sapo_studio.requests.kinds import HubUploadRequest

_ENDPOINT = "https://huggingface.co"
_YES = frozenset({"1", "on", "yes", "true"})


@dataclass(frozen=True, slots=True)
class Destination:
    """`repository`: OWNER/NAME. `update`: it is there already, and gets what is uploaded as a new version."""

    repository: str
    public: bool = False
    update: bool = False

    @property
    def address(self) -> str:
        """Where it can be looked at."""
        return f"{endpoint()}/{self.repository}"


def endpoint() -> str:
    """The Hub's address: another one where HF_ENDPOINT names it."""
    return (os.environ.get("HF_ENDPOINT") or _ENDPOINT).rstrip("/")


def check_destination(destination: Destination) -> None:
    """Raise InputError where nothing can be uploaded there: it is no name of a repository, the Hub is switched off, or
    there is no token. Nothing is sent."""
    name = destination.repository
    try:
        hub_name(HUB + name, "")
        if name.startswith(HUB):
            raise InputError(f"{name!r} is a model to begin with")
    except InputError as error:
        raise InputError(f"{name!r} is not the name of a repository", fix="It has to be OWNER/NAME.") from error
    if not re.fullmatch(r"[\w.-]+/(?=.*[^.-])[\w.-]+", name) or name.endswith((".git", ".ipynb", ".", "-")):
        raise InputError(f"{name!r} cannot be the name of a repository", fix="Give another name behind the slash.")
    if (variable := offline_by()) is not None:
        raise InputError(
            "The Hub is switched off", why=f"The environment variable {variable} is set.", fix=f"Unset {variable}."
        )
    if not has_token():
        raise InputError(
            "There is no token for the Hub",
            why="Neither HF_TOKEN is set, nor has `hf auth login` left one.",
            fix="Make a token with the right to write at https://huggingface.co/settings/tokens, then `hf auth login`.",
        )


def offline_by() -> str | None:
    """The environment variable that forbids to use the Hub; None where none does."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return next((name for name in names if os.environ.get(name, "").lower() in _YES), None)


def has_token() -> bool:
    """Whether there is a token to upload with, where huggingface_hub looks for it. It is not kept."""
    if any(os.environ.get(name, "").strip() for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")):
        return True
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    file = Path(os.path.expandvars(os.environ.get("HF_TOKEN_PATH") or f"{home}/token")).expanduser()
    try:
        return bool(file.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return False


def question(published: Published, destination: Destination) -> str:
    """What is asked before anything is sent: what, where, how much, and who can see it."""
    who = "everybody can see it" if destination.public else "private: you alone, and who you let in"
    if destination.update:
        who = "who can see it stays as it is"
    files, size = counted(len(published.files), "file"), f"{published.size / 2**20:,.1f} MiB"
    return f"Upload {published.facts.name} ({files}, {size}) to {destination.address} ({who})?"


def fit_card(published: Published, destination: Destination) -> None:
    """Have the card's lines load the model from where it is uploaded to. Raises StoreError where it cannot be
    written."""
    try:
        write_atomic(published.folder / CARD, card(published.facts, destination.repository).encode())
    except OSError as error:
        raise cannot_write(published.folder, error) from error


def upload_request(published: Published, destination: Destination) -> HubUploadRequest:
    """What an engine is asked."""
    return HubUploadRequest(
        folder=published.folder.resolve(),
        repository=destination.repository,
        private=not destination.public,
        update=destination.update,
        message=f"{published.facts.name}, by SAPO Studio",
    )
