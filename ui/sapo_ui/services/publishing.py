"""Publishing from the window: what a run has, what its card will say, and the jobs of an engine that write and upload.

Everything here is called in a task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.publishing import hub
from sapo_studio.app.publishing.card import HERE, text
from sapo_studio.app.publishing.gguf import find_converter
from sapo_studio.app.publishing.hub import Destination
from sapo_studio.app.publishing.models import models_of
from sapo_studio.app.publishing.publication import Publication, Published, preview
from sapo_studio.app.publishing.wanted import Wanted
from sapo_studio.app.reports.provenance import Origin
from sapo_studio.errors import InputError, Stopped
from sapo_studio.requests.kinds import HubUploadRequest, PublishRequest
from sapo_studio.store.db import Store
from sapo_ui.wording import told

REPOSITORY_MADE = 0.1
"""How far an upload is once the repository is there."""


@dataclass(frozen=True)
class Offers:
    """What can be published of a run: iterations that have a reasoner or a verifier, the newest first; whether it
    trains adapters. `no_gguf` and `no_hub` say why there is none of these now; empty where there is."""

    reasoners: tuple[int, ...]
    verifiers: tuple[int, ...]
    adapters: bool
    no_gguf: str
    no_hub: str


def read_offers(store: Store, run_id: str) -> Offers:
    """Look what there is. Raises InputError of what is no run."""
    models = models_of(store, run_id)
    return Offers(
        tuple(sorted(models.kept.reasoners, reverse=True)),
        tuple(sorted(models.kept.verifiers, reverse=True)),
        models.adapters,
        _why_no_gguf(),
        _why_no_hub(),
    )


def _why_no_gguf() -> str:
    try:
        find_converter()
    except InputError as error:
        return _plainly(error)
    return ""


def _why_no_hub() -> str:
    try:
        hub.check_destination(Destination("owner/name"))
    except InputError as error:
        return _plainly(error)
    return ""


def _plainly(error: InputError) -> str:
    """For a label, which has no Markdown."""
    return told(error).replace("`", "")


@dataclass(frozen=True)
class CardText:
    """What a card will say, in Markdown, and what the model is called. `origins` are for the next one of this run."""

    name: str
    text: str
    origins: Sequence[Origin]


def read_card(store: Store, wanted: Wanted, known: Sequence[Origin] | None) -> CardText:
    """Make it from what is known before the model is written. Raises InputError where it cannot be published so."""
    facts = preview(store, wanted, known)
    return CardText(facts.name, text(facts), facts.origins)


class PublishJob:
    """Writing one folder, for an `EngineStudy`, which calls `ask` and then `keep`."""

    def __init__(self, wanted: Wanted, target: Path, destination: Destination | None) -> None:
        self._publication = Publication(wanted, target, HERE if destination is None else destination.repository)
        self._destination = destination
        self._given_up = False

    @property
    def published(self) -> Published | None:
        """What came of it; None until the folder is there."""
        return self._publication.published

    def ask(self, store: Store) -> PublishRequest:
        """What an engine is asked."""
        if self._destination is not None:
            hub.check_destination(self._destination)
        request = self._publication.ask(store)
        if self._given_up:
            self.give_up()
            raise Stopped("It was stopped")
        return request

    def keep(self, store: Store, answer: dict[str, object]) -> None:
        """Write the card, and give the folder its name."""
        self._publication.keep(store, answer)

    def give_up(self) -> None:
        """Leave nothing behind of a folder that is not there yet."""
        self._given_up = True
        self._publication.give_up()


class UploadJob:
    """Uploading what was written. `address`: where it is then; empty until it is."""

    def __init__(self, published: Published, destination: Destination) -> None:
        self._published = published
        self._destination = destination
        self.address = ""

    def ask(self, store: Store) -> HubUploadRequest:
        """What an engine is asked."""
        del store
        hub.check_destination(self._destination)
        hub.fit_card(self._published, self._destination)
        return hub.upload_request(self._published, self._destination)

    def keep(self, store: Store, answer: dict[str, object]) -> None:
        """It is there."""
        del store
        self.address = str(answer["address"])


def question(published: Published, destination: Destination) -> str:
    """What is asked before anything is sent."""
    return hub.question(published, destination)
