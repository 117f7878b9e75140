"""What somebody is about to make of a conflict: whose judgement they take, or their own, step by step. No widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sapo_studio.domain.judgements import UNKNOWN, first_error
from sapo_studio.domain.people import Judged
from sapo_studio.store.agreement import Conflict
from sapo_ui.features.annotate.conflict_steps import ConflictStep
from sapo_ui.services.annotations import JudgeAction, act_of


def people_of(conflict: Conflict) -> tuple[str, ...]:
    """Who has saved it, in the order of the columns."""
    return tuple(sorted(conflict.item.judged.steps, key=lambda who: (who.casefold(), who)))


def agreed_steps(judged: Judged) -> dict[int, int]:
    """The steps of which everybody says the same, and what."""
    people = len(judged.steps)
    found: dict[int, int] = {}
    for step in range(1, judged.n_steps + 1):
        said = judged.of_step(step)
        if len(said) == people and len({*said.values()}) == 1:
            found[step] = next(iter(said.values()))
    return found


def nobody_looked(judged: Judged) -> frozenset[int]:
    """The steps that everybody has filled in, and nobody judged by itself."""
    return frozenset.intersection(*(judged.filled.get(who, frozenset()) for who in judged.steps))


_Before = tuple[dict[int, int], dict[int, int], frozenset[int]]
"""What `Draft.undo` brings back."""


@dataclass
class Draft:
    """Begun on one conflict. `taken`: None while nothing is chosen, '' where it is judged anew."""

    conflict: Conflict
    taken: str | None = None
    steps: dict[int, int] = field(default_factory=dict[int, int])
    filled: frozenset[int] = frozenset()
    """The steps that nobody judged one by one: they follow from where the first error is."""
    _by_hand: dict[int, int] = field(default_factory=dict[int, int])
    _before: list[_Before] = field(default_factory=list[_Before])

    @property
    def anew(self) -> bool:
        """Whether steps are judged now."""
        return self.taken == ""

    def take(self, who: str) -> None:
        """Take what this person says."""
        self.drop()
        judged = self.conflict.item.judged
        self.taken, self.steps, self.filled = who, dict(judged.steps[who]), judged.filled.get(who, frozenset())

    def judge_anew(self) -> None:
        """Begin with what everybody agrees on; the other steps are open."""
        self.drop()
        judged = self.conflict.item.judged
        self.taken, self.steps = "", agreed_steps(judged)
        self.filled = nobody_looked(judged) & self.steps.keys()

    def drop(self) -> None:
        """Nothing is chosen."""
        self.taken, self.steps, self.filled, self._by_hand = None, {}, frozenset(), {}
        self._before.clear()

    def judge(self, verb: str, step: int) -> None:
        """`wrong`, `neutral`, `right`, `first_error` or `no_error`, on a step; where it is judged anew."""
        said, filled = act_of(JudgeAction(verb, step), self.conflict.item.judged.n_steps, self._by_hand)
        self._before.append((dict(self.steps), dict(self._by_hand), self.filled))
        looked_at = {at for at in filled if at not in self.filled and self.steps.get(at) == said[at]}
        self.filled = (self.filled - said.keys()) | (filled - looked_at)
        self.steps.update(said)
        self._by_hand.update({at: judgement for at, judgement in said.items() if at not in filled})

    def undo(self) -> bool:
        """Take back the last `judge`. False where there is none."""
        if not self._before:
            return False
        self.steps, self._by_hand, self.filled = self._before.pop()
        return True

    def rows(self, texts: list[str]) -> list[ConflictStep]:
        """The table: what each says, and what is to hold: the draft, else the resolution, else what all agree on."""
        judged, people = self.conflict.item.judged, people_of(self.conflict)
        holding: Mapping[int, int] = agreed_steps(judged)
        if self.taken is not None:
            holding = self.steps
        elif self.conflict.resolution is not None:
            holding = self.conflict.resolution.steps
        firsts = [first_error(judged.steps[who], judged.n_steps) for who in people]
        known = self.taken is not None or self.conflict.resolution is not None
        first = first_error(holding, judged.n_steps) if known else UNKNOWN
        differing = {*judged.differing()}
        return [
            ConflictStep(
                number,
                text,
                tuple(judged.steps[who].get(number) for who in people),
                tuple(error == number for error in firsts),
                holding.get(number),
                first == number,
                number in differing,
            )
            for number, text in enumerate(texts, start=1)
        ]
