"""What publishing has to know of a run: its models, and what it was configured to do."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.app.exports.checkpoints import Checkpoints, checkpoints_of
from sapo_studio.config.schema import RunConfig
from sapo_studio.store import queries
from sapo_studio.store.db import Store


@dataclass(frozen=True)
class Models:
    """The models of the run called `name`."""

    kept: Checkpoints
    name: str
    config: RunConfig

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.kept.run_id

    @property
    def adapters(self) -> bool:
        """Whether the run trains adapters beside weights that stay as they are."""
        return self.config.model.tuning != "full"


def models_of(store: Store, run_id: str) -> Models:
    """What the run has as far as it is. Raises InputError of an imported file."""
    config = queries.get_config(store, run_id)
    return Models(checkpoints_of(store, run_id), queries.get_run(store, run_id).name, config)
