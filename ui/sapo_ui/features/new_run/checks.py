"""What a look at the machine finds out about a form's values before Start: the model, the data, what is not installed.

All in the background, and only what a change could have made different is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from sapo_studio.app.set_up.data_look import DataLook, look_at_data, previewed
from sapo_studio.app.set_up.missing import Missing, missing
from sapo_studio.app.set_up.model_check import check_model
from sapo_studio.app.set_up.model_look import ModelLook, look_into
from sapo_studio.config.card_check import trouble_here
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.card_choice import CardTrouble
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.stoppable import Stop
from sapo_studio.store.db import Store
from sapo_ui.features.new_run.field_row import Finding
from sapo_ui.features.new_run.review import Review, forecast_review
from sapo_ui.services import tasks

CARDS = ("runtime.device", "runtime.gpus", "runtime.processes")
"""The settings that ask for cards. What is found out about one holds while all of them stay."""


@dataclass(frozen=True)
class Look:
    """How the model, the data and the machine are looked at, in the background; tests bring their own."""

    model: Callable[[RunConfig], ModelLook] = look_into
    model_files: Callable[[RunConfig], None] = field(
        default=lambda config: check_model(config.model, python=config.runtime.engine_python)
    )
    data: Callable[[RunConfig], DataLook] = look_at_data
    lacking: Callable[[RunConfig], list[Missing]] = missing
    cards: Callable[[RunConfig], CardTrouble | None] = trouble_here
    forecast: Callable[[RunConfig], Review] = forecast_review


class SetupChecks(QObject):
    """`look` again after a value was left. Findings come by `found`, for the field that they are about."""

    found = Signal(str, object)
    """(path, Finding | None)"""
    previewed = Signal(object, str)
    """(DataLook | None, why there is none) The data were looked at, or are not to be; both empty: nothing is read."""
    lacks = Signal(object)
    """(list[Missing]) What is not installed."""

    def __init__(self, parent: QObject, look: Look | None = None) -> None:
        super().__init__(parent)
        self._look = look or Look()
        self._seen: dict[str, object] = {}
        self._going: dict[str, tuple[tasks.Task, Stop]] = {}

    def look(self, config: RunConfig) -> None:
        """Look at whatever of `config` has changed since the last time."""
        runtime = config.runtime
        if self._is_new("model", (config.model, config.task.prompt, config.task.kind, runtime.engine_python)):
            self._model(config)
        if self._is_new("data", (config.task, runtime.engine_python)):
            self._data(config)
        if self._is_new("cards", (runtime.device, runtime.gpus, runtime.processes, runtime.launcher)):
            self._run("cards", lambda store: self._look.cards(config), self._cards, self._bad("runtime.device"))
        tuned = (config.model.tuning, config.optimiser.kind, runtime.backend, runtime.engine_python)
        if self._is_new("lacks", (*tuned, config.task.train_data, config.task.test_data)):
            self._run("lacks", lambda store: self._look.lacking(config), self.lacks.emit, self._no_engine)

    def _is_new(self, what: str, of: object) -> bool:
        if self._seen.get(what) == of:
            return False
        self._seen[what] = of
        return True

    def forget(self) -> None:
        """Look at everything the next time: the files may be others."""
        self._seen.clear()

    def leave(self) -> None:
        """Nobody waits for the answers any more: end the programs that work on them, and free the threads that wait."""
        for key in list(self._going):
            self._end(key)
        self.forget()

    def _end(self, key: str) -> None:
        task, stop = self._going.pop(key)
        task.cancel()
        stop.stop()

    def _run(
        self,
        key: str,
        work: Callable[[Store], object],
        done: Callable[[object], object],
        failed: Callable[[SapoError], object],
    ) -> None:
        if key in self._going:  # of an earlier value: its answer would only be waited for
            self._end(key)
        stop = Stop()

        def reached(store: Store) -> object:
            with stop.reaches():
                return work(store)

        def arrived(result: object) -> None:
            del self._going[key]
            done(result)

        def told(error: Exception) -> None:
            del self._going[key]
            if not isinstance(error, SapoError):
                raise error
            failed(error)

        self._going[key] = tasks.run(self, reached, arrived, failed=told, key=key), stop

    def _cards(self, trouble: object) -> None:
        at = f"runtime.{trouble.key}" if isinstance(trouble, CardTrouble) else ""
        for path in CARDS:
            if path != at:
                self.found.emit(path, None)
        if isinstance(trouble, CardTrouble):
            self.found.emit(at, Finding(f"{trouble.what}. {trouble.why}", "bad", trouble.value))

    def _model(self, config: RunConfig) -> None:
        path = "model.source"
        if "files" in self._going:
            self._end("files")  # of the model before

        def known(look: object) -> None:
            assert isinstance(look, ModelLook)
            self.found.emit(path, Finding(look.summary))
            chat = config.task.prompt == "chat" and look.template is False
            self.found.emit("task.prompt", Finding("the model has no chat template", "bad") if chat else None)
            self._run("files", lambda store: self._look.model_files(config), lambda _: None, self._bad(path))

        self._run("model", lambda store: self._look.model(config), known, self._bad(path))

    def _data(self, config: RunConfig) -> None:
        path = "task.train_data"
        if not previewed(config):
            on_hub = TASK_KINDS[config.task.kind].written
            self.found.emit(path, Finding("on the Hub: read when the run starts", "muted") if on_hub else None)
            self.previewed.emit(None, "")
            return

        def known(look: object) -> None:
            assert isinstance(look, DataLook)
            self.found.emit(path, Finding(look.summary, "warning" if look.bad or look.leaks else "good"))
            self.previewed.emit(look, "")

        def failed(error: SapoError) -> None:
            self._bad(path)(error)
            self.previewed.emit(None, str(error))

        self.previewed.emit(None, "Reading the data\u2026")
        self._run("data", lambda store: self._look.data(config), known, failed)

    def _bad(self, path: str) -> Callable[[SapoError], None]:
        """What is wrong with the value is marked; an engine that cannot be asked leaves it open."""

        def failed(error: SapoError) -> None:
            if isinstance(error, EngineError):
                self.found.emit(path, Finding(f"could not be looked at: {error.what}", "warning"))
            else:
                self.found.emit(path, Finding(": ".join(part for part in (error.what, error.why) if part), "bad"))

        return failed

    def _no_engine(self, error: SapoError) -> None:
        self.lacks.emit([])
        tone = "bad" if isinstance(error, InputError) else "warning"
        self.found.emit("runtime.engine_python", Finding(f"{error.what}. {error.why}".strip(), tone))
