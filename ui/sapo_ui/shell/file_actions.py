"""Importing, exporting, publishing and evaluating from the window: by the menu, and by files that are dropped on it.

A dialog's modules are loaded where it is opened: together they are a quarter of what the window would load to start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui.shell.run_actions import open_path
from sapo_ui.widgets.saving import saving

if TYPE_CHECKING:
    from sapo_studio.app.imports.scoring import Scored
    from sapo_studio.app.imports.take_in import Imported
    from sapo_ui.features.evaluation.dialog import EvaluationDialog
    from sapo_ui.features.exports.tables_dialog import TablesDialog
    from sapo_ui.features.imports.export_dialog import ExportDialog
    from sapo_ui.features.imports.import_dialog import ImportDialog
    from sapo_ui.features.imports.score_dialog import ScoreDialog
    from sapo_ui.features.publish.dialog import PublishDialog
    from sapo_ui.features.report.dialog import ReportDialog
    from sapo_ui.services.evaluation import EvaluationJob

FILTER = "Labeled steps, annotation bundles (*.jsonl *.json *.gz *.sapo *.db);;All files (*)"


class FileActions(QObject):
    """Opens the dialogs over `window`. `imported` is called with the id and name of what was taken in, `scored` with
    the id of a file that has new scores, or of a run whose verifier was measured, `brought` with the uid of the queue
    that a bundle brought, `say` tells the user."""

    def __init__(
        self,
        window: QWidget,
        current: Callable[[], RunSummary | None],
        *,
        say: Callable[[str], object],
        imported: Callable[[str, str], object],
        scored: Callable[[str], object],
        brought: Callable[[str], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._current = current
        self._say = say
        self._imported = imported
        self._scored = scored
        self._brought = brought
        self._evaluated: dict[str, EvaluationJob] = {}  # by the run that was shown; empty: none
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What to do for each action, by its id."""
        return {
            "file.import": self.choose,
            "run.export": self.export,
            "run.publish": self.publish,
            "run.report": self.report,
            "run.tables": self.export_tables,
            "run.score": self.score,
            "run.evaluate": self.evaluate,
        }

    def choose(self) -> QFileDialog:
        """Ask for a file to import."""
        dialog = QFileDialog(self._window, "Import file", str(saving().folder), FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _chosen(self, name: str) -> None:
        self.open_file(Path(name))

    def open_file(self, file: Path) -> None:
        """Take a file in: an annotation bundle at once, any other after saying what importing it would come to."""
        from sapo_studio.formats.bundle_mark import is_bundle  # only who brings one pays for it

        if not is_bundle(file):
            self.open_import(file)
            return
        from sapo_ui.features.annotate.bundle_files import bring_in

        bring_in(self._window, file, self._brought)

    def open_import(self, file: Path) -> ImportDialog:
        """Open the dialog that says what importing `file` would come to."""
        from sapo_ui.features.imports.import_dialog import ImportDialog

        dialog = ImportDialog(file, self._window)
        dialog.imported.connect(self._taken_in)
        dialog.open()
        return dialog

    def export(self) -> ExportDialog | None:
        """Open the dialog that exports step labels of what is shown."""
        from sapo_ui.features.imports.export_dialog import ExportDialog

        run = self._current()
        if run is None:
            return None
        dialog = ExportDialog(run, saving().folder, self._window)
        dialog.written.connect(self._say)
        dialog.open()
        return dialog

    def publish(self) -> PublishDialog | None:
        """Open the dialog that publishes a model of the run that is shown."""
        from sapo_ui.features.publish.dialog import PublishDialog

        run = self._current()
        if run is None or run.imported:
            return None
        dialog = PublishDialog(run, self._window)
        dialog.published.connect(self._say)
        dialog.show()
        return dialog

    def report(self) -> ReportDialog | None:
        """Open the dialog that writes the report of what is shown."""
        from sapo_ui.features.report.dialog import ReportDialog

        run = self._current()
        if run is None:
            return None
        dialog = ReportDialog(run, self._window)
        dialog.open_wanted.connect(open_path)
        dialog.show()
        return dialog

    def export_tables(self) -> TablesDialog | None:
        """Open the dialog that writes tables of what is shown."""
        from sapo_ui.features.exports.tables_dialog import TablesDialog

        run = self._current()
        if run is None:
            return None
        dialog = TablesDialog(run, saving().folder, self._window)
        dialog.show()
        return dialog

    def score(self) -> ScoreDialog | None:
        """Open the dialog that has a verifier score the imported file that is shown."""
        from sapo_ui.features.imports.score_dialog import ScoreDialog

        run = self._current()
        if run is None or not run.imported:
            return None
        dialog = ScoreDialog(run, self._window)
        dialog.scored.connect(self._was_scored)
        dialog.show()
        return dialog

    def evaluate(self) -> EvaluationDialog:
        """Open the dialog that evaluates a verifier: of the run that is shown, or, where none is, one from
        elsewhere."""
        from sapo_ui.features.evaluation.dialog import EvaluationDialog

        run = self._current()
        shown = None if run is None or run.imported else run
        key = "" if shown is None else shown.id
        dialog = EvaluationDialog(shown, self._window, before=self._evaluated.get(key))

        def measured(job: EvaluationJob) -> None:
            self._evaluated[key] = job
            for run_id in job.runs:
                self._scored(run_id)  # its page shows the matrix

        dialog.measured.connect(measured)
        dialog.show()
        return dialog

    def _was_scored(self, found: Scored) -> None:
        self._scored(found.run_id)
        self._say(f"{found.verifier} scored {counted(found.scored, 'solution')} of {found.run_id}.")

    def _taken_in(self, found: Imported) -> None:
        said = f"Imported {counted(found.kept, 'row')} of {found.known.title} ({found.run_id})"
        refused = f", {len(found.refused):,} were refused." if found.refused else "."
        self._imported(found.run_id, said + refused)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Files may be dropped anywhere on the window; the first of several is opened, and that is said."""
        if isinstance(event, QDropEvent) and event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            files = dropped(event)
            if files:
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop:
                    self.open_file(files[0])
                    if len(files) > 1:
                        self._say(f"Of {len(files):,} files {files[0].name} was opened. Drop the others one by one.")
                return True
        return super().eventFilter(watched, event)


def dropped(event: QDropEvent | QDragEnterEvent) -> list[Path]:
    """The files of this machine in what is dragged."""
    found = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [file for file in found if not file.is_dir()]
