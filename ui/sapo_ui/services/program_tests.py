"""Running a question's tests against a written program, in an engine process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject

from sapo_studio import engines
from sapo_studio.errors import EngineError, SapoError
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import ProgramTestsRequest
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail
from sapo_ui.services import tasks

PATIENCE = 120.0
"""Seconds until an engine that has not answered is given up."""


@dataclass(frozen=True)
class RunTest:
    """One test. `reason`: what failed, with what was got instead; empty where it passed."""

    test: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class RunTests:
    """The tests of one trajectory, in their order, and the limits they ran under, as a line."""

    trajectory: int
    tests: tuple[RunTest, ...]
    limits: str


def run_tests(
    parent: QObject,
    detail: TraceDetail,
    done: Callable[[RunTests], None],
    failed: Callable[[SapoError], None],
) -> None:
    """Run the tests of a trajectory in the background. It takes a second, and as long as the program does."""

    def work(store: Store) -> RunTests:
        config = queries.get_config(store, detail.run_id)
        task, program = config.task.model_dump(mode="json"), "\n".join(detail.steps)
        request = ProgramTestsRequest(task=task, question=detail.question, program=program)
        with engines.lives_in(config.runtime.engine_python):
            found = ask(request, seconds=PATIENCE)
        tests = tuple(RunTest(str(one["test"]), bool(one["passed"]), str(one["reason"])) for one in found["tests"])
        limits = f"sandbox {found['sandbox']}, limit {found['seconds']:g}\u202fs and {found['memory_mb']}\u202fMB"
        return RunTests(detail.id, tests, limits)

    def went_wrong(error: Exception) -> None:
        failed(error if isinstance(error, SapoError) else EngineError("The tests could not be run", why=str(error)))

    tasks.run(parent, work, done, failed=went_wrong, key="program tests")
