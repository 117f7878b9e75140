"""A shadow verifier, trained beside the window in a process of its own: how far it is, and ending it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

from sapo_studio import processes
from sapo_studio.app.studies import shadow
from sapo_studio.app.studies.audit import Audit
from sapo_studio.domain.consensus import Bounds
from sapo_studio.errors import SapoError
from sapo_studio.requests import client
from sapo_studio.requests.kinds import ShadowStudyRequest
from sapo_studio.requests.wire import read_progress
from sapo_studio.store.db import Store
from sapo_ui.services import tasks


class ShadowStudy(QObject):
    """Measures one shadow at a time. It ends with the window; what was measured by then is kept."""

    progressed = Signal(float)
    """A fraction of 1."""
    ended = Signal()
    """It was measured, failed, or was cancelled: nothing is going on any more."""
    failed = Signal(object)
    """(Exception)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._asked: tuple[str, Bounds] | None = None
        self._errors = ""

    @property
    def running(self) -> bool:
        """Whether one is being measured."""
        return self._asked is not None

    def measure(self, audit: Audit, bounds: Bounds) -> None:
        """Train a shadow of the audited iteration's verifier on what a filter with `bounds` leaves, and measure it."""
        if self.running:
            return
        self._asked = audit.run_id, bounds
        self.progressed.emit(0.0)
        tasks.run(
            self, lambda store: shadow.ask_for(store, audit, bounds), self._start, failed=self._fail, key="shadow"
        )

    def cancel(self) -> None:
        """End it; nothing is kept."""
        process, self._process, self._asked = self._process, None, None
        if process is not None:
            process.finished.disconnect(self._finished)
            process.errorOccurred.disconnect(self._broke)
            pid = process.processId()
            if pid:  # with all that it has started; that takes a moment
                tasks.run(self, lambda _: _end(pid), lambda _: process.deleteLater(), key="cancel")
        self.ended.emit()

    def _start(self, request: ShadowStudyRequest) -> None:
        if not self.running:  # cancelled meanwhile
            return
        process = self._process = QProcess(self)
        self._errors = ""
        process.readyReadStandardError.connect(self._hear)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._broke)
        program, *arguments = client.COMMAND
        process.start(program, arguments)
        process.write(request.to_json().encode())
        process.closeWriteChannel()

    def _hear(self) -> None:
        if self._process is None:
            return
        self._errors += bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        told = [done for line in self._errors.splitlines() if (done := read_progress(line)) is not None]
        if told:
            self.progressed.emit(told[-1])

    def _finished(self, status: int) -> None:
        process, asked = self._process, self._asked
        if process is None or asked is None:
            return
        self._hear()
        out = bytes(process.readAllStandardOutput().data()).decode(errors="replace")
        self._process = None
        process.deleteLater()
        try:
            found = client.answer_of(status, out, self._errors)
        except SapoError as error:
            self._fail(error)
            return
        self._keep(*asked, found)

    def _keep(self, run_id: str, bounds: Bounds, found: Mapping[str, Any]) -> None:
        def work(store: Store) -> None:
            shadow.keep(store, run_id, bounds, found)

        def done(_: object) -> None:
            self._asked = None
            self.ended.emit()

        tasks.run(self, work, done, failed=self._fail, key="shadow")

    def _broke(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self._fail(SapoError("The engine could not be started", fix="`sapo doctor` says what is missing."))

    def _fail(self, error: Exception) -> None:
        self._asked = None
        self.ended.emit()
        self.failed.emit(error)


def _end(pid: int) -> None:
    try:
        processes.kill_tree(processes.identify(pid))
    except ProcessLookupError:
        return  # it has just ended by itself
