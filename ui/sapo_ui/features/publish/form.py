"""What is published, in which form, and where to: the fields of the dialog."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from sapo_studio.app.publishing.hub import Destination
from sapo_studio.app.publishing.wanted import Dtype, Form, Wanted
from sapo_ui import theme
from sapo_ui.services.publishing import Offers
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.segmented import Segmented

REASONER, VERIFIER = 0, 1
FOLDER, HUB = 0, 1
FORMS: tuple[tuple[str, Form], ...] = (("Merged into its base", "merged"), ("Adapter, for peft", "adapter"))
FORMATS: tuple[tuple[str, Dtype], ...] = (
    ("As the run keeps it", ""),
    ("fp32", "fp32"),
    ("bf16", "bf16"),
    ("fp16", "fp16"),
)


class PublishForm(QWidget):
    """Only what can be had can be chosen; what cannot says why."""

    changed = Signal()
    """What is to be published, or where to, is another."""

    def __init__(self, run_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id = run_id
        self._offers: Offers | None = None
        self._named = ""
        self._written = False
        self.model = Segmented("Model")
        self.iteration = combo_box("Iteration", (), "Of which iteration; the start is the warmed-up reasoner")
        self.form = combo_box("Adapter", FORMS, "What becomes of the adapter that the run trains")
        self.format = combo_box("Weights", FORMATS, "The format of the weights. Another one than the run's is measured")
        self.gguf = QCheckBox("GGUF file, too")
        self.place = Segmented("Where to")
        self.place.set_items([("Folder", FOLDER), ("Hugging Face Hub", HUB)])
        self.place.set_value(FOLDER)
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Folder")
        self.choose = QPushButton("Choose\u2026")
        self.choose.setAutoDefault(False)
        self.repository = QLineEdit()
        self.repository.setAccessibleName("Repository")
        self.repository.setPlaceholderText("OWNER/NAME")
        self.public = QCheckBox("Everybody can see it")
        self.update_ = QCheckBox("It is there already: add a version")
        self.hint = label("", "small", "muted", wrap=True)
        line = QHBoxLayout()
        line.setSpacing(theme.SPACE_2)
        line.addWidget(self.folder, 1)
        line.addWidget(self.choose)
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setHorizontalSpacing(theme.SPACE_3)
        self._rows.setVerticalSpacing(theme.SPACE_2)
        self._rows.addRow("Model", self.model)
        self._rows.addRow("Iteration", self.iteration)
        self._rows.addRow("Adapter", self.form)
        self._rows.addRow("Weights", self.format)
        self._rows.addRow("", self.gguf)
        self._rows.addRow("Where to", self.place)
        self._rows.addRow("Folder", line)
        self._rows.addRow("Repository", self.repository)
        self._rows.addRow("", self.public)
        self._rows.addRow("", self.update_)
        self._rows.addRow("", self.hint)
        self.model.chosen.connect(self._fit)
        self.place.chosen.connect(self._fit)
        for box in (self.iteration, self.form, self.format):
            box.currentIndexChanged.connect(self._fit)
        for check in (self.gguf, self.public, self.update_):
            check.toggled.connect(self._fit)
        for field in (self.folder, self.repository):
            field.textChanged.connect(self.changed)
        self.choose.clicked.connect(self._choose)
        self._fit()

    def offer(self, offers: Offers) -> None:
        """Offer what the run has."""
        self._offers = offers
        kinds = [("Reasoner", REASONER)] if offers.reasoners else []
        kinds += [("Verifier", VERIFIER)] if offers.verifiers else []
        self.model.set_items(kinds)
        self.model.set_value(kinds[0][1] if kinds else None)
        self.gguf.setText("GGUF file, too" if not offers.no_gguf else "GGUF file, too (needs llama.cpp's converter)")
        self.gguf.setToolTip(plain_tip(offers.no_gguf or "Written by llama.cpp's converter, into the same folder"))
        self._fit()

    def suggest(self, name: str) -> None:
        """Call the folder so, as long as nobody has called it otherwise."""
        if self.folder.text() in ("", self._named):
            self._named = str(saving().folder / name)
            self.folder.setText(self._named)

    def keep_model(self) -> None:
        """The folder is written: only where else it goes can be chosen."""
        for field in (self.model, self.iteration, self.form, self.format, self.folder, self.choose):
            field.setEnabled(False)
        self._written = True
        self._fit()

    def repository_made(self) -> None:
        """The repository is there now, though nothing is in it yet."""
        self.update_.setChecked(True)

    @property
    def wanted(self) -> Wanted:
        """What is to be published."""
        verifier = self.model.value == VERIFIER
        return Wanted(
            self._run_id,
            verifier,
            self.iteration.currentData(),
            self.form.currentData() if self._shown(self.form) else "",
            self.format.currentData() if self._shown(self.format) else "",
            self._shown(self.gguf) and self.gguf.isChecked(),
        )

    @property
    def target(self) -> str:
        """The folder, as it was typed."""
        return self.folder.text().strip()

    @property
    def destination(self) -> Destination | None:
        """Where it is uploaded; None where it stays here."""
        if self.place.value != HUB:
            return None
        return Destination(self.repository.text().strip(), self.public.isChecked(), self.update_.isChecked())

    @property
    def complete(self) -> bool:
        """Whether everything is said that has to be."""
        there = self._offers is not None and self.model.value is not None and bool(self.target)
        if self.place.value != HUB:
            return there
        offers = self._offers
        return there and bool(self.repository.text().strip()) and offers is not None and not offers.no_hub

    def _shown(self, field: QWidget) -> bool:
        return self._rows.isRowVisible(field)

    def _fit(self) -> None:
        """Show the fields that what is chosen has."""
        offers = self._offers
        verifier = self.model.value == VERIFIER
        numbers = () if offers is None else (offers.verifiers if verifier else offers.reasoners)
        newest = numbers[0] if len(numbers) > 1 else None
        set_items(self.iteration, [(_iteration(one, verifier, newest=one == newest), one) for one in numbers])
        if self.iteration.currentIndex() < 0 and numbers:
            self.iteration.setCurrentIndex(0)
        adapters = offers is not None and offers.adapters and not verifier
        adapter = adapters and self.form.currentData() == "adapter"
        online = self.place.value == HUB
        self._rows.setRowVisible(self.form, adapters)
        self._rows.setRowVisible(self.format, not adapter)
        self._rows.setRowVisible(self.gguf, not adapter and not verifier)
        self.gguf.setEnabled(offers is not None and not offers.no_gguf and not self._written)
        for field in (self.repository, self.public, self.update_):
            self._rows.setRowVisible(field, online)
        self.public.setEnabled(not self.update_.isChecked())
        self.hint.setText(self._hint(online))
        self.changed.emit()

    def _hint(self, online: bool) -> str:
        if not online:
            return "Nothing is sent anywhere."
        if self._offers is not None and self._offers.no_hub:
            return self._offers.no_hub
        return "You are asked before anything is sent. The folder stays here, too."

    def _choose(self) -> None:
        dialog = QFileDialog(self, "A folder to put it into", str(saving().folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.finished.connect(dialog.deleteLater)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, folder: str) -> None:
        # One that is empty is meant itself; else it goes into it, under its name.
        chosen = Path(folder)
        name = Path(self.target).name
        self.folder.setText(str(chosen / name if name and any(chosen.iterdir()) else chosen))


def _iteration(number: int, verifier: bool, *, newest: bool) -> str:
    named = f"V{number}" if verifier else ("Start (warm-up)" if number == 0 else f"Iteration {number}")
    return f"{named}, the newest" if newest else named
