"""Score with a verifier: which run's, which iteration's; how far it is; what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QWidget,
)

from sapo_studio.app.imports.scoring import Scorers
from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.services.engine_study import EngineStudy
from sapo_ui.services.scoring import ScoreJob, read_scorers
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

NONE_YET = "No run here has a trained verifier yet. Let a run finish its first iteration."


class ScoreDialog(WorkDialog):
    """The window stays usable beside it. Closing it while it scores stops the engine, and nothing is kept."""

    scored = Signal(object)
    """(Scored) The scores are in the store."""

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        super().__init__(
            "Score with a verifier",
            "Score",
            said="What comes of it",
            progress="How far the scoring is",
            parent=parent,
        )
        self.setMinimumWidth(460)
        self._import = run.id
        self._found: Sequence[Scorers] = ()
        self._engine = EngineStudy(self)
        self._job: ScoreJob | None = None
        self.file = ElidedLabel(theme.font("body"))
        self.file.set_text(f"{run.name} ({run.id})")
        self.run = ElidedCombo("Run", 320)
        self.run.setEnabled(False)
        self.verifier = combo_box("Verifier", (), "Which of the run's verifiers")
        self.verifier.setEnabled(False)
        self.said.setText("Looking for runs that have a verifier\u2026")
        form = QFormLayout()
        form.addRow("File", self.file)
        form.addRow("Run", self.run)
        form.addRow("Verifier", self.verifier)
        self.ok.setEnabled(False)
        column = self.whole()
        column.addLayout(form)
        self.put_below(column)
        column.addWidget(self.buttons)
        self.run.currentIndexChanged.connect(self._offer_verifiers)
        self.ok.clicked.connect(self._score)
        self._engine.progressed.connect(self._progressed)
        self._engine.ended.connect(self._ended)
        self._engine.failed.connect(self._failed)
        tasks.run(self, read_scorers, self._offer, failed=self._failed, key="runs")

    @property
    def working(self) -> bool:
        """Whether the engine is at work."""
        return self._engine.running

    def abandon(self) -> None:
        """End the engine at once: there is nobody left to hear of it."""
        self._engine.end_now()

    def _offer(self, found: Sequence[Scorers]) -> None:
        self._found = found
        items = [(f"{one.run.name} ({one.run.id})", one.run.id) for one in found]
        self.run.fill(items, items[0][1] if items else None)
        self._offer_verifiers()
        self.said.setText(
            "The scores stand in the heatmap and the traces of the file. Scores that the same verifier gave before are "
            "replaced."
            if found
            else NONE_YET
        )
        self._set_busy(False)
        (self.run if found else self.close_button).setFocus()

    def _offer_verifiers(self) -> None:
        one = self._chosen
        numbers = () if one is None else one.verifiers[::-1]
        last = "" if one is None or len(numbers) < 2 else ", the last"
        set_items(self.verifier, [(f"V{number}{last if at == 0 else ''}", number) for at, number in enumerate(numbers)])
        self.verifier.setCurrentIndex(0)

    @property
    def _chosen(self) -> Scorers | None:
        return next((one for one in self._found if one.run.id == self.run.currentData()), None)

    def _set_busy(self, busy: bool) -> None:
        there = bool(self._found) and not busy
        for field in (self.run, self.verifier, self.ok):
            field.setEnabled(there)
        self.progress.setVisible(busy)

    def _score(self) -> None:
        self.trouble.say("")
        self._set_busy(True)
        self.show_waiting()  # the engine loads its libraries and the model first
        self.said.setText("The engine is starting\u2026")
        self.close_button.setText("Stop")
        self.close_button.setFocus()
        job = self._job = ScoreJob(self._import, f"{self.run.currentData()}/{self.verifier.currentData()}")
        self._engine.measure(job, job.ask, job.keep)

    def _progressed(self, done: float) -> None:
        if done > 0:
            self.show_share(done)
            self.said.setText(f"{100 * done:.0f}{fmt.THIN}% scored.")

    def stop(self) -> None:
        """End the engine; no score is kept."""
        self._engine.cancel()
        self._set_busy(False)
        self.close_button.setText("Cancel")
        self.said.setText("Stopped. No score was kept.")
        self.ok.setFocus()

    def _ended(self) -> None:
        found = None if self._job is None else self._job.scored
        if found is None:
            return  # stopped, or `_failed` says why
        self._set_busy(False)
        lines = [f"{counted(found.scored, 'solution')} scored by {found.verifier}, shown as V{found.number}."]
        lines += [f"{counted(count, 'solution')} left out: {why}." for why, count in found.left_out.items()]
        self.said.setText("\n".join(lines))
        self.close_button.setText("Close")
        self.close_button.setFocus()
        self.scored.emit(found)

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.close_button.setText("Cancel" if self._found else "Close")
        self.said.setText("No score was kept.")
        self.trouble.say(told(error))
