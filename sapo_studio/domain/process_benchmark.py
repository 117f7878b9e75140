"""A process benchmark as rules: its rows, their digest, and which solutions become rows. Pure."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from sapo_studio.domain.question_text import normalized

Split = Literal["test", "tuning"]
LabelSource = Literal["human", "rollouts", "oracle", "consensus"]
"""Whose first error a row gets: people's; the one that rollouts verified; the task's own step oracle's; or the one that
most of people, rollouts and the newest verifier say, two of them at least."""
_REFERENCE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,59})(?:@(?P<version>[1-9][0-9]{0,5}))?")


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """A solution whose first error is known (0: none), with all that it takes to grade others of its question.

    `correct`: its final answer. `origin`: where it came from and who says so. `agreement`: of the people (or sources)
    who say a first error, the share that says this one; None of one or none. `split`: `tuning` rows are for
    thresholds, `test` rows are measured on.
    """

    problem: str
    answer: str
    tests: tuple[str, ...]
    steps: tuple[str, ...]
    first_error: int
    correct: bool
    generator: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict[str, Any])
    agreement: float | None = None
    split: Split = "test"


def parse_reference(text: str) -> tuple[str, int | None] | None:
    """Name and version of `NAME[@VERSION]`; None where it is no such thing."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    return found["name"], int(found["version"]) if found["version"] else None


def digest(rows: Sequence[BenchmarkRow]) -> str:
    """What tells whether rows are still those that were frozen (SHA-256 in hexadecimal)."""
    text = json.dumps([asdict(row) for row in rows], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Choosable(Protocol):
    """A written solution that can be chosen. `correct`: its final answer."""

    @property
    def problem(self) -> str: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def correct(self) -> bool: ...
    @property
    def generator(self) -> str: ...
    @property
    def origin(self) -> Mapping[str, Any]: ...


C = TypeVar("C", bound=_Choosable)


def choose(
    candidates: Sequence[BenchmarkRow], *, per_question: int, size: int | None, tuning: float, seed: int
) -> list[BenchmarkRow]:
    """The rows of a benchmark: what `stratified` chooses. The share `tuning` of the questions is for thresholds, with
    all their solutions."""
    chosen = stratified(candidates, per_question=per_question, size=size, seed=seed)
    for_thresholds = set(list(chosen)[: round(tuning * len(chosen))])
    splits: dict[int, Split] = {
        id(row): "tuning" if name in for_thresholds else "test" for name, rows in chosen.items() for row in rows
    }
    return [replace(row, split=splits[id(row)]) for row in candidates if id(row) in splits]


def stratified(candidates: Sequence[C], *, per_question: int, size: int | None, seed: int) -> dict[str, list[C]]:
    """Of each question at most `per_question` solutions, of all `size` at most, as nearly half of them with a correct
    answer as there are: of the candidates of a question one of the outcome that is behind so far, then of the other.

    Solutions that are equal are taken once. The same candidates, in whatever order, and seed give the same ones: by
    question (`normalized`), in an order that the seed decides.
    """
    groups: dict[str, dict[tuple[str, ...], C]] = {}
    for row in sorted(candidates, key=_key):
        groups.setdefault(normalized(row.problem), {}).setdefault(row.steps, row)
    rng = random.Random(seed)
    names = sorted(groups)
    rng.shuffle(names)
    chosen: dict[str, list[C]] = {}
    ahead = count = 0
    for name in names:
        left = list(groups[name].values())
        rng.shuffle(left)
        picked: list[C] = []
        while left and len(picked) < per_question and (size is None or count < size):
            want = ahead < 0 if ahead else not (picked and picked[-1].correct)
            row = next((one for one in left if one.correct == want), left[0])
            left.remove(row)
            picked.append(row)
            ahead += 1 if row.correct else -1
            count += 1
        if picked:
            chosen[name] = picked
    return chosen


def _key(row: _Choosable) -> str:
    return json.dumps([row.problem, row.steps, row.generator, row.origin], sort_keys=True, default=str)
