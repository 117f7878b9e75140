"""What the window can do to a run.

Every method may write to the store or start a process, so call them in a task, never on the GUI thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sapo_studio import engines, supervisor
from sapo_studio.config.card_check import check_cards
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import Verb
from sapo_studio.store import runs
from sapo_studio.store.db import Store

SENDER = "window"
"""How the window signs its command rows."""


class RunControl(Protocol):
    """What is done to a run. `SupervisorControl` does it; tests bring their own."""

    def start(self, store: Store, config: RunConfig, preset: str) -> str:
        """Create a run and launch its engine. Returns the run's id. InputError, with no run made, where it asks for
        cards that are not there; NoEngine where there is none."""
        ...

    def resume(self, store: Store, run_id: str) -> None:
        """Launch an engine for a run that has none, or let a paused one go on."""
        ...

    def resume_with(self, store: Store, run_id: str, settings: Sequence[str]) -> None:
        """The same with other values from now on (`section.key=value`, as far as they may change)."""
        ...

    def request(self, store: Store, run_id: str, verb: Verb) -> None:
        """Leave a command for a running engine."""
        ...

    def kill(self, store: Store, run_id: str) -> str:
        """End a run's engine at once. Returns what became of its processes and cards, in words."""
        ...

    def rename(self, store: Store, run_id: str, name: str) -> None:
        """Give a run another name."""
        ...

    def delete(self, store: Store, run_id: str) -> None:
        """Delete a run that is not alive, with everything it wrote."""
        ...


class SupervisorControl:
    """Does it by command rows and the supervisor."""

    def start(self, store: Store, config: RunConfig, preset: str) -> str:
        """Create a run and launch its engine. Returns the run's id."""
        engines.check_there(config.runtime.engine_python)
        check_cards(config)
        run_id = runs.create_run(store, config, preset)
        supervisor.launch(store, run_id)
        return run_id

    def resume(self, store: Store, run_id: str) -> None:
        """Launch an engine for a run that has none, or let a paused one go on."""
        supervisor.resume(store, run_id, SENDER)

    def resume_with(self, store: Store, run_id: str, settings: Sequence[str]) -> None:
        """The same with other values from now on (`section.key=value`, as far as they may change)."""
        supervisor.resume(store, run_id, SENDER, settings)

    def request(self, store: Store, run_id: str, verb: Verb) -> None:
        """Leave a command for a running engine."""
        {
            Verb.PAUSE: supervisor.pause,
            Verb.RESUME: supervisor.resume,
            Verb.STOP_AFTER_PHASE: supervisor.stop_after_phase,
            Verb.STOP: supervisor.stop,
            Verb.CHECKPOINT: supervisor.checkpoint,
        }[verb](store, run_id, SENDER)

    def kill(self, store: Store, run_id: str) -> str:
        """End a run's engine at once. Returns what became of its processes and cards, in words."""
        return supervisor.kill(store, run_id).words

    def rename(self, store: Store, run_id: str, name: str) -> None:
        """Give a run another name."""
        runs.rename_run(store, run_id, name)

    def delete(self, store: Store, run_id: str) -> None:
        """Delete a run that is not alive, with everything it wrote."""
        runs.delete_run(store, run_id)
