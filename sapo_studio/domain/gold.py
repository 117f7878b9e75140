"""How well a person judges items whose first error is known, and which way they lean. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sapo_studio.domain.judgements import Judgement, first_error
from sapo_studio.domain.paired_tests import mcnemar

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class GoldItem:
    """A trajectory whose first error is known (0: none), and what one person says of its steps."""

    gold: int
    n_steps: int
    steps: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class GoldScore:
    """One person's judgements against what is known.

    Steps are compared up to the first error, since what is right behind it is a matter of taste: `sound` steps
    before it, `false_alarms` of them called wrong; `faulty` first errors, `misses` of them not called wrong.
    """

    items: int
    exact: int
    """Items whose first error is the one that is known."""
    sound: int
    false_alarms: int
    faulty: int
    misses: int

    @property
    def p(self) -> float:
        """Of the exact two-sided test (McNemar) that the person calls a step wrong where it is not as often as the
        other way round."""
        return mcnemar(self.false_alarms, self.misses)

    @property
    def steps_right(self) -> int:
        """Compared steps that are judged as they are known to be."""
        return self.sound + self.faulty - self.false_alarms - self.misses

    def bias(self, who: str) -> str:
        """A sentence on which way `who` leans; '' where chance may have done it (p of 0.05 and more)."""
        if self.p >= SIGNIFICANT:
            return ""
        if self.false_alarms > self.misses:
            return f"{who} calls {_steps(self.false_alarms, 'correct')} incorrect"
        return f"{who} does not see {_steps(self.misses, 'incorrect')}"


def gold_score(items: Iterable[GoldItem]) -> GoldScore:
    """One person's score over the items that they have saved. Steps that they left out are not compared."""
    found = exact = sound = false_alarms = faulty = misses = 0
    for item in items:
        found += 1
        exact += first_error(item.steps, item.n_steps) == item.gold
        last = item.gold or item.n_steps
        for step in range(1, last + 1):
            if step not in item.steps:
                continue
            called_wrong = item.steps[step] == Judgement.WRONG
            if step == item.gold:
                faulty += 1
                misses += not called_wrong
            else:
                sound += 1
                false_alarms += called_wrong
    return GoldScore(found, exact, sound, false_alarms, faulty, misses)


def judged_wrongly(item: GoldItem) -> bool:
    """Whether a person names another first error than the known one, or judges a step up to it otherwise."""
    score = gold_score([item])
    return score.exact == 0 or score.steps_right < score.sound + score.faulty


def _steps(count: int, kind: str) -> str:
    return f"{count} {kind} step{'s' if count > 1 else ''}"
