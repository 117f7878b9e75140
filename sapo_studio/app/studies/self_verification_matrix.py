"""The self-verification error of every verifier V_i with every reasoner M_j of a run, measured by an engine when
somebody asks. What was measured last lies in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError
from sapo_studio.files import cannot_write, write_atomic
from sapo_studio.requests.kinds import EvaluateRequest
from sapo_studio.store import queries
from sapo_studio.store.db import Store

FILE = "self-verification-matrix.json"
"""In a run's folder."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The error of V_`verifier` with M_`reasoner`, a share with its 95 % interval."""

    verifier: int
    reasoner: int
    value: float
    low: float
    high: float
    n: int


def trained_verifiers(store: Store, run_id: str) -> list[int]:
    """The iterations whose verifier is trained."""
    phases = queries.phases(store, run_id)
    return [phase.iteration for phase in phases if phase.name == PhaseName.VERIFIER and phase.status == "done"]


def ask_for(store: Store, run_id: str) -> EvaluateRequest:
    """What to ask an engine. Raises InputError where no verifier is trained yet."""
    if not trained_verifiers(store, run_id):
        raise InputError("No verifier is trained yet", fix="Wait for the phase Verifier.")
    return EvaluateRequest(run=store.run_dir(run_id), matrix=True)


def keep(folder: Path, found: Mapping[str, Any]) -> None:
    """Write down the matrix of an engine's answer in the run's `folder`, in place of an earlier one. Raises
    StoreError where it cannot be written, as where the run was deleted meanwhile: its folder is not made again."""
    try:
        write_atomic(folder / FILE, (json.dumps(found["matrix"], indent=1) + "\n").encode())
    except OSError as error:
        raise cannot_write(folder, error) from error


def kept(folder: Path) -> Sequence[Cell]:
    """What was measured last; nothing where none was, or it cannot be read: it can be measured again."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return [_cell(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _cell(row: Mapping[str, Any]) -> Cell:
    error = row["error"]
    value, low, high = (float(error[name]) for name in ("value", "low", "high"))
    return Cell(int(row["verifier"]), int(row["reasoner"]), value, low, high, int(error["n"]))
