"""A person's judgements of steps, and what follows from them about a whole trajectory. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

UNKNOWN = -1


class Judgement(IntEnum):
    """What a person says about one step."""

    WRONG = -1
    NEUTRAL = 0
    RIGHT = 1


def first_error(judgements: Mapping[int, int], n_steps: int) -> int:
    """The first step (1-based) judged wrong; 0 where every step is judged and none is wrong; -1 where that is
    not yet known.
    """
    wrong = [step for step, judgement in judgements.items() if judgement == Judgement.WRONG]
    if wrong:
        return min(wrong)
    return 0 if all(step in judgements for step in range(1, n_steps + 1)) else UNKNOWN


def first_error_here(n_steps: int, step: int) -> dict[int, int]:
    """The judgements meant by "the first error is here": right before `step`, wrong from it on (no path leads
    back).
    """
    return {at: int(Judgement.RIGHT if at < step else Judgement.WRONG) for at in range(1, n_steps + 1)}


def no_error(n_steps: int) -> dict[int, int]:
    """The judgements meant by "no step is wrong"."""
    return dict.fromkeys(range(1, n_steps + 1), int(Judgement.RIGHT))


def still_to_fill(meant: Mapping[int, int], by_hand: Mapping[int, int]) -> dict[int, int]:
    """Of the judgements that an act means for many steps, those that say something new: a step that was judged by hand
    and not otherwise keeps its judgement, and neutral steps may stand where the act means right ones.
    """

    def stands(step: int, judgement: int) -> bool:
        said = by_hand.get(step)
        return said == judgement or (said == Judgement.NEUTRAL and judgement == Judgement.RIGHT)

    return {step: judgement for step, judgement in meant.items() if not stands(step, judgement)}
