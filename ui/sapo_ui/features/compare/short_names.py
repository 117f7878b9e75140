"""What runs are called where there is little room: without the words that all their names begin with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sapo_studio.app.comparison.records import Comparison

LEAST = 2
"""Characters that are to be left of each name."""

_WORD_END = re.compile(r"[\s,;:/_-]+")


def short_names(names: Sequence[str]) -> list[str]:
    """`names` without the whole words that all of them begin with; as they are where one would have nothing left."""
    if len(names) < 2:
        return list(names)
    first, last = min(names), max(names)
    common = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    ends = [found.end() for found in _WORD_END.finditer(first[:common])]
    if not ends or any(len(name) - ends[-1] < LEAST for name in names):
        return list(names)
    return [name[ends[-1] :] for name in names]


def shortened(comparison: Comparison) -> Comparison:
    """The same comparison with such labels."""
    labels = short_names([run.label for run in comparison.runs])
    short = {run.label: label for run, label in zip(comparison.runs, labels, strict=True)}
    alone = all(group.label in short for group in comparison.groups)
    groups = [group.label for group in comparison.groups]
    names = [short[label] for label in groups] if alone else short_names(groups)
    return replace(
        comparison,
        runs=tuple(replace(run, label=label) for run, label in zip(comparison.runs, labels, strict=True)),
        groups=tuple(replace(group, label=name) for group, name in zip(comparison.groups, names, strict=True)),
    )
