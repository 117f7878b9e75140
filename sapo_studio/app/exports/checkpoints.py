"""The folders in which a run keeps the networks of an iteration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError, StoreError
from sapo_studio.store import queries
from sapo_studio.store.db import Store

_REASONERS = (PhaseName.SFT, PhaseName.ALIGN)


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


def checkpoint(store: Store, run_id: str, iteration: int | None = None) -> Checkpoint:
    """That of an iteration; None: of the newest that has a reasoner. Raises InputError where there is none, StoreError
    where the reasoner's folder is gone.
    """
    phases = [phase for phase in queries.phases(store, run_id) if phase.status == "done"]
    made = {phase.iteration: phase.artefact for phase in phases if phase.name in _REASONERS}
    if not made:
        raise InputError(f"Run {run_id} has no model yet", fix="Wait until its warm-up is done.")
    chosen = max(made) if iteration is None else iteration
    if chosen not in made:
        raise InputError(
            f"Run {run_id} has no model of iteration {chosen}", fix=f"There are: {', '.join(map(str, sorted(made)))}."
        )
    artefacts = store.run_dir(run_id) / "artefacts"
    adapter = (artefacts / made[chosen] / "adapter").is_dir()
    reasoner = artefacts / made[chosen] / ("adapter" if adapter else "model")
    if not reasoner.is_dir():
        raise StoreError(f"The model of iteration {chosen} is no longer at {reasoner}", fix="Resume or repeat the run.")
    verifiers = [phase.artefact for phase in phases if (phase.name, phase.iteration) == (PhaseName.VERIFIER, chosen)]
    verifier = next((folder for name in verifiers if (folder := artefacts / name / "verifier").is_dir()), None)
    base = queries.get_config(store, run_id).model.source if adapter else ""
    return Checkpoint(chosen, reasoner, base, verifier)
