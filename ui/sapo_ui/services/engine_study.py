"""Something that an engine measures beside the window, in a process of its own: how far it is, and ending it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QProcess, QTimer, Signal
from shiboken6 import isValid

from sapo_studio import processes
from sapo_studio.errors import EngineError
from sapo_studio.requests import client
from sapo_studio.requests.kinds import Request
from sapo_studio.requests.wire import read_progress
from sapo_studio.store.db import Store
from sapo_ui.services import tasks

Answer = dict[str, Any]


class EngineStudy(QObject):
    """Measures one thing at a time. It ends with its parent; what was measured by then is kept."""

    progressed = Signal(float)
    """A fraction of 1."""
    ended = Signal()
    """It was measured, failed, or was cancelled: nothing is going on any more."""
    failed = Signal(object)
    """(Exception)"""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.about: Hashable = None
        """What is being measured, as `measure` was told, or was last."""
        self.done = 0.0
        """How far it is, a fraction of 1."""
        self._process: QProcess | None = None
        self._keep: Callable[[Store, Answer], object] | None = None
        self._errors = ""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._give_up)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.end_now)

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._keep is not None

    def measures(self, about: Hashable) -> bool:
        """Whether it is this that is being measured."""
        return self.running and self.about == about

    def measure(
        self,
        about: Hashable,
        ask: Callable[[Store], Request],
        keep: Callable[[Store, Answer], object],
        *,
        seconds: float | None = None,
    ) -> None:
        """Have an engine answer what `ask` makes, within `seconds` if need be, and hand the answer to `keep`; both are
        called in the background. Does nothing while something else is being measured."""
        if self.running:
            return
        if seconds is not None:
            self._patience.start(round(1000 * seconds))
        self.about, self._keep = about, keep
        self._tell(0.0)

        def asked(store: Store) -> tuple[Sequence[str], str]:
            request = ask(store)
            # As text already here: what is asked, and the answer, may be megabytes.
            return client.command_for(request), request.to_json()

        tasks.run(self, asked, self._start, failed=self._fail, key="study")

    def cancel(self) -> None:
        """End it; nothing is kept."""
        process = self._over()
        if process is not None:
            process.finished.disconnect(self._finished)
            process.errorOccurred.disconnect(self._broke)
            pid = process.processId()  # with all that it has started; that takes a moment
            tasks.run(self, lambda _: _end(pid), lambda _: process.deleteLater(), key="cancel")
        self.ended.emit()

    def end_now(self) -> None:
        """The same where nothing may be left for later: the window closes."""
        process = self._over()
        if process is not None:
            process.finished.disconnect(self._finished)
            process.errorOccurred.disconnect(self._broke)
            _end(process.processId())
            process.waitForFinished(1000)

    def _start(self, asked: tuple[Sequence[str], str]) -> None:
        if not self.running:  # cancelled meanwhile
            return
        (program, *arguments), text = asked
        process = self._process = QProcess(self)
        self._errors = ""
        process.readyReadStandardError.connect(self._hear)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._broke)
        process.start(program, arguments)
        process.write(text.encode())
        process.closeWriteChannel()

    def _hear(self) -> None:
        if self._process is None:
            return
        self._errors += bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        told = [done for line in self._errors.splitlines() if (done := read_progress(line)) is not None]
        if told:
            self._tell(told[-1])

    def _tell(self, done: float) -> None:
        self.done = done
        self.progressed.emit(done)

    def _finished(self, code: int, how: QProcess.ExitStatus) -> None:
        process, keep = self._process, self._keep
        if process is None or keep is None:
            return
        self._hear()
        out = bytes(process.readAllStandardOutput().data()).decode(errors="replace")
        self._process = None
        process.deleteLater()
        errors = self._errors
        status = -code if how == QProcess.ExitStatus.CrashExit else code  # Qt has the signal as a positive number

        def answered(store: Store) -> object:
            return keep(store, client.answer_of(status, out, errors))

        tasks.run(self, answered, self._kept, failed=self._fail, key="study")

    def _kept(self, _: object) -> None:
        self._over()
        self.ended.emit()

    def _broke(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._process = None
            self._fail(EngineError("The engine could not be started", fix="`sapo doctor` says what is missing."))

    def _over(self) -> QProcess | None:
        """Nothing is measured from now on. The process that still does, if there is one."""
        self._patience.stop()
        process, self._process, self._keep = self._process, None, None
        return process

    def _give_up(self) -> None:
        seconds = self._patience.interval() / 1000
        self.cancel()
        self.failed.emit(EngineError(f"The engine has not answered within {seconds:g} seconds"))

    def _fail(self, error: Exception) -> None:
        self._over()
        self.ended.emit()
        self.failed.emit(error)


_of_window: dict[str, EngineStudy] = {}


def of_window(name: str) -> EngineStudy:
    """The study of this name that goes on whichever page is open, and ends with the window."""
    made = _of_window.get(name)
    if made is None or not isValid(made):
        made = _of_window[name] = EngineStudy(QCoreApplication.instance())
    return made


def _end(pid: int) -> None:
    if not pid:
        return  # it was not started yet
    try:
        processes.kill_tree(processes.identify(pid))
    except ProcessLookupError:
        return  # it has just ended by itself
