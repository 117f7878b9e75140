"""The networks that a run keeps: its reasoners and verifiers by iteration, where they lie, and a copy of one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import cannot_write, new_folder
from sapo_studio.paths import user_path
from sapo_studio.store import queries
from sapo_studio.store.db import Store

_ADAPTER = "adapter"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the networks of an iteration lie.

    `reasoner`: the reasoner after it (0: after the warm-up), a transformers folder, or of a run that trains adapters
    (LoRA) a peft folder; `base` is then the model that they belong to, else "". `verifier`: V_i, which the iteration
    trained, its network or its adapters with its head beside; None where it trained none or its folder is gone.
    """

    iteration: int
    reasoner: Path
    base: str
    verifier: Path | None


@dataclass(frozen=True)
class Checkpoints:
    """`reasoners` and `verifiers`: by iteration, the folder of the phase that made each (0: the warm-up; V_0 is the
    first verifier)."""

    run_id: str
    reasoners: Mapping[int, Path]
    verifiers: Mapping[int, Path]

    def reasoner(self, iteration: int | None = None) -> tuple[int, Path]:
        """The iteration (None: the newest) and the folder of its reasoner: a transformers folder, or of a run that
        trains adapters a peft folder. Raises InputError where there is none, StoreError where its folder is gone."""
        if not self.reasoners:
            raise InputError(f"Run {self.run_id} has no model yet", fix=self._first("warm-up"))
        chosen = self._chosen("model", self.reasoners, iteration)
        made = self.reasoners[chosen]
        return chosen, _kept(made / _ADAPTER if (made / _ADAPTER).is_dir() else made / "model", "model", chosen)

    def verifier(self, iteration: int | None = None) -> tuple[int, Path]:
        """The same of the verifier V_i that an iteration trained: its backbone or its adapters, and its head."""
        if not self.verifiers:
            raise InputError(f"Run {self.run_id} has no verifier yet", fix=self._first("first iteration"))
        chosen = self._chosen("verifier", self.verifiers, iteration)
        return chosen, _kept(self.verifiers[chosen] / "verifier", "verifier", chosen)

    def _first(self, what: str) -> str:
        return f"Its {what} has to be done first: `sapo resume {self.run_id}` if it has ended."

    def _chosen(self, what: str, made: Mapping[int, Path], iteration: int | None) -> int:
        chosen = max(made) if iteration is None else iteration
        if chosen not in made:
            there = ", ".join(map(str, sorted(made)))
            raise InputError(f"Run {self.run_id} has no {what} of iteration {chosen}", fix=f"There are: {there}.")
        return chosen


def _kept(folder: Path, what: str, iteration: int) -> Path:
    if not folder.is_dir():
        raise StoreError(
            f"The {what} of iteration {iteration} is no longer at {folder}", fix="Resume or repeat the run."
        )
    return folder


def checkpoints_of(store: Store, run_id: str) -> Checkpoints:
    """What the run has as far as it is."""
    inside = store.run_dir(run_id) / "artefacts"
    done = [phase for phase in queries.phases(store, run_id) if phase.status == "done"]
    reasoners = {
        phase.iteration: inside / phase.artefact for phase in done if phase.name in (PhaseName.SFT, PhaseName.ALIGN)
    }
    verifiers = {phase.iteration: inside / phase.artefact for phase in done if phase.name == PhaseName.VERIFIER}
    return Checkpoints(run_id, reasoners, verifiers)


def checkpoint(store: Store, run_id: str, iteration: int | None = None) -> Checkpoint:
    """That of an iteration; None: of the newest that has a reasoner. Raises as `Checkpoints.reasoner` does."""
    kept = checkpoints_of(store, run_id)
    chosen, reasoner = kept.reasoner(iteration)
    base = queries.get_config(store, run_id).model.source if reasoner.name == _ADAPTER else ""
    verifier = kept.verifiers.get(chosen)
    there = verifier is not None and (verifier / "verifier").is_dir()
    return Checkpoint(chosen, reasoner, base, verifier / "verifier" if verifier is not None and there else None)


def copy_model(store: Store, run_id: str, target: Path, *, iteration: int | None = None) -> Checkpoint:
    """Copy the reasoner of an iteration (0: after the warm-up; None: the newest) as the run keeps it to the new folder
    `target`. Returns what was copied. Raises InputError, StoreError.
    """
    found = checkpoint(store, run_id, iteration)
    target = user_path(str(target))
    try:
        with new_folder(target) as partial:
            shutil.copytree(found.reasoner, partial, dirs_exist_ok=True)
    except OSError as error:
        raise cannot_write(target, error) from error
    return found
