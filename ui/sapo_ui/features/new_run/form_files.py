"""Configuration files: the New run form is filled from one, and written to one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from sapo_studio import engines
from sapo_studio.config.overrides import configure
from sapo_studio.config.places import whole_paths
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import SapoError
from sapo_studio.files import write_output
from sapo_ui.widgets.saving import saving


class FormFiles(QObject):
    """Reads and writes TOML, and says what came of it."""

    read = Signal(object, str)
    """(RunConfig, file name)"""
    told = Signal(str)
    failed = Signal(object)
    """(SapoError)"""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page

    def ask(self) -> None:
        """Ask for a TOML file and read it."""
        chosen, _ = QFileDialog.getOpenFileName(self._page, "Open TOML", "", "TOML (*.toml)")
        if chosen:
            self.open(Path(chosen))

    def open(self, path: Path) -> None:
        """Read a configuration file, or say what is wrong with it."""
        try:
            notes: list[str] = []
            _, config = configure(str(path), [], seed=None, name=None, tell=notes.append)
        except SapoError as error:
            self.failed.emit(error)
        else:
            config, left_out = _without_strange_python(config)
            self.read.emit(config, path.name)
            notes.extend(left_out)
            if notes:
                self.told.emit(" ".join(notes))

    def export(self, config: RunConfig) -> None:
        """Ask for a file and write the configuration to it."""
        file = saving().ask(self._page, "Export TOML", f"{config.name}.toml", "TOML (*.toml)")
        if file is not None:
            try:
                write_toml(file, config)
            except SapoError as error:
                self.failed.emit(error)
            else:
                saving().tell(file)
                self.told.emit(f"Written to {file}.")


def _without_strange_python(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """`config` without a Python that the person has not chosen, and a note of it: the form's checks start the engine in
    it, so that a stranger's file would start a program by being looked at."""
    named = config.runtime.engine_python
    if not named or engines.is_chosen(named):
        return config, []
    runtime = config.runtime.model_copy(update={"engine_python": ""})
    note = f"Left out: the file has the engine live in {named}, which would be started here. Enter it if you trust it."
    return config.model_copy(update={"runtime": runtime}), [note]


def write_toml(path: Path, config: RunConfig) -> None:
    """Write `config` for `sapo run FILE`. Raises InputError and StoreError where the file cannot be written."""
    write_output(path, to_toml(whole_paths(config)))
