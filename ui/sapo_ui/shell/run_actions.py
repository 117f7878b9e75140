"""What the Run menu does to the run that is shown: ask where that is due, act in a task, say what was done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QWidget

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui.features.run_keeping.bin_dialog import BinDialog
from sapo_ui.features.run_keeping.notes_dialog import NotesDialog
from sapo_ui.services import run_keeping, tasks
from sapo_ui.services.control import RunControl
from sapo_ui.widgets import dialogs

SAID = {
    Verb.PAUSE: "Pause requested: the engine pauses at its next step.",
    Verb.RESUME: "Continue requested.",
    Verb.STOP_AFTER_PHASE: "The run will stop after this phase.",
    Verb.STOP: "Stop requested: the engine stops at its next step.",
    Verb.CHECKPOINT: "Checkpoint requested.",
}


class RunActions(QObject):
    """Acts on `current()` through `control`; `say` tells the user, `on_change` is called when the store has changed."""

    def __init__(
        self,
        window: QWidget,
        current: Callable[[], RunSummary | None],
        control: RunControl,
        *,
        home: Path,
        say: Callable[[str], object],
        on_change: Callable[[], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._current = current
        self._control = control
        self._home = home
        self._say = say
        self._on_change = on_change

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What to do for each action, by its id."""
        return {
            "run.pause": lambda: self.request(Verb.PAUSE),
            "run.continue": lambda: self.request(Verb.RESUME),
            "run.resume": self.resume,
            "run.queue": self.queue,
            "run.stop_after": lambda: self.request(Verb.STOP_AFTER_PHASE),
            "run.stop": lambda: self.request(Verb.STOP),
            "run.checkpoint": lambda: self.request(Verb.CHECKPOINT),
            "run.kill": self.kill,
            "run.rename": self.rename,
            "run.folder": self.open_folder,
            "run.copy_id": self.copy_id,
            "run.notes": self.write_down,
            "run.archive": self.archive,
            "run.bin": self.put_in_bin,
            "run.delete": self.delete,
            "go.bin": self.open_bin,
        }

    def request(self, verb: Verb) -> None:
        """Leave a command for the run's engine."""
        run = self._current()
        if run is not None:
            waits = run.status is RunStatus.QUEUED and run.pid is None
            said = f"{run.name} is stopped: it waits no longer." if waits else SAID[verb]
            self._act(run, lambda store, run_id: self._control.request(store, run_id, verb), said)

    def resume(self) -> None:
        """Start an engine for the run."""
        run = self._current()
        if run is not None:
            self._act(run, self._control.resume, "Starting the engine.")

    def queue(self) -> None:
        """Let the run wait in the queue."""
        run = self._current()
        if run is not None:
            from sapo_ui.services import run_queue  # it brings the forecast along; the window opens without

            self._act(run, run_queue.put_in, f"{run.name} waits in the queue (Ctrl+U).")

    def resume_with(self, settings: object) -> None:
        """Start an engine for the run, with other values from now on (a list of `section.key=value`; empty: none)."""
        run = self._current()
        if run is not None and isinstance(settings, list):
            told = [str(one) for one in settings]
            if told:
                self._act(
                    run,
                    lambda store, run_id: self._control.resume_with(store, run_id, told),
                    f"Starting the engine with {', '.join(told)}.",
                )
            else:
                self.resume()

    def kill(self) -> None:
        """Ask, then end the run's engine at once."""
        run = self._current()
        if run is not None:
            dialogs.ask(
                self._window,
                f"Kill the engine of \u201c{run.name}\u201d?",
                "It ends at once. What it has not recorded yet is done again on resume. Stop loses nothing.",
                "Kill engine",
                lambda: self._act(run, self._control.kill, "Killed."),
            )

    def rename(self) -> None:
        """Ask for the run's new name."""
        run = self._current()
        if run is not None:

            def renamed(name: str) -> None:
                self._act(run, lambda store, run_id: self._control.rename(store, run_id, name))

            dialogs.ask_name(self._window, "Rename run", "Name:", run.name, renamed)

    def write_down(self) -> NotesDialog | None:
        """Open the note and the tags of the run."""
        run = self._current()
        if run is None:
            return None
        dialog = NotesDialog(run, self._window)
        dialog.saved.connect(self._on_change)
        dialog.open()
        return dialog

    def archive(self) -> None:
        """Put the run out of the list, or back into it."""
        run = self._current()
        if run is None:
            return
        if run.archived_at is None:
            self._act(run, run_keeping.archive, f"{run.name} is archived: the list's filter shows the archive.")
        else:
            self._act(run, run_keeping.unarchive, f"{run.name} is back in the list.")

    def put_in_bin(self) -> None:
        """Put the run into the bin, from where it can be restored."""
        run = self._current()
        if run is not None and not run.status.alive:
            self._act(run, run_keeping.put_in_bin, f"{run.name} is in the bin. Run > Bin restores it.")

    def open_bin(self) -> BinDialog:
        """Show what is in the bin."""
        dialog = BinDialog(self._window)
        dialog.changed.connect(self._on_change)
        dialog.open()
        return dialog

    def delete(self) -> None:
        """Ask, then delete the run."""
        run = self._current()
        if run is not None and not run.status.alive:
            dialogs.ask(
                self._window,
                f"Delete \u201c{run.name}\u201d?",
                "Its trajectories, scores, labels and annotations go with it, and its folder with checkpoints. "
                "This cannot be undone.",
                "Delete run",
                lambda: self._act(run, self._control.delete, f"Deleted {run.name}."),
            )

    def open_folder(self) -> None:
        """Show the run's files in the desktop's file manager."""
        run = self._current()
        if run is not None:
            folder = self._home / "runs" / run.id
            if folder.is_dir():
                open_path(folder)
            else:
                self._say(f"{run.name} has written no files yet.")

    def copy_id(self) -> None:
        """Put the run's id on the clipboard."""
        run = self._current()
        if run is not None:
            QGuiApplication.clipboard().setText(run.id)
            self._say(f"Copied {run.id}.")

    def _act(self, run: RunSummary, work: Callable[[Store, str], object], said: str = "") -> None:
        run_id = run.id

        def done(result: object) -> None:
            if said:
                self._say(f"{said} {result}" if isinstance(result, str) else said)
            self._on_change()

        tasks.change(self, lambda store: work(store, run_id), done)


def open_path(path: Path) -> None:
    """Show a folder in the desktop's file manager, or a file in the program for such files."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
