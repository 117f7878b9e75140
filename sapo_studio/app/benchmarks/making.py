"""Making a process benchmark of what is in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sapo_studio.app.benchmarks.candidates import Source, candidates, find_source, questions_trained_on, unknown_in
from sapo_studio.domain.leaks import find_leaks
from sapo_studio.domain.process_benchmark import BenchmarkRow, LabelSource, choose
from sapo_studio.errors import InputError
from sapo_studio.readable import counted
from sapo_studio.store import queries
from sapo_studio.store.benchmarks import BenchmarkInfo, create_benchmark
from sapo_studio.store.codec import row_id
from sapo_studio.store.db import Store

FIXES = {
    "human": "Judge solutions in the window, or take other labels: --labels rollouts, oracle or consensus.",
    "rollouts": "Take a run that has labeled trajectories.",
    "oracle": "Only the arithmetic lab knows the truth of a step; take other labels.",
    "consensus": "Take a run that has labels and a verifier.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which solutions become rows: `per_question` of a question and `size` in all at most (None: as many as there are);
    the share `tuning` of the questions is for thresholds; `held_out` leaves out questions that the runs are trained on.
    """

    labels: LabelSource = "human"
    per_question: int = 2
    size: int | None = None
    tuning: float = 0.2
    seed: int = 0
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A new draft. `known`: solutions whose first error was known; `trained`: those of them on questions that the runs
    are trained on; `waiting`: those of the sources' that still wait for people; `note` says both, empty where there
    are none."""

    benchmark: BenchmarkInfo
    known: int
    trained: int
    waiting: int
    note: str


def make_benchmark(store: Store, name: str, sources: Sequence[str], choice: Choice, *, created_by: str = "") -> Made:
    """Make the next version of `name` from runs and queues. Raises InputError where there is nothing to make it of."""
    found = [find_source(store, text) for text in sources]
    runs = tuple(dict.fromkeys(run for source in found for run in source.runs))
    rows, trained = _looked_at(store, found, runs, choice)
    waiting = _waiting(store, found, rows) if choice.labels == "human" else 0
    kept = [row for row in rows if not (choice.held_out and row.origin["trained"])]
    if not kept:
        raise InputError(
            f"There is nothing to make {name} of",
            why=f"{len(rows):,} solutions of {', '.join(source.name for source in found)} have a known first error"
            + (f", all of them on questions that are trained on ({trained:,})." if rows else ".")
            + (f" {_still(waiting)}" if waiting else ""),
            fix="Leave --held-out out, or judge solutions of other questions." if rows else FIXES[choice.labels],
        )
    chosen = choose(kept, per_question=choice.per_question, size=choice.size, tuning=choice.tuning, seed=choice.seed)
    in_it = sum(bool(row.origin["trained"]) for row in chosen)
    source = {
        "from": [{"kind": one.kind, "name": one.name} for one in found],
        **asdict(choice),
        "trained_on": in_it,
        "waiting": waiting,
        "runs": list(runs),
    }
    made = create_benchmark(store, name, chosen, source=source, created_by=created_by)
    notes = (_note(made, in_it, runs), _still(waiting) if waiting else "")
    return Made(made, len(rows), trained, waiting, " ".join(note for note in notes if note))


def _waiting(store: Store, sources: Sequence[Source], judged: Sequence[BenchmarkRow]) -> int:
    """How many solutions of queues and imported files nobody has judged so far that their first error is known."""
    asked = {identity for source in sources for identity in unknown_in(store, source)}
    numbers = {run: queries.get_number(store, run) for source in sources for run in source.runs}
    known = {row_id(numbers[row.origin["run"]], row.origin["trajectory"]) for row in judged}
    return len(asked - known)


def _still(waiting: int) -> str:
    return f"{counted(waiting, 'solution')} still wait{'s' if waiting == 1 else ''} for people's judgements."


def _looked_at(
    store: Store, sources: Sequence[Source], runs: tuple[str, ...], choice: Choice
) -> tuple[list[BenchmarkRow], int]:
    """All candidates; the origin of each says whether its question is trained on, exactly or nearly. And how many."""
    rows = [row for source in sources for row in candidates(store, source, choice.labels)]
    (leaks,) = find_leaks(questions_trained_on(store, runs), {"it": [row.problem for row in rows]})
    leaked = {leak.measured for leak in leaks.found}
    told = [
        replace(row, origin={**row.origin, "trained": number in leaked}) for number, row in enumerate(rows, start=1)
    ]
    return told, len(leaked)


def _note(made: BenchmarkInfo, trained: int, runs: Sequence[str]) -> str:
    if not trained:
        return ""
    return (
        f"{trained:,} of the {made.rows:,} solutions of {made.title} are of questions that {', '.join(runs)} "
        f"{'is' if len(runs) == 1 else 'are'} trained on: numbers of these runs on it flatter them. "
        "--held-out leaves such questions out."
    )
