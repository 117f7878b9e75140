"""Runs beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sapo_studio.app.comparison.configuration import Configured, configured, identities, rows_of
from sapo_studio.app.comparison.groups import group, group_places, labels
from sapo_studio.app.comparison.measured import Measured, measured
from sapo_studio.app.comparison.metrics import BY_SOLUTION, SHOWN
from sapo_studio.app.comparison.pairing import SideOf, corrected, difference
from sapo_studio.app.comparison.paper import figures
from sapo_studio.app.comparison.picking import pick_all
from sapo_studio.app.comparison.records import (
    ComparedRun,
    Comparison,
    Configuration,
    PairedDifference,
    Picked,
    RunGroup,
)
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store.benchmark_hits import benchmark_hits
from sapo_studio.store.db import Store
from sapo_studio.store.question_answers import Answers, answers_of
from sapo_studio.store.records import ConfigChange

MOST = 200
"""Runs at a time."""
_GOING = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)
_NO_ANSWERS = Answers.nothing()


def compare(
    store: Store,
    runs: Sequence[str | Picked],
    *,
    baseline: str | Picked | None = None,
    metrics: Sequence[str] = ("greedy_accuracy",),
    set: str = "",
    iteration: int | None = None,
    common: bool = False,
    every_pair: bool = False,
    by_seed: bool = True,
) -> Comparison:
    """`runs` (ids, or what `picking.pick` takes) beside each other; one alone is allowed, and has no differences.

    `baseline`: one of them, the first without it. `metrics`: what is tested, by name in the store (`metrics.SHOWN`).
    `set`: an evaluation set; '' for the run's own test questions. `iteration`: the one to compare of runs that were
    picked without one; None: the last that each has evaluated. `common`: compare on the questions that both sides have,
    where these differ. `every_pair`: not only with the baseline. `by_seed`: runs of one configuration form a group.

    Raises InputError for no run, one given twice, an imported file, a run that is not there, a baseline that is not
    among them, a set that none of them was measured on, a metric that is none, an iteration that was not evaluated.
    """
    if not 1 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs cannot be compared", fix=f"Name one to {MOST}.")
    for metric in metrics:
        if metric not in SHOWN:
            raise InputError(f"Runs are not compared by {metric!r}", fix=f"There are: {', '.join(SHOWN)}.")
    found = [measured(store, picked, set, iteration) for picked in pick_all(store, runs)]
    _refuse_twice(found)
    against = _place_of_baseline(store, found, baseline, iteration)
    sets = tuple(dict.fromkeys(["", *(name for run in found for name in run.sets)]))
    if set and set not in sets:
        known = ", ".join(name for name in sets if name) or "none"
        raise InputError(f"None of the runs was measured on a set {set!r}", fix=f"Their sets: {known}.")

    configs = [configured(store, run.run.id) for run in found]
    places = group_places(found, configs) if by_seed else [[place] for place in range(len(found))]
    shown = labels(found)
    groups = [
        group([found[p] for p in mine], [configs[p].seed for p in mine], [shown[p] for p in mine]) for mine in places
    ]
    of_run = {place: at for at, mine in enumerate(places) for place in mine}
    last = [_answers(store, run, run.iteration, set) for run in found]
    sides = [
        _side(store, groups[at], [found[p] for p in mine], [last[p] for p in mine], set, metrics)
        for at, mine in enumerate(places)
    ]
    differences = _differences(sides, of_run[against], metrics, common=common, every_pair=every_pair)
    different, equal = rows_of([str(run.picked) for run in found], configs, against)
    stand_on = identities(store, [run.run.id for run in found], configs, last, set)
    names = {name for run in found for values in run.values.values() for name in values}
    return Comparison(
        runs=tuple(_compared(run, shown[p], of_run[p], configs[p], last[p], set) for p, run in enumerate(found)),
        groups=tuple(groups),
        baseline=of_run[against],
        set=set,
        sets=sets,
        metrics=tuple(name for name in SHOWN if name in names),
        tested=tuple(metrics),
        configuration=Configuration(different, equal, stand_on),
        differences=differences,
        questions=_questions_told(last, [config.seed for config in configs]),
        notes=tuple(_notes(groups, differences)),
    )


def _refuse_twice(found: Sequence[Measured]) -> None:
    """Raises InputError where a run is there twice: with itself it always agrees."""
    counts = Counter((run.run.id, run.iteration) for run in found)
    twice = [identity for (identity, _), count in counts.items() if count > 1]
    if twice:
        raise InputError(
            f"{', '.join(twice)} {'is' if len(twice) == 1 else 'are'} given twice",
            why="A run differs from itself in nothing.",
            fix="Name it once, or at two iterations: RUN@1 RUN@3.",
        )


def _place_of_baseline(
    store: Store, found: Sequence[Measured], baseline: str | Picked | None, iteration: int | None
) -> int:
    if baseline is None:
        return 0
    (wanted,) = pick_all(store, [baseline])
    if wanted.iteration is None and iteration is not None:
        wanted = Picked(wanted.run_id, iteration)
    for place, run in enumerate(found):
        if run.picked == wanted:
            return place
    of_run = [place for place, run in enumerate(found) if run.run.id == wanted.run_id]
    if len(of_run) == 1 and wanted.iteration is None:
        return of_run[0]
    among = ", ".join(str(run.picked) for run in found[:8])
    raise InputError(f"The baseline {wanted} is not among the runs", fix=f"Choose one of them: {among}.")


def _answers(store: Store, run: Measured, iteration: int | None, set: str) -> Answers:
    return _NO_ANSWERS if iteration is None else answers_of(store, run.run.id, iteration, set)


def _side(
    store: Store,
    mine: RunGroup,
    runs: Sequence[Measured],
    last: Sequence[Answers],
    set: str,
    metrics: Sequence[str],
) -> SideOf:
    """What stands behind a group at its iteration, which of several is not the last that each of them has been
    through."""
    if mine.iteration is None:
        return SideOf(mine, (), ())
    answers = [
        known if run.iteration == mine.iteration else _answers(store, run, mine.iteration, set)
        for run, known in zip(runs, last, strict=True)
    ]
    verifiers = runs if {*metrics} & {*BY_SOLUTION} else ()
    judged = tuple(benchmark_hits(store, run.run.id, mine.iteration) for run in verifiers)
    return SideOf(mine, tuple(run.values[mine.iteration] for run in runs), tuple(answers), judged)


def _differences(
    sides: Sequence[SideOf], baseline: int, metrics: Sequence[str], *, common: bool, every_pair: bool
) -> tuple[PairedDifference, ...]:
    others = [place for place in range(len(sides)) if place != baseline]
    pairs = [(place, baseline) for place in others]
    if every_pair:
        pairs += [(a, b) for at, a in enumerate(others) for b in others[at + 1 :]]
    return corrected([difference(sides, a, b, metric, common=common) for metric in metrics for a, b in pairs])


def _compared(run: Measured, label: str, at: int, config: Configured, answers: Answers, set: str) -> ComparedRun:
    iteration = run.iteration
    paper_method, paper = ("", {}) if set or config.config is None else figures(config.config)
    return ComparedRun(
        picked=run.picked,
        number=run.run.number,
        name=run.run.name,
        label=label,
        group=at,
        seed=config.seed,
        status=run.run.status,
        going=run.run.status in _GOING,
        iterations=run.run.iterations,
        iteration=iteration,
        values={} if iteration is None else run.values[iteration],
        curves=run.curves(),
        compute=None if iteration is None else run.compute.get(iteration),
        seconds=None if iteration is None else run.seconds.get(iteration),
        questions=len(answers),
        paper=paper,
        paper_method=paper_method,
        changes=config.changes,
        notes=tuple(_notes_of(run, label, config, set)),
    )


def _notes_of(run: Measured, label: str, config: Configured, set: str) -> list[str]:
    status, of = run.run.status, run.run.iterations
    notes: list[str] = []
    where = (
        "nothing has been evaluated yet" if run.iteration is None else f"iteration {run.iteration} of {of} is compared"
    )
    if status in _GOING:
        notes.append(f"{label} is still {'waiting' if status is RunStatus.QUEUED else 'going'}: {where}.")
    elif run.iteration is None and (set or status is RunStatus.DONE):
        notes.append(f"{label} was not measured on {set or 'test questions'}.")
    elif run.picked.iteration is None and (run.iteration is None or run.iteration < of):
        how = "ended early" if status is RunStatus.DONE else f"is {status.value}"
        notes.append(f"{label} {how}: {where}.")
    if config.config is None:
        notes.append(f"{label} was configured by another version: keys that it left out are compared as not set.")
    if config.changes:
        notes.append(f"{label} was resumed with {', '.join(map(_change, config.changes))}.")
    return notes


def _change(one: ConfigChange) -> str:
    return f"{one.key} = {one.after} (it was {one.before})"


def _questions_told(answers: Sequence[Answers], seeds: Sequence[int]) -> str:
    """Whether all have answered the same questions, in words."""
    kept = [(found, seed) for found, seed in zip(answers, seeds, strict=True) if len(found)]
    if not kept:
        return "single answers are not kept"
    if len(kept) < len(answers):
        return f"{len(answers) - len(kept)} of {len(answers)} runs keep no single answers"
    first = kept[0][0].keys
    if all(found.keys == first for found, _ in kept):
        return f"the same {len(first):,} questions" if len(kept) > 1 else f"{len(first):,} questions"
    counts = sorted({len(found) for found, _ in kept})
    sizes = f"{counts[0]:,} to {counts[-1]:,}" if len(counts) > 1 else f"{counts[0]:,}"
    of_seed = {seed: found.keys for found, seed in kept}
    if len(of_seed) < len(kept) and all(found.keys == of_seed[seed] for found, seed in kept):
        return f"{sizes} questions each, the same in runs of one seed"
    common = {*first}.intersection(*(found.keys for found, _ in kept[1:]))
    return f"different questions: {sizes} each, {len(common):,} common to all"


def _notes(groups: Sequence[RunGroup], differences: Sequence[PairedDifference]) -> list[str]:
    notes: list[str] = []
    tested = sum(one.p is not None for one in differences)
    if tested > 1:
        notes.append(f"p is corrected for {tested} tests (Holm).")
    if tested and not any(group.several for group in groups):
        notes.append("One seed each: how much a run differs from seed to seed is not in these intervals.")
    twice = Counter(one.label for one in groups)
    notes += [f"{count} sides are called {label}." for label, count in twice.items() if count > 1]
    return notes
