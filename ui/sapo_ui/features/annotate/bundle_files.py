"""A queue to a file and back, by mouse: where to, what came, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from sapo_studio.store.bundle_records import Bundle
from sapo_studio.store.bundles import Merged
from sapo_studio.store.queue_records import QueueInfo
from sapo_ui.services import bundles
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.saving import saving

FILTER = "Annotation bundle (*.sapo);;Annotation bundle, JSON Lines (*.jsonl);;Annotation bundle, SQLite (*.db)"
ANY = "Annotation bundle (*.sapo *.jsonl *.db);;All files (*)"

LONGEST = 60
"""Characters of a queue's name that its file is called by: file systems take 255 bytes."""


def export_queue(parent: QWidget, queue: QueueInfo, *, with_scores: bool) -> None:
    """Ask where to, and write the queue there."""
    name = re.sub(r"[^\w ,()-]+", "-", queue.name)[:LONGEST].strip() or "queue"  # no separators, no leading dot
    file = saving().ask(parent, "Export annotation bundle", f"{name}.sapo", FILTER)
    if file is None:
        return

    def done(bundle: Bundle) -> None:
        saving().tell(file)
        dialogs.tell(
            parent,
            "Queue exported",
            f"{len(bundle.items):,} items and {len(bundle.judgements):,} judgements are in {file}. On the other machine"
            " choose Import bundle, and here the same for the file that comes back.",
        )

    bundles.export(parent, queue.id, file, done, with_scores=with_scores)


def take_in_bundle(parent: QWidget, then: Callable[[str], object]) -> None:
    """Ask for a file, and bring what it holds into the store. `then` is called with the uid of its queue."""
    chosen, _ = QFileDialog.getOpenFileName(parent, "Import annotation bundle", str(saving().folder), ANY)
    if chosen:
        bring_in(parent, Path(chosen), then)


def bring_in(parent: QWidget, file: Path, then: Callable[[str], object]) -> None:
    """Bring what a bundle holds into the store, and say what came. `then` is called with the uid of its queue."""

    def done(merged: Merged) -> None:
        then(merged.uid)
        run = f" Its trajectories are the run {merged.run_id}." if merged.run_id else ""
        dialogs.tell(parent, "Bundle imported", f"{merged.told()}.{run}")

    bundles.take_in(parent, file, done)
