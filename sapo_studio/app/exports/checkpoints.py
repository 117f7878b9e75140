"""The folders in which a run keeps the networks of an iteration."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import queries
from sapo_studio.store.db import Store

_REASONERS = (PhaseName.SFT, PhaseName.ALIGN)


@dataclass(frozen=True, slots=True)
class NetworkFolder:
    """Where a network of an iteration lies. `base`: of a reasoner that is an adapter (LoRA) the model that it belongs
    to, else ""."""

    iteration: int
    folder: Path
    base: str = ""


def reasoner_folder(store: Store, run_id: str, iteration: int | None = None) -> NetworkFolder:
    """The reasoner after an iteration (0: after the warm-up; None: the newest): a transformers folder, or of a run that
    trains adapters a peft folder. Raises InputError where there is none, StoreError where its folder is gone.
    """
    chosen, artefact = _artefact(store, run_id, iteration, _REASONERS, "model")
    adapter = (artefact / "adapter").is_dir()
    folder = _there(artefact / ("adapter" if adapter else "model"), "model", chosen)
    return NetworkFolder(chosen, folder, queries.get_config(store, run_id).model.source if adapter else "")


def verifier_folder(store: Store, run_id: str, iteration: int | None = None) -> NetworkFolder:
    """The verifier V_i that an iteration trained (None: the newest): its backbone or its adapters, and its head. Raises
    as `reasoner_folder` does.
    """
    chosen, artefact = _artefact(store, run_id, iteration, (PhaseName.VERIFIER,), "verifier")
    return NetworkFolder(chosen, _there(artefact / "verifier", "verifier", chosen))


def _artefact(store: Store, run_id: str, iteration: int | None, phases: Collection[str], what: str) -> tuple[int, Path]:
    made = {
        phase.iteration: phase.artefact
        for phase in queries.phases(store, run_id)
        if phase.status == "done" and phase.name in phases
    }
    if not made:
        raise InputError(f"Run {run_id} has no {what} yet", fix="Wait until its warm-up is done.")
    chosen = max(made) if iteration is None else iteration
    if chosen not in made:
        raise InputError(
            f"Run {run_id} has no {what} of iteration {chosen}", fix=f"There are: {', '.join(map(str, sorted(made)))}."
        )
    return chosen, store.run_dir(run_id) / "artefacts" / made[chosen]


def _there(folder: Path, what: str, iteration: int) -> Path:
    if not folder.is_dir():
        raise StoreError(
            f"The {what} of iteration {iteration} is no longer at {folder}", fix="Resume or repeat the run."
        )
    return folder
