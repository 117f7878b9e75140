"""What several people say about the same trajectories: where they agree, where they differ, what stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from sapo_studio.domain.agreement import (
    Coefficient,
    Unit,
    Units,
    cohen_kappa,
    confusion,
    krippendorff_alpha,
    same_share,
)
from sapo_studio.domain.judgements import UNKNOWN, Judgement, first_error

CATEGORIES = (int(Judgement.WRONG), int(Judgement.NEUTRAL), int(Judgement.RIGHT))
"""The order of rows and columns in a table of steps."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What each person who saved a trajectory of `n_steps` steps says of its steps (from 1 on). `filled`: the steps
    among them that follow from where a person sees the first error."""

    n_steps: int
    steps: Mapping[str, Mapping[int, int]]
    filled: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])

    def first_errors(self) -> dict[str, int]:
        """By person: the first error, 0 for none. Who has not said enough is left out."""
        said = {who: first_error(steps, self.n_steps) for who, steps in self.steps.items()}
        return {who: error for who, error in said.items() if error != UNKNOWN}

    def of_step(self, step: int) -> Unit:
        """What each person says of one step."""
        return {who: steps[step] for who, steps in self.steps.items() if step in steps}

    def differing(self) -> list[int]:
        """The steps of which two people say different things."""
        return [step for step in range(1, self.n_steps + 1) if len({*self.of_step(step).values()}) > 1]

    @property
    def differs(self) -> bool:
        """Whether two people differ in the first error or in a step."""
        return len({*self.first_errors().values()}) > 1 or bool(self.differing())


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How far two people agree. `table`: `first` down, `second` across, in the order of `CATEGORIES`."""

    first: str
    second: str
    trajectories: int
    steps: int
    kappa_first_error: Coefficient
    kappa_steps: Coefficient
    same_first_error: Coefficient
    table: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree, all together and two by two. `trajectories`, `steps`: what two or more have judged."""

    people: tuple[str, ...]
    trajectories: int
    steps: int
    alpha_first_error: Coefficient
    alpha_steps: Coefficient
    same_first_error: Coefficient
    pairs: tuple[PairAgreement, ...]


def agreement(items: Sequence[Judged], *, seed: int = 0) -> Agreement:
    """The agreement over `items`. The same `seed` gives the same intervals."""
    people = tuple(sorted({who for item in items for who in item.steps}))
    firsts: list[Unit] = [item.first_errors() for item in items]
    steps: list[Units] = [[item.of_step(step) for step in range(1, item.n_steps + 1)] for item in items]
    alone = [[unit] for unit in firsts]
    flat = [unit for units in steps for unit in units]
    return Agreement(
        people=people,
        trajectories=sum(len(item.steps) > 1 for item in items),
        steps=sum(len(unit) > 1 for unit in flat),
        alpha_first_error=krippendorff_alpha(alone, seed=seed),
        alpha_steps=krippendorff_alpha(steps, seed=seed),
        same_first_error=same_share(firsts),
        pairs=tuple(
            PairAgreement(
                first=first,
                second=second,
                trajectories=sum(first in item.steps and second in item.steps for item in items),
                steps=sum(first in unit and second in unit for unit in flat),
                kappa_first_error=cohen_kappa(alone, first, second, seed=seed),
                kappa_steps=cohen_kappa(steps, first, second, seed=seed),
                same_first_error=same_share([_only(unit, first, second) for unit in firsts]),
                table=confusion(flat, first, second, CATEGORIES),
            )
            for first, second in combinations(people, 2)
        ),
    )


def _only(unit: Unit, *people: str) -> Unit:
    return {who: said for who, said in unit.items() if who in people}
