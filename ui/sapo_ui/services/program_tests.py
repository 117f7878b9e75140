"""Running a question's tests against a written program, in an engine process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sapo_studio.requests.kinds import ProgramTestsRequest
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail

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


class TestsJob:
    """The tests of one trajectory, for an `EngineStudy`, which calls `ask` and then `keep`, both in a task."""

    __test__ = False  # it is no test

    def __init__(self, detail: TraceDetail) -> None:
        self.detail = detail
        self.results: RunTests | None = None
        """What came of them; None until they have been run."""

    def ask(self, store: Store) -> ProgramTestsRequest:
        """What an engine is asked."""
        run_id = self.detail.run_id
        return ProgramTestsRequest(
            run=store.run_dir(run_id),
            task=queries.get_config(store, run_id).task.model_dump(mode="json"),
            question=self.detail.question,
            program="\n".join(self.detail.steps),
        )

    def keep(self, store: Store, found: dict[str, Any]) -> None:
        """Take its answer."""
        del store
        tests = tuple(RunTest(str(one["test"]), bool(one["passed"]), str(one["reason"])) for one in found["tests"])
        limits = f"sandbox {found['sandbox']}, limit {found['seconds']:g}\u202fs and {found['memory_mb']}\u202fMB"
        self.results = RunTests(self.detail.id, tests, limits)
