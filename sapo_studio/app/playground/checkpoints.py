"""What can be tried: the reasoners of all runs, the models that they started from, and the verifiers that read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.errors import InputError, SapoError
from sapo_studio.files import read_manifest
from sapo_studio.requests.play import Checkpoint, Scorer
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary

C = TypeVar("C", "CheckpointChoice", "VerifierChoice")

CONFIG = "config.toml"
GONE = "It has not begun yet, its folder is gone, or its configuration cannot be read."
SEPARATOR = "@"
"""Between a run and one of its iterations, as people type them: `lab-demo@3`."""


@dataclass(frozen=True, slots=True)
class VerifierChoice:
    """A verifier that can score. `name` names it among all, `short` among those of its run: `V3`."""

    ref: Scorer
    run_id: str
    name: str
    short: str
    iteration: int


@dataclass(frozen=True, slots=True)
class CheckpointChoice:
    """A reasoner that can be asked.

    `name` names it among all: `lab-demo, M3`; `short` among those of its run: `M3 · after alignment 2`. `verifiers`
    are those that can read what it writes; `verifier` is the newest of its run, whatever the iteration, so that two
    reasoners of a run are read by the same one. `learns` is the kind of its task.
    """

    ref: Checkpoint
    run_id: str
    run_name: str
    name: str
    short: str
    iteration: int
    final: bool
    learns: str
    verifiers: tuple[VerifierChoice, ...]
    verifier: VerifierChoice | None


def checkpoints(store: Store) -> list[CheckpointChoice]:
    """All reasoners in the store, the newest run first, the newest reasoner of each run first, its base model last.

    Only those that lie whole in their run's folder; a run that is at work has those of the iterations that it has done.
    Runs that have not begun, and those whose configuration cannot be read, are passed over.
    """
    known: list[tuple[RunSummary, RunConfig, Path]] = []
    for run in queries.list_runs(store):
        if run.imported or run.binned_at is not None:
            continue
        try:
            config, folder = queries.get_config(store, run.id), store.run_dir(run.id)
        except SapoError:  # a damaged row says so where runs are listed
            continue
        if (folder / CONFIG).is_file():  # an engine asks its base model as this says: it is there once a run begins
            known.append((run, config, folder))
    verifiers = {run.id: _verifiers(run, folder) for run, _, folder in known}
    found: list[CheckpointChoice] = []
    for run, config, folder in known:
        related = (other.id for other, theirs, _ in known if other.id != run.id and _reads(theirs, config))
        others = [verifier for other in related for verifier in verifiers[other]]
        found += _reasoners(run, config, folder, verifiers[run.id], others)
    return found


def find_checkpoint(store: Store, text: str) -> CheckpointChoice:
    """The reasoner that a person means by RUN (its last) or RUN@I. Raises InputError that says which there are."""
    named, number = _parted(text)
    run_id = queries.find_own_run(store, named)
    mine = [one for one in checkpoints(store) if one.run_id == run_id]
    if not mine:
        raise InputError(f"{run_id} has no reasoner", why=GONE)
    if not number:
        return mine[0]
    return _numbered(mine, run_id, number, "reasoner M")


def find_verifier(store: Store, text: str) -> VerifierChoice:
    """The verifier that a person means by RUN (its last) or RUN@I. Raises InputError that says which there are."""
    named, number = _parted(text)
    run_id = queries.find_own_run(store, named)
    mine = _verifiers(queries.get_run(store, run_id), store.run_dir(run_id))
    if not mine:
        raise InputError(f"{run_id} has no verifier", fix="Let it finish an iteration, or name another run.")
    return mine[0] if not number else _numbered(mine, run_id, number, "verifier V")


def _parted(text: str) -> tuple[str, str]:
    """The run and the number behind it; runs may have the separator in their names."""
    named, at, number = text.rpartition(SEPARATOR)
    return (named, number) if at and number.isdecimal() else (text, "")


def _numbered(mine: Sequence[C], run_id: str, number: str, what: str) -> C:
    for one in mine:
        if one.iteration == int(number[:9]):
            return one
    have = ", ".join(str(one.iteration) for one in reversed(mine))
    raise InputError(f"{run_id} has no {what}{number}", fix=f"It has {have}.")


def _iterations(folder: Path, phase: str) -> list[int]:
    """The iterations of which a whole artefact of `phase` lies in a run's folder, in order."""
    found: list[int] = []
    for place in (folder / "artefacts").glob(f"*-{phase}-*"):
        name, _, number = place.name.partition("-")[2].rpartition("-")
        if name == phase and number.isdecimal() and read_manifest(place) is not None:
            found.append(int(number))
    return sorted(found)


def _verifiers(run: RunSummary, folder: Path) -> list[VerifierChoice]:
    return [
        VerifierChoice(Scorer(run=folder, iteration=i), run.id, f"{run.name}, V{i}", f"V{i}", i)
        for i in reversed(_iterations(folder, "verifier"))
    ]


def _reasoners(
    run: RunSummary, config: RunConfig, folder: Path, own: list[VerifierChoice], others: Iterable[VerifierChoice]
) -> list[CheckpointChoice]:
    numbers = [1] if _iterations(folder, "sft") else []
    numbers += [i + 1 for i in _iterations(folder, "align")]
    final = max(numbers, default=0)
    readers = (*own, *others)
    made: list[CheckpointChoice] = []
    for number in (*reversed(numbers), 0):
        short = _short(number, final)
        made.append(
            CheckpointChoice(
                ref=Checkpoint(run=folder, iteration=number),
                run_id=run.id,
                run_name=run.name,
                name=f"{run.name}, {short}",
                short=short,
                iteration=number,
                final=number == final and number > 0,
                learns=config.task.kind,
                verifiers=readers,
                verifier=own[0] if own else None,
            )
        )
    return made


def _short(number: int, final: int) -> str:
    if number == 0:
        return "base model"
    told = "warmed up" if number == 1 else f"after alignment {number - 1}"
    return f"M{number} ({told}{', final' if number == final > 1 else ''})"


def _reads(verifier: RunConfig, reasoner: RunConfig) -> bool:
    """Whether verifiers of one run can read what the other's reasoners write. Those of the lab know the lab's words
    alone, each wording its own; all others read any text, and are of use where the task is of their kind."""
    if LAB in (verifier.task.kind, reasoner.task.kind):
        return verifier.task.kind == reasoner.task.kind and verifier.task.asks == reasoner.task.asks
    return verifier.task.kind == reasoner.task.kind
