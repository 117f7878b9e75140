"""Annotation bundles, in the background: a queue to a file, and what was done elsewhere into the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from sapo_studio.app.annotation.bundles import export_bundle, import_bundle
from sapo_studio.store.bundle_records import Bundle
from sapo_studio.store.bundles import Merged
from sapo_ui.services import tasks


def export(parent: QObject, queue_id: int, file: Path, done: Callable[[Bundle], None], *, with_scores: bool) -> None:
    """Write a queue to `file`. The main window shows what goes wrong."""
    tasks.run(parent, lambda store: export_bundle(store, queue_id, file, with_scores=with_scores), done)


def take_in(parent: QObject, file: Path, done: Callable[[Merged], None]) -> None:
    """Bring what a bundle holds into the store: into the queue of the same uid, which is made where there is none. The
    main window shows what goes wrong."""
    tasks.run(parent, lambda store: import_bundle(store, file), done)
