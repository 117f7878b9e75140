"""Seeds of one configuration, taken together; and what runs and groups are called beside each other."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from sapo_studio.app.comparison.configuration import Configured
from sapo_studio.app.comparison.measured import Measured
from sapo_studio.app.comparison.records import Point, RunGroup
from sapo_studio.domain.statistics import Mean, mean
from sapo_studio.store.records import MetricValue

_LEAST = 3
"""Characters that names of a group must have in common to be its name."""
_SEED_AT_END = re.compile(r"[\s,/_.-]*(?:\(?\bseeds?\b)?[\s=_.-]*\d*$", re.IGNORECASE)


def group_places(runs: Sequence[Measured], configs: Sequence[Configured]) -> list[list[int]]:
    """Places of runs that belong together: of one configuration and, where iterations were picked, of the same one. A
    seed that is there a second time is no further seed: it stands alone."""
    found: dict[tuple[str, int | None, int], list[int]] = {}
    seen: Counter[tuple[str, int | None, int]] = Counter()
    for place, (run, config) in enumerate(zip(runs, configs, strict=True)):
        same, picked = config.same_but_seed, run.picked.iteration
        again = seen[same, picked, config.seed]
        seen[same, picked, config.seed] += 1
        found.setdefault((same, picked, again), []).append(place)
    return list(found.values())


def labels(runs: Sequence[Measured]) -> list[str]:
    """What tells runs apart in few words: their names, with the iteration where one was picked, and their ids where
    names are not enough."""
    names = [_at(run.run.name, run) for run in runs]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [_at(run.run.id, run) if name in twice else name for name, run in zip(names, runs, strict=True)]


def _at(name: str, run: Measured) -> str:
    return name if run.picked.iteration is None else f"{name} @ {run.picked.iteration}"


def group(runs: Sequence[Measured], seeds: Sequence[int], run_labels: Sequence[str]) -> RunGroup:
    """Runs that belong together."""
    keys = tuple(str(run.picked) for run in runs)
    if len(runs) == 1:
        (run,) = runs
        values = {} if run.iteration is None else run.values[run.iteration]
        alone = {name: Mean(value.value, None, None, 1) for name, value in values.items()}
        return RunGroup(run_labels[0], keys, tuple(seeds), run.iteration, alone, run.curves())
    iteration = last_of_all(runs)
    names = _in_all([run.values[iteration] for run in runs]) if iteration is not None else ()
    means = {name: mean([run.values[iteration][name].value for run in runs]) for name in names if iteration is not None}
    return RunGroup(_common_name(runs, run_labels), keys, tuple(seeds), iteration, means, _curves(runs))


def last_of_all(runs: Sequence[Measured]) -> int | None:
    """The iteration to compare runs at: the picked one, else the last that all of them have been through."""
    picked = runs[0].picked.iteration
    return picked if picked is not None else max(_iterations(runs), default=None)


def _iterations(runs: Sequence[Measured]) -> set[int]:
    return set.intersection(*({*run.values} for run in runs))


def _in_all(values: Sequence[Mapping[str, MetricValue]]) -> tuple[str, ...]:
    return tuple(name for name in values[0] if all(name in one for one in values))


def _curves(runs: Sequence[Measured]) -> dict[str, tuple[Point, ...]]:
    found: dict[str, list[Point]] = {}
    for iteration in sorted(_iterations(runs)):
        for name in _in_all([run.values[iteration] for run in runs]):
            points = [run.point(iteration, name) for run in runs]
            value = mean([point.value for point in points])
            flops = _mean([point.flops for point in points])
            seconds = _mean([point.seconds for point in points])
            found.setdefault(name, []).append(
                Point(iteration, flops, seconds, value.value, value.low, value.high, value.n)
            )
    return {name: tuple(points) for name, points in found.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _common_name(runs: Sequence[Measured], run_labels: Sequence[str]) -> str:
    """What the names of the runs have in common, without what tells of the seed: those of a matrix end in it."""
    names = [run.run.name for run in runs]
    alike = itertools.takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False))
    start = "".join(letters[0] for letters in alike)
    common = start if len({*names}) == 1 else _SEED_AT_END.sub("", start).strip()
    name = common if len(common) >= _LEAST else f"{run_labels[0]} and {len(runs) - 1} more"
    return _at(name, runs[0])
