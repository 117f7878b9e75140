"""Export tables: which tables of a run, as what, and to which folder; how far it is; what was written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.app.exports.tables.description import Format, WrittenTable
from sapo_studio.app.exports.tables.schema import GROUPS
from sapo_studio.errors import Stopped
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.services.table_export import TableExport, free_name, parquet_there
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.saving import saving
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

FORMATS: tuple[tuple[str, Format], ...] = (("Parquet", "parquet"), ("CSV", "csv"))
LOOK_MS = 150
"""How often the dialog looks how far it is."""
NO_PARQUET = "Parquet needs pyarrow, which is not installed here: pip install pyarrow."


class TablesDialog(WorkDialog):
    """The window stays usable beside it. Closing it while it writes stops it, and nothing is kept."""

    def __init__(self, run: RunSummary, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(
            f"Export tables of {run.name}",
            "Export",
            said="What is written",
            progress="How far the export is",
            parent=parent,
        )
        self.setMinimumWidth(600)
        self._run = run
        self._export: TableExport | None = None
        self._written = ""
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self.boxes: dict[str, QCheckBox] = {}
        self.all = self._link("All", "Tick every table", checked=True)
        self.none = self._link("None", "Tick no table", checked=False)
        self.format = combo_box("Format", FORMATS, "As what the tables are written")
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Folder")
        self.folder.setPlaceholderText("A folder that does not exist yet")
        self.choose = QPushButton("Choose\u2026")
        self.choose.setToolTip("Choose the folder in which the new one is made")
        self.choose.setAutoDefault(False)
        self._lay_out()
        self.choose.clicked.connect(self._choose)
        self.ok.clicked.connect(self._write)
        self.folder.textChanged.connect(self._enable)
        self.format.currentIndexChanged.connect(self._enable)
        if not parquet_there():
            self.format.setCurrentIndex(1)
        self._enable()
        self._propose(folder)

    def _link(self, text: str, name: str, *, checked: bool) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("look", "link")
        button.setAutoDefault(False)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self._check_all(checked))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(label("Tables", "title"))
        head.addStretch(1)
        head.addWidget(self.all)
        head.addWidget(self.none)
        columns = QHBoxLayout()
        columns.setSpacing(theme.SPACE_4)
        for title, tables in GROUPS.items():
            columns.addLayout(self._group(title, tables), 1)
        self.choices = QWidget()
        inside = QVBoxLayout(self.choices)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(head)
        inside.addLayout(columns)
        line = QHBoxLayout()
        line.addWidget(self.folder, 1)
        line.addWidget(self.choose)
        form = QFormLayout()
        form.addRow("Format", self.format)
        form.addRow("Folder", line)
        column = self.whole()
        column.addWidget(self.choices)
        column.addLayout(form)
        self.put_below(column)
        column.addWidget(self.buttons)

    def _group(self, title: str, tables: tuple[TableSpec, ...]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.SPACE_1)
        column.addWidget(label(title, "small", "muted"))
        for table in tables:
            box = self.boxes[table.name] = QCheckBox(table.name.replace("_", " ").capitalize())
            box.setAccessibleName(f"Table {table.name}")
            box.setToolTip(plain_tip(f"A row is {table.row}."))
            box.setChecked(True)
            box.toggled.connect(self._enable)
            column.addWidget(box)
        column.addStretch(1)
        return column

    @property
    def chosen(self) -> list[TableSpec]:
        """The tables that are ticked."""
        return [table for tables in GROUPS.values() for table in tables if self.boxes[table.name].isChecked()]

    def _check_all(self, checked: bool) -> None:
        for box in self.boxes.values():
            box.setChecked(checked)

    def _propose(self, folder: Path) -> None:
        """Name a folder that is free, unless somebody has typed one meanwhile."""
        name = f"{self._run.id}-tables"

        def found(place: Path) -> None:
            if not self.folder.isModified():
                self.folder.setText(str(place))

        tasks.run(self, lambda _store: free_name(folder, name), found, key="folder")

    def _enable(self) -> None:
        there = parquet_there() or self.format.currentData() != "parquet"
        count = len(self.chosen)
        if not there:
            self.said.setText(NO_PARQUET)
        elif not count:
            self.said.setText("Tick a table.")
        else:
            self.said.setText(
                f"{counted(count, 'table')} of {self._run.id}, a file each, with a README that says what is in them."
            )
        folder = self.folder.text().strip()
        self.ok.setEnabled(there and count > 0 and folder not in ("", self._written))

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Make the folder in", str(saving().folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._chose)
        dialog.open()

    def _chose(self, name: str) -> None:
        self.folder.setModified(False)
        self._propose(Path(name))

    def _write(self) -> None:
        folder = Path(self.folder.text().strip())
        how: Format = self.format.currentData()
        self.trouble.say("")
        export = self._export = TableExport([self._run.id], folder, how, self.chosen)
        self._set_busy(True)
        self.said.setText("Reading\u2026")
        export.start(self, lambda found: self._done(folder, found), self._failed)

    def _set_busy(self, busy: bool) -> None:
        for part in (self.choices, self.format, self.folder, self.choose, self.ok):
            part.setEnabled(not busy)
        self.show_share(0)
        self.progress.setVisible(busy)
        self.close_button.setText("Stop" if busy else "Cancel")
        if busy:
            self.close_button.setFocus()
            self._timer.start()
        else:
            self._timer.stop()
            self._export = None

    def _look(self) -> None:
        found = None if self._export is None else self._export.progress
        if found is not None:
            self.show_share(found.share)
            self.said.setText(f"Writing {found.table.replace('_', ' ')}: {counted(found.rows, 'row')}.")

    def _done(self, folder: Path, found: list[WrittenTable]) -> None:
        self._set_busy(False)
        self._written = self.folder.text().strip()
        self._enable()
        rows, size = sum(one.rows for one in found), sum(one.size for one in found)
        tables = f"{counted(len(found), 'table')} with {counted(rows, 'row')} ({fmt.size(size)})"
        place = user_path(str(folder))
        self.said.setText(f"Exported {tables} to {place}.")
        saving().remember(place.parent)
        saving().tell(place)
        self.close_button.setText("Close")
        self.close_button.setFocus()

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self._enable()
        self.ok.setFocus()
        if isinstance(error, Stopped):
            self.said.setText("Stopped. Nothing was kept.")
        else:
            self.trouble.say(told(error))

    @property
    def working(self) -> bool:
        """Whether tables are being written."""
        return self._export is not None

    def stop(self) -> None:
        """End the writing; nothing is kept, and `_failed` says so."""
        if self._export is not None:
            self._export.stop()
