"""Publishing one model into a folder, in two steps that an engine's answer lies between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_studio.app.publishing.card import HERE, card
from sapo_studio.app.publishing.facts import Facts, facts_of
from sapo_studio.app.publishing.gguf import find_converter
from sapo_studio.app.publishing.models import Models, models_of
from sapo_studio.app.publishing.scrub import scrub
from sapo_studio.app.publishing.wanted import Chosen, Wanted, base_of, choose
from sapo_studio.app.reports.provenance import Origin
from sapo_studio.files import FolderDraft, cannot_write
from sapo_studio.paths import user_path
from sapo_studio.readable import printable
from sapo_studio.requests.kinds import PublishRequest
from sapo_studio.store.db import Store

CARD = "README.md"


@dataclass(frozen=True)
class Published:
    """What lies in `folder` now: `files` with their sizes in bytes, and what its card was made from."""

    folder: Path
    files: Mapping[str, int]
    facts: Facts

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self.files.values())


def name_of(models: Models, wanted: Wanted, chosen: Chosen) -> str:
    """What the model is called in its card, and its folder without another name."""
    what = f"verifier-{chosen.iteration}" if wanted.verifier else f"reasoner-{chosen.iteration}"
    form = "-adapter" if chosen.adapter else ""
    named = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in printable(models.name))
    return f"{named.strip('-._') or models.run_id}-{what}{form}"


def preview(store: Store, wanted: Wanted, known: Sequence[Origin] | None = None) -> Facts:
    """What the card will say as far as it is known before anything is written. `known`: the run's origins, where they
    have been read already. Raises InputError as `ask` does."""
    models = models_of(store, wanted.run_id)
    chosen = choose(models, wanted)
    return facts_of(store, name_of(models, wanted, chosen), wanted, chosen, {}, known)


class Publication:
    """`ask`, then `keep` or `give_up`. Between them stands the engine, which fills the folder that `ask` has made."""

    def __init__(self, wanted: Wanted, target: Path, where: str = HERE) -> None:
        """`where`: what the card's snippets load from, the folder itself or OWNER/NAME."""
        self.wanted = wanted
        self.target = user_path(str(target))
        self.where = where
        self._draft: FolderDraft | None = None
        self._chosen: Chosen | None = None
        self.published: Published | None = None
        """What came of it; None until the folder is there."""

    def ask(self, store: Store) -> PublishRequest:
        """Look what there is, and begin the folder. Raises InputError where the model cannot be had so or the folder is
        not free, StoreError where nothing can be written."""
        wanted = self.wanted
        models = models_of(store, wanted.run_id)
        chosen = self._chosen = choose(models, wanted)
        converter = find_converter() if wanted.gguf else None
        run_dir = store.run_dir(wanted.run_id)
        base = base_of(models.config, run_dir)
        try:
            draft = self._draft = FolderDraft(self.target, empty_is_free=True)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        return PublishRequest(
            run=run_dir,
            artefact=chosen.artefact,
            verifier=wanted.verifier,
            iteration=chosen.iteration,
            form="adapter" if chosen.adapter else "whole",
            dtype=wanted.dtype,
            base=base.name,
            revision=base.revision,
            converter=converter,
            name=name_of(models, wanted, chosen),
            target=draft.partial,
            device=wanted.device,
        )

    def keep(self, store: Store, answer: Mapping[str, Any]) -> Published:
        """Write the card beside what the engine has written, and give the folder its name. Raises StoreError."""
        draft, chosen = self._draft, self._chosen
        if draft is None or chosen is None:
            raise AssertionError("an answer comes after the question")
        try:
            models = models_of(store, self.wanted.run_id)
            facts = facts_of(store, name_of(models, self.wanted, chosen), self.wanted, chosen, answer)
            scrub(draft.partial)
            the_card = draft.partial / CARD
            the_card.write_text(card(facts, self.where), encoding="utf-8")
            for file in draft.partial.iterdir():
                file.chmod(the_card.stat().st_mode)  # weights come readable by their owner alone
            sizes = {file.name: file.stat().st_size for file in sorted(draft.partial.iterdir())}
            draft.finish()
        except OSError as error:
            self.give_up()
            raise cannot_write(self.target, error) from error
        except BaseException:
            self.give_up()
            raise
        self.published = Published(draft.target, sizes, facts)
        return self.published

    def give_up(self) -> None:
        """Leave nothing behind: the engine failed, or was stopped. It may be called twice, and before `ask`."""
        if self._draft is not None and self.published is None:
            self._draft.discard()


def publish(store: Store, publication: Publication, ask: Callable[[PublishRequest], Mapping[str, Any]]) -> Published:
    """All of it, with the engine's answer by `ask`. Raises what these raise; nothing is left behind then."""
    request = publication.ask(store)
    try:
        answer = ask(request)
    except BaseException:
        publication.give_up()
        raise
    return publication.keep(store, answer)
