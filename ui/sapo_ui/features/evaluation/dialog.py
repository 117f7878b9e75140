"""Evaluate verifier: what is measured and on what, how far it is, and the tables that come of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QPushButton, QWidget

from sapo_studio.readable import listing
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui.features.evaluation.form import EvaluationForm
from sapo_ui.features.evaluation.results import Results
from sapo_ui.services import evaluation, tasks
from sapo_ui.services.engine_study import EngineStudy
from sapo_ui.services.evaluation import EvaluationJob, Offers
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.plain_text import breakable
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

FORM, RESULTS = 380, 352
"""Pixels of the form, and those that tables keep at least."""


class EvaluationDialog(WorkDialog):
    """The window stays usable beside it. Closing it while it measures stops the engine, and nothing is kept. What was
    measured stays in sight until something else is."""

    measured = Signal(object)
    """(EvaluationJob) All of it was measured."""

    def __init__(
        self, run: RunSummary | None, parent: QWidget | None = None, *, before: EvaluationJob | None = None
    ) -> None:
        """`run`: the one that is shown; None: only a model from elsewhere can be measured. `before`: what was measured
        last, which is shown again: it may have taken long."""
        super().__init__("Evaluate verifier", "Evaluate", said="State", progress="How far it is", parent=parent)
        self.resize(1040, 640)
        self._engine = EngineStudy(self)
        self._job: EvaluationJob | None = None
        self._before = 0  # runs that were measured before the one that is
        self._found: dict[str, Any] | None = None
        self.form = EvaluationForm(run)
        self.form.setFixedWidth(FORM)
        self.results = Results()
        self.save = QPushButton("Save as\u2026")
        self.save.setToolTip("Write a page, the numbers and a picture into a folder")
        self.save.setAutoDefault(False)
        self.buttons.addButton(self.save, QDialogButtonBox.ButtonRole.ActionRole)
        self.save.hide()  # the box shows what it is given
        self._lay_out()
        self.form.changed.connect(self._enable)
        self.ok.clicked.connect(self._measure)
        self.save.clicked.connect(self._choose_folder)
        self._engine.progressed.connect(self._progressed)
        self._engine.ended.connect(self._ended)
        self._engine.failed.connect(self._failed)
        if before is not None and before.found is not None:
            self._show(before, before.found)
        self.form.setEnabled(False)
        self._enable()
        self.said.setText("Looking what there is\u2026")
        run_id = "" if run is None else run.id
        tasks.run(
            self, lambda store: evaluation.read_offers(store, run_id), self._offer, failed=self._failed, key="offers"
        )

    def _lay_out(self) -> None:
        card = Card(self.results)
        card.setMinimumWidth(RESULTS)
        self.beside(self.form).addWidget(card, 1)

    @property
    def working(self) -> bool:
        """Whether an engine is at work."""
        return self._engine.running

    def abandon(self) -> None:
        """End the engine at once: there is nobody left to hear of it."""
        self._engine.end_now()

    def _offer(self, offers: Offers) -> None:
        self.said.setText("")
        self.form.setEnabled(True)
        self.form.offer(offers)
        self.form.runs.setFocus()

    def _enable(self) -> None:
        self.ok.setEnabled(self.form.complete and not self._engine.running)

    # -- Measuring

    def _measure(self) -> None:
        self.trouble.say("")
        self._job = EvaluationJob(self.form.wanted, self.form.measured_on)
        self.form.setEnabled(False)
        self.save.setEnabled(False)
        self.show_waiting()  # the engine loads its libraries and the models first
        self.said.setText("The engine is starting\u2026")
        self.close_button.setText("Stop")
        self.close_button.setFocus()
        self._next(self._job)
        self._enable()

    def _next(self, job: EvaluationJob) -> None:
        self._before = job.done
        self._engine.measure(job, job.ask, job.keep)

    def _progressed(self, done: float) -> None:
        job = self._job
        if job is None or (done == 0 and job.done == 0):
            return
        of_all = (job.done + done) / job.of
        self.show_share(of_all)
        run = f"Run {job.done + 1} of {job.of}: " if job.of > 1 else ""
        self.said.setText(f"{run}{100 * of_all:.0f}{fmt.THIN}% measured.")

    def stop(self) -> None:
        """End the engine; nothing is kept."""
        self._rest()
        self._engine.cancel()
        self._enable()
        self.said.setText("Stopped. Nothing was kept.")
        self.ok.setFocus()

    def _rest(self) -> None:
        self._job = None
        self.progress.hide()
        self.form.setEnabled(True)
        self.save.setEnabled(True)
        self.close_button.setText("Cancel" if self._found is None else "Close")
        self._enable()

    def _ended(self) -> None:
        job = self._job
        if job is None or job.done == self._before:
            return  # stopped, or `_failed` says why
        if job.found is None:
            self._next(job)
            return
        self._show(job, job.found)
        self._rest()
        self.said.setText("Measured.")
        self.save.setFocus()
        self.measured.emit(job)

    def _show(self, job: EvaluationJob, found: dict[str, Any]) -> None:
        self._found = found
        self.results.show_found(found, job.measured_on)
        self.save.show()
        self.close_button.setText("Close")

    def _failed(self, error: Exception) -> None:
        self._rest()
        self.said.setText("" if self._found is None else "What was measured before is still there.")
        self.trouble.say(breakable(told(error)))
        if self.ok.isEnabled():
            self.ok.setFocus()

    # -- Saving

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Save the results in", str(saving().folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.finished.connect(dialog.deleteLater)
        dialog.fileSelected.connect(self._save_in)
        dialog.open()

    def _save_in(self, name: str) -> None:
        folder = Path(name)
        there = evaluation.in_the_way(folder)
        if there:
            dialogs.ask(
                self,
                "Replace the results there?",
                f"In {folder}: {listing(there)}.",
                "Replace",
                lambda: self._write(folder),
            )
        else:
            self._write(folder)

    def _write(self, folder: Path) -> None:
        found = self._found
        if found is None:
            return
        self.trouble.say("")
        self.save.setEnabled(False)
        self.said.setText("Writing\u2026")  # the first picture loads what draws it
        tasks.run(self, lambda _: evaluation.save(found, folder), self._saved, failed=self._not_saved, key="save")

    def _saved(self, files: list[Path]) -> None:
        folder = files[0].parent
        saving().remember(folder)
        saving().tell(folder)
        self.save.setEnabled(True)
        self.said.setText(breakable(f"{listing([file.name for file in files])} are in {folder}."))
        self.close_button.setFocus()

    def _not_saved(self, error: Exception) -> None:
        self.save.setEnabled(True)
        self.said.setText("")
        self.trouble.say(breakable(told(error)))
