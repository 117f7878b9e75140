"""Settings that earlier versions had. A stored run, preset or file may still have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sapo_studio.errors import InputError


@dataclass(frozen=True, slots=True)
class Gone:
    """`kept`: the value that meant what is always done today. `today`: what that is, as a sentence."""

    kept: object
    today: str


GONE: Mapping[str, Gone] = {
    "verifier.labels": Gone("current", "A verifier is trained on the labels of its own iteration."),
}


def without_gone(data: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """`data` without settings of earlier versions that say what is done today in any case. Raises InputError that
    names one which says something else."""
    for path, gone in GONE.items():
        section, _, key = path.partition(".")
        inside = data.get(section)
        if not isinstance(inside, Mapping) or key not in inside:
            continue
        values = cast("Mapping[str, Any]", inside)
        if values[key] != gone.kept:
            raise InputError(
                f"{source} has {path} = {values[key]!r}, which this version does not know any more",
                why=gone.today,
                fix=f"A run that has it can be read and exported, but not gone on with; elsewhere take out {path}.",
            )
        data = {**data, section: {name: value for name, value in values.items() if name != key}}
    return data
