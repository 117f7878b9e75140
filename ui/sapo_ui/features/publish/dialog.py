"""Publish model: what and where to, what its card will say, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.publishing.publication import CARD, Published
from sapo_studio.app.publishing.wanted import Wanted
from sapo_studio.app.reports.provenance import Origin
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.publish.form import PublishForm
from sapo_ui.services import publishing, tasks
from sapo_ui.services.engine_study import EngineStudy
from sapo_ui.services.publishing import CardText, Offers, PublishJob, UploadJob
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import breakable
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

NOTHING_YET = "This run has no model yet. Its warm-up has to be done first."


class PublishDialog(WorkDialog):
    """The window stays usable beside it. Closing it while an engine is at work stops that, and no folder is left."""

    published = Signal(object)
    """(str) What was done, as a sentence."""

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        super().__init__("Publish model", "Publish", said="What comes of it", progress="How far it is", parent=parent)
        self.resize(980, 640)
        self._run = run
        self._origins: Sequence[Origin] | None = None
        self._engine = EngineStudy(self)
        self._writing: PublishJob | None = None
        self._upload: UploadJob | None = None
        self._made: Published | None = None
        self._online = False
        self._read: Wanted | None = None  # what the card is shown of, or being read
        self.run = ElidedLabel(theme.font("strong"))
        self.run.set_text(f"{run.name} ({run.id})")
        self.form = PublishForm(run.id)
        self.form.setFixedWidth(400)
        self.said.setText("Looking what the run has\u2026")
        self.card = QTextBrowser()
        self.card.setAccessibleName("What the card will say")
        self.card.setFont(theme.font("small"))
        self.card.setOpenLinks(False)
        self.card.document().setDocumentMargin(12)
        self._title = label("What the card will say", "strong")
        self.show_folder = QPushButton("Open folder")
        self.show_folder.setAutoDefault(False)
        self.buttons.addButton(self.show_folder, QDialogButtonBox.ButtonRole.ActionRole)
        self.show_folder.hide()  # the box shows what it is given
        self._lay_out()
        self.form.changed.connect(self._changed)
        self.ok.clicked.connect(self._go)
        self.show_folder.clicked.connect(self._open_folder)
        self._engine.progressed.connect(self._progressed)
        self._engine.ended.connect(self._ended)
        self._engine.failed.connect(self._failed)
        self._enable()
        tasks.run(
            self, lambda store: publishing.read_offers(store, run.id), self._offer, failed=self._failed, key="run"
        )

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(theme.SPACE_2)
        right.addWidget(self._title)
        right.addWidget(self.card, 1)
        self.beside(self.run, self.form).addLayout(right, 1)

    @property
    def working(self) -> bool:
        """Whether the engine is at work."""
        return self._engine.running

    def abandon(self) -> None:
        """End the engine at once, and leave no half of a folder."""
        self._engine.end_now()
        if self._writing is not None:
            self._writing.give_up()

    # -- What is chosen

    def _offer(self, offers: Offers) -> None:
        there = bool(offers.reasoners or offers.verifiers)
        self.said.setText("" if there else NOTHING_YET)
        self.form.setEnabled(there)
        self.form.offer(offers)
        (self.form.model if there else self.close_button).setFocus()

    def _changed(self) -> None:
        self._enable()
        wanted = self.form.wanted
        if wanted.iteration is None or wanted == self._read or self._made is not None:
            return
        self._read = wanted
        known = self._origins
        tasks.run(
            self,
            lambda store: publishing.read_card(store, wanted, known),
            self._show_card,
            failed=self._cannot,
            key="card",
        )

    def _show_card(self, found: CardText) -> None:
        self._origins = found.origins
        self.trouble.say("")
        self.card.setMarkdown(found.text)
        self.form.suggest(found.name)

    def _cannot(self, error: Exception) -> None:
        self.trouble.say(told(error))

    def _enable(self) -> None:
        self.ok.setEnabled(self.form.complete and not self._engine.running)
        self.ok.setVisible(self._made is None or (self.form.destination is not None and not self._online))

    # -- Writing

    def _go(self) -> None:
        if self._made is not None:
            self._ask_to_upload()
            return
        self.trouble.say("")
        job = self._writing = PublishJob(self.form.wanted, user_path(self.form.target), self.form.destination)
        self._begin("The engine is starting\u2026")
        self._engine.measure(job, job.ask, job.keep)

    def _begin(self, said: str) -> None:
        self.form.setEnabled(False)
        self.show_waiting()
        self.said.setText(said)
        self.close_button.setText("Stop")
        self.close_button.setFocus()
        self.ok.setEnabled(False)

    def _rest(self) -> None:
        self.progress.hide()
        self.form.setEnabled(not self._online)
        self.close_button.setText("Cancel" if self._made is None else "Close")
        self._enable()

    def _progressed(self, done: float) -> None:
        if done > 0:
            self.show_share(done)
            self.said.setText("Uploading\u2026" if self._upload is not None else "Writing the model\u2026")

    def stop(self) -> None:
        """End the engine. A folder that is written is kept, half of one is not."""
        uploading = self._upload is not None
        self._engine.cancel()
        if not uploading and self._writing is not None:
            job = self._writing
            tasks.run(self, lambda _: job.give_up(), _nothing, key="cleared")
        self._upload = None
        self._rest()
        self.said.setText("Stopped. The folder is kept." if uploading else "Stopped. Nothing was written.")
        self.ok.setFocus()

    def _ended(self) -> None:
        if self._upload is not None:
            if self._upload.address:
                self._uploaded(self._upload.address)
            return
        made = None if self._writing is None else self._writing.published
        if made is None:
            return  # stopped, or `_failed` says why
        self._made = made
        self.form.keep_model()
        saving().remember(made.folder.parent)
        said = f"{made.facts.name}: {counted(len(made.files), 'file')}, {fmt.size(made.size)}, in {made.folder}."
        self.published.emit(said)
        self._rest()
        self.said.setText("\n".join(breakable(line) for line in (said, *_measured(made))))
        self.show_folder.show()
        self.show_folder.setFocus()
        self.ok.setText("Upload\u2026")
        self._enable()
        self._show_final(made)
        if self.form.destination is not None:
            self._ask_to_upload()

    def _show_final(self, made: Published) -> None:
        """The card as it was written, with the lines that load the model."""
        file = made.folder / CARD

        def read(_: object) -> str:
            return file.read_text(encoding="utf-8").partition("\n---\n")[2]

        self._title.setText("The card")
        self.card.setAccessibleName("The card")
        tasks.run(self, read, self.card.setMarkdown, failed=self._cannot, key="card")

    # -- Uploading

    def _ask_to_upload(self) -> None:
        made, destination = self._made, self.form.destination
        if made is None or destination is None:
            return
        question = publishing.question(made, destination)
        dialogs.ask(self, "Upload it to the Hub?", question, "Upload", self._send)

    def _send(self) -> None:
        made, destination = self._made, self.form.destination
        if made is None or destination is None:
            return
        self.trouble.say("")
        job = self._upload = UploadJob(made, destination)
        self._begin("The engine is starting\u2026")
        self._engine.measure(job, job.ask, job.keep)

    def _uploaded(self, address: str) -> None:
        self._upload, self._online = None, True
        self._rest()
        self.said.setText(breakable(f"Uploaded to {address}. The folder is kept."))
        self.published.emit(f"Uploaded to {address}.")
        self.close_button.setFocus()

    # -- What goes wrong

    def _failed(self, error: Exception) -> None:
        made, writing = self._made, self._writing
        if made is None and writing is not None:
            tasks.run(self, lambda _: writing.give_up(), _nothing, key="cleared")
        if self._upload is not None and self._engine.done >= publishing.REPOSITORY_MADE:
            self.form.repository_made()  # the next try finds it there
        self._upload = None
        self._rest()
        self.said.setText("" if made is None else breakable(f"The folder is kept: {made.folder}."))
        self.trouble.say(told(error))

    def _open_folder(self) -> None:
        if self._made is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._made.folder)))


def _nothing(_: object) -> None:
    """There is nothing to do behind it."""


def _measured(made: Published) -> list[str]:
    answer = made.facts.answer
    if rounding := answer.get("rounding"):
        return [
            f"Logits differ from the run's by {rounding['largest']:.2g} at most, {rounding['mean']:.2g} on average."
        ]
    if answer.get("solutions"):
        return [f"Scores differ from the run's verifier by {answer['apart']:.1g} at most."]
    return []
