"""When a run is at its end: a rule of its configuration says so, or all its phases are done."""

from __future__ import annotations

from sapo_engine.parent.store_wait import StoreWait
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import EngineError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.early_stop import stopped_early


class Ending:
    """Whether a run ends early, and whether one that has ended is whole."""

    def __init__(self, store: Store, run_id: str, wait: StoreWait) -> None:
        self._store, self._run_id, self._wait = store, run_id, wait
        self._early = False

    def ends_after(self, config: RunConfig, iteration: int) -> str:
        """Which rule of the configuration ends the run here, in words; empty where none does."""
        why = self._wait.do(lambda: stopped_early(self._store, self._run_id, config, iteration))
        self._early = bool(why)
        return why

    def check_complete(self) -> None:
        """Raises EngineError where phases are missing. Those behind an early end are dropped first."""
        if self._early:
            self._wait.do(lambda: runs.drop_pending_phases(self._store, self._run_id))
        missing = [phase for phase in queries.phases(self._store, self._run_id) if phase.status != "done"]
        if missing:
            raise EngineError(
                "The engine worker says that it is done, but phases are missing",
                why=", ".join(f"{phase.name} {phase.iteration}" for phase in missing[:5]),
                fix="Please report this. The run can be resumed.",
            )
