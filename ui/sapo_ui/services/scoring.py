"""Scoring an imported file by a verifier from the window: an engine is started for it, watched, and stopped at will."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QProcess, Signal

from sapo_studio.app.imports import scoring
from sapo_studio.app.imports.scoring import Scored, Scorers, Scoring
from sapo_studio.errors import EngineError
from sapo_studio.requests import client
from sapo_studio.requests.wire import read_progress
from sapo_studio.store.db import Store
from sapo_ui.services import tasks


@dataclass(frozen=True)
class _Asked:
    scoring: Scoring
    text: str
    """The request as it travels: written in the background, it may be megabytes."""


def read_scorers(store: Store) -> list[Scorers]:
    """The runs that can score. Call it in a task."""
    return scoring.scorers(store)


class Scorer(QObject):
    """One scoring at a time. Nothing is written unless it comes to its end."""

    progressed = Signal(int, int)
    """(scored, of) Sent while the engine scores."""

    scored = Signal(object)
    """(Scored) The scores are in the store."""

    failed = Signal(object)
    """(Exception) It ended without scores; not sent after `cancel`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._begun = False
        self._out = b""

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._begun

    def start(self, import_id: str, verifier: str) -> None:
        """Score the file `import_id` by `verifier`, RUN/I."""
        self._begun = True

        def ask(store: Store) -> _Asked:
            asked = scoring.asked_for(store, import_id, verifier)
            return _Asked(asked, asked.request.to_json())

        tasks.run(self, ask, self._asked, failed=self._fail, key="ask")

    def cancel(self) -> None:
        """Stop the engine, where there is one, and keep nothing."""
        self._begun = False
        process, self._process = self._process, None
        if process is not None:
            process.disconnect(self)
            process.finished.connect(process.deleteLater)
            process.kill()

    def _asked(self, asked: _Asked) -> None:
        if not self._begun:
            return
        process = self._process = QProcess(self)
        self._out = b""
        process.readyReadStandardOutput.connect(self._read)
        process.errorOccurred.connect(self._could_not_start)

        def ended(code: int) -> None:
            self._ended(asked, code)

        process.finished.connect(ended)
        program, *arguments = client.COMMAND
        process.start(program, arguments)
        process.write(asked.text.encode())
        process.closeWriteChannel()

    def _read(self) -> None:
        if self._process is None:
            return
        self._out += bytes(self._process.readAllStandardOutput().data())
        *lines, rest = self._out.split(b"\n")
        for line in lines:
            told = read_progress(line.decode(errors="replace"))
            if told is not None:
                self.progressed.emit(*told)
        # The answer is the last line: what is told of is done with.
        self._out = lines[-1] + b"\n" if lines and not rest else rest

    def _could_not_start(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            why = self._process.errorString()
            self._drop()
            self._fail(EngineError("The engine could not be started", why=why))

    def _ended(self, asked: _Asked, code: int) -> None:
        if self._process is None:
            return
        self._read()
        out = self._out.decode(errors="replace")
        err = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._drop()

        def keep(store: Store) -> Scored:
            return scoring.keep(store, asked.scoring, client.answer_of(asked.scoring.request, code, out, err))

        tasks.run(self, keep, self._kept, failed=self._fail, key="keep")

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()

    def _kept(self, found: Scored) -> None:
        self._begun = False
        self.scored.emit(found)

    def _fail(self, error: Exception) -> None:
        if self._begun:
            self._begun = False
            self.failed.emit(error)
