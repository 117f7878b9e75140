"""Which models a run has: its reasoners and verifiers by iteration, and where the run keeps them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.publishing.folder import new_folder
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import queries
from sapo_studio.store.db import Store

ADAPTER = "adapter"


@dataclass(frozen=True)
class Models:
    """`reasoners` and `verifiers`: by iteration, the folder of the phase that made each (0: the warm-up; V_0 is the
    first verifier)."""

    run_id: str
    name: str
    config: RunConfig
    reasoners: Mapping[int, Path]
    verifiers: Mapping[int, Path]

    @property
    def adapters(self) -> bool:
        """Whether the run trains adapters beside weights that stay as they are."""
        return self.config.model.tuning != "full"

    def reasoner(self, iteration: int | None = None) -> tuple[int, Path]:
        """The iteration (None: the newest) and the folder of its reasoner, a model's or an adapter's. Raises
        InputError, StoreError where it is not there."""
        if not self.reasoners:
            raise InputError(
                f"Run {self.run_id} has no model yet",
                fix=f"Its warm-up has to be done first: `sapo resume {self.run_id}` if it has ended.",
            )
        chosen = _chosen(self.run_id, "model", self.reasoners, iteration)
        made = self.reasoners[chosen]
        return chosen, _kept(made / ADAPTER if (made / ADAPTER).is_dir() else made / "model", "model", chosen)

    def verifier(self, iteration: int | None = None) -> tuple[int, Path]:
        """The same of its verifier."""
        if not self.verifiers:
            raise InputError(
                f"Run {self.run_id} has no verifier yet",
                fix=f"Its first one has to be trained first: `sapo resume {self.run_id}` if it has ended.",
            )
        chosen = _chosen(self.run_id, "verifier", self.verifiers, iteration)
        return chosen, _kept(self.verifiers[chosen] / "verifier", "verifier", chosen)


def models_of(store: Store, run_id: str) -> Models:
    """What the run has as far as it is. Raises InputError of an imported file."""
    inside = store.run_dir(run_id) / "artefacts"
    config = queries.get_config(store, run_id)
    done = [phase for phase in queries.phases(store, run_id) if phase.status == "done"]
    made = {
        phase.iteration: inside / phase.artefact for phase in done if phase.name in (PhaseName.SFT, PhaseName.ALIGN)
    }
    judges = {phase.iteration: inside / phase.artefact for phase in done if phase.name == PhaseName.VERIFIER}
    return Models(run_id, queries.get_run(store, run_id).name, config, made, judges)


@dataclass(frozen=True, slots=True)
class CopiedModel:
    """The reasoner of an iteration that was copied; of an adapter (LoRA) the model that it belongs to, else ""."""

    iteration: int
    base: str


def copy_model(store: Store, run_id: str, target: Path, *, iteration: int | None = None) -> CopiedModel:
    """Copy the reasoner M of an iteration (0: after the warm-up; default: the newest) as the run keeps it to the new
    folder `target`.

    It is an ordinary transformers model folder, or of a run that trains adapters a peft folder. Raises InputError,
    StoreError.
    """
    models = models_of(store, run_id)
    chosen, origin = models.reasoner(iteration)
    with new_folder(target) as partial:
        shutil.copytree(origin, partial, dirs_exist_ok=True)
    return CopiedModel(chosen, models.config.model.source if origin.name == ADAPTER else "")


def _chosen(run_id: str, what: str, made: Mapping[int, Path], iteration: int | None) -> int:
    chosen = max(made) if iteration is None else iteration
    if chosen not in made:
        there = ", ".join(map(str, sorted(made)))
        raise InputError(f"Run {run_id} has no {what} of iteration {chosen}", fix=f"There are: {there}.")
    return chosen


def _kept(folder: Path, what: str, iteration: int) -> Path:
    if not folder.is_dir():
        raise StoreError(
            f"The {what} of iteration {iteration} is no longer at {folder}", fix="Resume or repeat the run."
        )
    return folder
