"""What a labeler is: how it finds out which steps of a wrong trajectory are right, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sapo_studio.domain.labels import Checks, simulate
from sapo_studio.domain.search import Price


@dataclass(frozen=True, slots=True)
class WrongTrajectory:
    """A wrong trajectory of `n` steps as a labeler finds it. Where there is a verifier: the first error that it
    predicts (0: nothing is predicted) and its scores as probabilities.
    """

    n: int
    predicted: int = 0
    scores: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """What the configuration allows: prefixes a trajectory, the confidence that ends a search, and for each prefix
    `rollouts` rollouts at most, `wave` at a time.
    """

    max_checks: int = 2
    confidence: float = 0.8
    rollouts: int = 4
    wave: int = 2

    @property
    def price(self) -> Price:
        """Rollouts that a check costs."""
        return Price.of(self.rollouts, self.wave)


@dataclass(frozen=True, slots=True)
class Labeler:
    """One way to label the steps of wrong trajectories.

    `key` is its name in the configuration and in the store, `title` its name for people, `help` how it labels (for the
    configuration's help, without a full stop). `checks` starts it on a trajectory; None: it rolls nothing out, and
    every step gets the answer's label. `guided`: it looks where a verifier predicts the first error, so that it cannot
    make the first labels. `cases` are the cases that its verdicts name, with the words for people. `series` is its
    colour in the window, by number. `configured`: whether the configuration takes it by its key.
    """

    key: str
    title: str
    help: str
    checks: Callable[[WrongTrajectory, CheckLimits], Checks] | None
    guided: bool = False
    cases: Mapping[str, str] = field(default_factory=dict[str, str])
    series: int = 0
    configured: bool = True

    @property
    def rolls_out(self) -> bool:
        """Whether it checks prefixes with rollouts, which is what costs."""
        return self.checks is not None

    def make_checks(self, trajectory: WrongTrajectory, limits: CheckLimits) -> Checks:
        """Start it on `trajectory`. Raises ValueError where it makes no checks."""
        if self.checks is None:
            raise ValueError(f"{self.key} makes no checks")
        return self.checks(trajectory, limits)

    def asked(self, trajectory: WrongTrajectory, limits: CheckLimits, error: int) -> list[int]:
        """The prefixes that it would have checked, in order, if the first error is at step `error`."""
        if self.checks is None:
            return []
        return simulate(self.checks(trajectory, limits), lambda prefix: prefix < error)[1]
