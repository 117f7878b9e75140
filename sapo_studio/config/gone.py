"""Settings that earlier versions had. A stored run, preset or file may still have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from sapo_studio.config.sections.runtime import MOST_MICRO_TOKENS
from sapo_studio.config.sections.task import TaskConfig
from sapo_studio.config.text_lengths import as_asked, assumed_lengths
from sapo_studio.errors import InputError

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Gone:
    """`kept`: the value that meant what is always done today. `today`: what that is, as a sentence."""

    kept: object
    today: str


GONE: Mapping[str, Gone] = {
    "verifier.labels": Gone("current", "A verifier is trained on the labels of its own iteration."),
}

MICRO_BATCH, MICRO_TOKENS = "runtime.micro_batch", "runtime.micro_tokens"

RENAMED: Mapping[str, str] = {MICRO_BATCH: MICRO_TOKENS}
"""Settings that are called something else today, with another unit."""


def modernised(data: Mapping[str, Any], source: str, tell: Tell = lambda _: None) -> Mapping[str, Any]:
    """`data`, the tables of a configuration, as this version has them: without settings of earlier versions that say
    what is done today in any case, and with the new name and value of those that are called something else. `tell`
    hears of each value that has become another. Raises InputError that names a setting which says what is not done any
    more, or which says the same thing twice.
    """
    for path, gone in GONE.items():
        section, _, key = path.partition(".")
        inside = _section(data, section)
        if key not in inside:
            continue
        if inside[key] != gone.kept:
            raise InputError(
                f"{source} has {path} = {inside[key]!r}, which this version does not know any more",
                why=gone.today,
                fix=f"A run that has it can be read and exported, but not gone on with; elsewhere take out {path}.",
            )
        data = _put(data, section, {name: value for name, value in inside.items() if name != key})
    return in_tokens(data, source, tell)


def in_tokens(data: Mapping[str, Any], source: str, tell: Tell = lambda _: None) -> Mapping[str, Any]:
    """`data` with `runtime.micro_batch` (sequences) as `runtime.micro_tokens`: as many as so many of the longest texts
    have, by what the section `task` says without its data. 0 stays 0. Raises InputError where it says both."""
    runtime = _section(data, "runtime")
    before = runtime.get("micro_batch")
    if type(before) is not int or before < 0:
        return data  # not there, or never valid: then it is a key that does not exist
    rest = {name: value for name, value in runtime.items() if name != "micro_batch"}
    now = most_tokens(before, longest_text(_section(data, "task")))
    given = rest.get("micro_tokens", 0)
    if before and given not in (0, now):
        raise InputError(
            f"{source} has {MICRO_BATCH} = {before} and {MICRO_TOKENS} = {given}",
            why=f"The first is what earlier versions called the second; it would be {now}.",
            fix=f"Say {MICRO_TOKENS} alone.",
        )
    if before:
        tell(
            f"{MICRO_BATCH} = {before} has become {MICRO_TOKENS} = {now}: token positions at a time, as many as "
            f"{before} of the longest texts have. 0 takes what memory has room for."
        )
    return _put(data, "runtime", {**rest, "micro_tokens": now or given})


def most_tokens(sequences: int, longest: int) -> int:
    """Token positions of so many texts of `longest`, as far as `runtime.micro_tokens` goes."""
    return min(MOST_MICRO_TOKENS, sequences * longest)


def longest_text(task: Mapping[str, Any]) -> int:
    """Tokens of the longest prompt with the longest solution, as far as the section `task` tells; 0 where it is not
    valid."""
    try:
        checked = TaskConfig.model_validate(task)
    except ValidationError:
        return 0  # what is wrong with it is said by whoever checks the whole
    return as_asked(checked, assumed_lengths(checked)).longest


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inside = data.get(name)
    return cast("Mapping[str, Any]", inside) if isinstance(inside, Mapping) else {}


def _put(data: Mapping[str, Any], name: str, inside: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, name: inside}
