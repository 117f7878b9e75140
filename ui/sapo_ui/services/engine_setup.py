"""Setting the engine up from the window: `sapo engine install` in its own process, how far it is, and ending it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from PySide6.QtCore import QObject, QProcess, Signal

from sapo_studio import processes
from sapo_studio.app.engine_setup.making import Progress, Wanted, plan_for
from sapo_studio.app.engine_setup.plan import Build, Plan
from sapo_studio.app.engine_setup.standing import Standing, standing
from sapo_studio.errors import EngineError, SapoError
from sapo_ui.services import tasks

COMMAND = (sys.executable, "-P", "-m", "sapo_studio.cli", "engine", "install", "--yes", "--json")


def look(parent: QObject, done: Callable[[Standing], None], failed: Callable[[Exception], None]) -> None:
    """Look at the engine that there is, in the background."""
    tasks.run(parent, lambda _: standing(), done, failed=failed, key="engine")


def plan(
    parent: QObject, build: Build | None, done: Callable[[Plan], None], failed: Callable[[Exception], None]
) -> None:
    """What setting one up would come to, in the background. `build` None: the one that suits this machine."""
    tasks.run(parent, lambda _: plan_for(Wanted(build=build)), done, failed=failed, key="engine plan")


class EngineSetup(QObject):
    """Sets one up at a time. It ends with its parent; what was fetched by then is gone on with the next time."""

    progressed = Signal(object)
    """(Progress)"""
    ended = Signal(str)
    """(python: str) It is there, and engines live in that Python."""
    failed = Signal(object)
    """(SapoError)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._rest = ""
        self._python = ""

    @property
    def running(self) -> bool:
        """Whether one is being set up."""
        return self._process is not None

    def begin(self, build: Build | None = None) -> None:
        """Set one up. Does nothing while that goes on."""
        if self.running:
            return
        self._rest, self._python = "", ""
        process = self._process = QProcess(self)
        process.readyReadStandardOutput.connect(self._hear)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._broke)
        program, *arguments = COMMAND
        process.start(program, [*arguments, *(("--build", build) if build is not None else ())])

    def cancel(self) -> None:
        """End it, with all that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        process.finished.disconnect(self._finished)
        process.errorOccurred.disconnect(self._broke)
        with suppress(ProcessLookupError):  # it ended by itself just now
            processes.kill_tree(processes.identify(process.processId()))
        process.waitForFinished(2000)
        process.deleteLater()

    def _hear(self) -> None:
        if self._process is None:
            return
        text = self._rest + bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")
        *lines, self._rest = text.split("\n")
        for line in lines:
            told = _object(line)
            if told.get("kind") == "engine_setup":
                self.progressed.emit(Progress(told["step"], told["steps"], told["title"], told["detail"]))
            elif told.get("kind") == "engine":
                self._python = str(told["python"])

    def _finished(self, status: int) -> None:
        self._hear()
        process, self._process = self._process, None
        if process is None:
            return
        said = bytes(process.readAllStandardError().data()).decode(errors="replace").strip()
        process.deleteLater()
        if status == 0 and self._python:
            self.ended.emit(self._python)
            return
        last = said.rpartition("\n")[2]
        told = _object(last)
        if told.get("kind") == "error":
            self.failed.emit(SapoError(told["what"], why=told["why"], fix=told["fix"]))
        else:
            self.failed.emit(
                EngineError("The engine could not be set up", why=last or f"It ended with status {status}.")
            )

    def _broke(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self.failed.emit(EngineError("The engine could not be set up", why=f"{COMMAND[0]} cannot be started."))


def _object(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}
