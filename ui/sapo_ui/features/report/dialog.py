"""Export report: where to, with how many sample solutions; how far it is; and then to look at it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from sapo_studio.errors import InputError
from sapo_studio.paths import user_path
from sapo_studio.store.records import RunSummary
from sapo_ui.services.reports import MOST_TRACES, TRACES, Progress, ReportWriter
from sapo_ui.widgets.saving import PAGES, saving
from sapo_ui.widgets.spin_boxes import whole_box
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

ABOUT = (
    "One file with curves, tables, sample solutions, the label audit, the configuration, and where model and data come "
    "from. It opens in any browser and loads nothing; questions and solutions of the run are in it."
)


class ReportDialog(WorkDialog):
    """Works in the background: the window stays usable, Cancel ends it. Once the file is there, it can be opened."""

    open_wanted = Signal(object)
    """(Path) Somebody wants to see this file, or this folder."""

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Export report of {run.name}",
            "Export",
            said="What is written",
            progress="How far the report is",
            parent=parent,
        )
        self.resize(560, 260)
        self._run = run
        self._written: Path | None = None
        self.writer = ReportWriter(self)
        self.file = QLineEdit(str(saving().folder / f"{run.id}.html"))
        self.file.setAccessibleName("File")
        self.choose = QPushButton("Choose\u2026")
        self.choose.setAutoDefault(False)
        self.choose.clicked.connect(self._choose)
        self.traces = whole_box("Sample solutions", 0, MOST_TRACES, TRACES)
        self.traces.setMaximumWidth(108)
        line = QHBoxLayout()
        line.addWidget(self.file, 1)
        line.addWidget(self.choose)
        form = QFormLayout()
        form.addRow("File", line)
        form.addRow("Sample solutions", self.traces)
        self.said.setText(ABOUT)
        self.show_folder = QPushButton("Show in folder")
        self.open_file = QPushButton("Open")
        self.open_file.setProperty("look", "primary")
        for button in (self.show_folder, self.open_file):
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        column = self.whole()
        column.addLayout(form)
        self.put_below(column)
        column.addWidget(self.buttons)
        self.file.textChanged.connect(self._typed)
        self.ok.clicked.connect(self._write)
        self.show_folder.clicked.connect(self._show_folder)
        self.open_file.clicked.connect(self._open_file)
        self.writer.progressed.connect(self._progressed)
        self.writer.written.connect(self._done)
        self.writer.failed.connect(self._failed)
        self._dress()

    @property
    def working(self) -> bool:
        """Whether the report is being written."""
        return self.writer.running

    def stop(self) -> None:
        """End the writing; no file is left."""
        self.writer.cancel()
        self.said.setText("Stopped. Nothing was written.")
        self._dress()

    def _typed(self) -> None:
        self._written = None
        self.said.setText("There is such a file already; it will be replaced." if self._exists() else ABOUT)
        self._dress()

    def _exists(self) -> bool:
        try:
            return user_path(self.file.text().strip()).is_file()
        except InputError:
            return False

    def _dress(self) -> None:
        """Buttons and fields as they are now: to be chosen, at work, or done."""
        busy, done = self.writer.running, self._written is not None
        for field in (self.file, self.choose, self.traces):
            field.setEnabled(not busy)
        self.progress.setVisible(busy)
        self.ok.setVisible(not done)
        self.ok.setEnabled(not busy and bool(self.file.text().strip()))
        self.ok.setDefault(not done)
        for button in (self.show_folder, self.open_file):
            button.setVisible(done)
        self.open_file.setDefault(done)
        self.close_button.setText("Close" if done else "Stop" if busy else "Cancel")

    def _choose(self) -> None:
        path = saving().ask(self, "Export report", Path(self.file.text()).name or f"{self._run.id}.html", PAGES)
        if path is not None:
            self.file.setText(str(path))

    def _write(self) -> None:
        self.trouble.say("")
        try:
            file = user_path(self.file.text().strip())
        except InputError as error:
            self._failed(error)
            return
        self.show_waiting()
        self.said.setText("Reading the run\u2026")
        self.writer.write(self._run.id, file, self.traces.value())
        self._dress()
        self.close_button.setFocus()

    def _progressed(self, progress: Progress) -> None:
        self.show_share(progress.done / progress.of)
        self.said.setText(f"{progress.section} ({progress.done + 1} of {progress.of})")

    def _done(self, file: Path) -> None:
        saving().remember(file.parent)
        saving().tell(file)
        self._written = file
        self.said.setText(f"The report is in {file}.")
        self._dress()
        self.open_file.setFocus()

    def _failed(self, error: Exception) -> None:
        self.trouble.say(told(error))
        self.said.setText("Nothing was written.")
        self._dress()

    def _show_folder(self) -> None:
        if self._written is not None:
            self.open_wanted.emit(self._written.parent)

    def _open_file(self) -> None:
        if self._written is not None:
            self.open_wanted.emit(self._written)
