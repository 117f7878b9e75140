"""How often each source of step labels errs, found from their agreement alone, and what to believe of each step.

The model of Dawid and Skene (1979), changed where steps are not independent items (docs/audit.md):

* What is hidden is where a trajectory's first error lies: every step from it on is incorrect. So a success from a late
  prefix speaks for all steps before it. The last step of a trajectory with an incorrect answer is incorrect unasked.
* A source that judges every step votes up to the first one that it calls incorrect. What it says of later steps follows
  from that one, and would be counted as evidence again and again.
* How often a source calls a step correct has a value of its own for the first step. A verifier that is not sure of
  anything falls the most at the very first step, and calls it the first error far more often than any later one.
* Rollouts vote at the prefix that they start from, by how many of how many succeeded. Chances of success differ from
  prefix to prefix (beta-binomial). Tries at one prefix repeat a measurement, which tells errors of the rollouts from
  errors of others where there are only two sources.

Estimates are made by expectation maximization. Steps are 0-based here, as arrays are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.beta_binomial import TryCounts, nearest
from sapo_studio.domain.metrics import wilson

WRONG, RIGHT, NONE = 0, 1, 2
"""What a source says of a step; NONE where it says nothing."""

ROLLOUTS = "rollouts"
"""The name of the source that votes by tries."""

FEWEST_SHARED = 30
"""Steps that two sources must both have voted on, at least: their agreement on fewer tells next to nothing."""
DRAWS = 100
"""Bootstrap draws for the intervals."""

_CORRECT, _FIRST_ERROR, _LATER = 0, 1, 2
"""States of a step."""
_PLACES = 6
"""Parts of a trajectory, each with a chance of the first error of its own."""
_PULL = 5.0
"""Votes' worth of the guesses below that every rate starts with: one that hangs on three votes stays off 0 and 1."""
_SAYS_RIGHT = (0.8, 0.4, 0.4)
"""First guess of how often a source calls a step correct, by the step's state: better than chance, no more."""
_SUCCEEDS = (0.7, 0.05)
"""First guess of how often a rollout succeeds from a correct prefix and from an incorrect one."""
_SPREAD = 4.0
_FAILS = 0.25
_ROUNDS, _REDRAWN_ROUNDS = 300, 15
_ENOUGH, _REDRAWN_ENOUGH = 1e-4, 3e-3


@dataclass(frozen=True, eq=False)
class Votes:
    """What sources say of the steps of trajectories that all end in an incorrect answer.

    `votes`: (sources, trajectories, longest), each WRONG, RIGHT or NONE. `succeeded` and `made`: (trajectories,
    longest), the rollouts behind the votes of ROLLOUTS, which is the first source. `lengths`: steps of each
    trajectory. `groups`: trajectories with the same number are not independent (those of one question share prefixes,
    and so rollouts).
    """

    names: tuple[str, ...]
    votes: NDArray[np.int8]
    succeeded: NDArray[np.int64]
    made: NDArray[np.int64]
    lengths: NDArray[np.int64]
    groups: NDArray[np.int64]

    @property
    def exists(self) -> NDArray[np.bool_]:
        """(trajectories, longest): which places hold a step."""
        return np.arange(self.made.shape[1]) < self.lengths[:, None]

    @property
    def last(self) -> NDArray[np.bool_]:
        """(trajectories, longest): the last step of each trajectory."""
        return np.arange(self.made.shape[1]) == self.lengths[:, None] - 1


def gather(
    judges: Mapping[str, Sequence[Sequence[int]]],
    rollouts: Sequence[Mapping[int, tuple[int, int]]],
    lengths: Sequence[int],
    groups: Sequence[int],
) -> Votes:
    """Votes as the model takes them: of `judges` (a vote for each step of each trajectory) those up to the first WRONG,
    of `rollouts` (successes and tries by step) all; none on last steps."""
    shape = (len(lengths), max(lengths, default=0))
    table = np.full((1 + len(judges), *shape), NONE, dtype=np.int8)
    tries = np.zeros((2, *shape), dtype=np.int64)
    for trajectory, found in enumerate(rollouts):
        for step, counts in found.items():
            tries[:, trajectory, step] = counts
    for source, rows in enumerate(judges.values(), start=1):
        for trajectory, row in enumerate(rows):
            table[source, trajectory, : lengths[trajectory]] = row
    called = table == WRONG
    table[np.cumsum(called, axis=2) - called > 0] = NONE
    succeeded, made = tries
    table[0] = np.where(made == 0, NONE, np.where(succeeded > 0, RIGHT, WRONG))
    votes = Votes(
        (ROLLOUTS, *judges), table, succeeded, made, np.asarray(lengths, np.int64), np.asarray(groups, np.int64)
    )
    table[:, votes.last] = NONE
    tries[:, votes.last] = 0
    return votes


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate with its 95 % interval. `n`: the votes behind it; of an estimate they are weighted by the belief
    that the step is of that kind, and no whole number. NaN where there are none."""

    value: float
    low: float
    high: float
    n: float


@dataclass(frozen=True, slots=True)
class SourceErrors:
    """How a source errs: the share of correct steps that it calls incorrect (`calls_wrong`), and of incorrect ones that
    it calls correct (`calls_right`). `votes`: steps that it voted on; `shared`: those that another source did, too."""

    name: str
    votes: int
    shared: int
    calls_wrong: Rate
    calls_right: Rate


@dataclass(frozen=True, eq=False)
class Estimate:
    """What agreement tells. `beliefs`: (trajectories, longest), the chance that a step is correct; NaN beyond a
    trajectory's end."""

    sources: tuple[SourceErrors, ...]
    beliefs: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unidentified:
    """Nothing can be estimated, and why, as a sentence."""

    why: str


def estimate(votes: Votes, draws: int = DRAWS, seed: int = 0) -> Estimate | Unidentified:
    """Error rates of all sources and beliefs of all steps. Intervals by a bootstrap over groups; with `draws` 0 they
    are as wide as can be."""
    if why := why_unidentified(votes):
        return Unidentified(why)
    data = _Prepared(votes)
    everyone = np.ones(len(votes.lengths))
    model, beliefs = data.maximize(data.first_guess(), everyone, _ROUNDS, _ENOUGH)
    rng = np.random.default_rng(seed)
    redrawn: list[NDArray[np.float64]] = []
    for _ in range(draws):
        weights = _draw(votes, rng)
        _, found = data.maximize(model, weights, _REDRAWN_ROUNDS, _REDRAWN_ENOUGH)
        redrawn.append(_rates(votes, found, weights))
    return Estimate(_described(votes, beliefs, redrawn), np.where(votes.exists, beliefs, np.nan))


def measured(votes: Votes, right: NDArray[np.bool_], draws: int = DRAWS, seed: int = 0) -> tuple[SourceErrors, ...]:
    """Error rates against a known truth, in the shape of an estimate's. `right`: (trajectories, longest)."""
    known = right.astype(np.float64)
    rng = np.random.default_rng(seed)
    return _described(votes, known, [_rates(votes, known, _draw(votes, rng)) for _ in range(draws)])


def why_unidentified(votes: Votes) -> str:
    """Why agreement tells nothing of these votes; empty where it does."""
    given = votes.votes != NONE
    judging = int(given.any(axis=(1, 2)).sum())
    if not judging:
        return "No source has judged any of these steps."
    if judging == 1:
        return "Only one source has judged these steps: how often it is wrong takes a second one to tell."
    pairs = ((a, b) for a in range(len(given)) for b in range(a + 1, len(given)))
    both = max(int((given[a] & given[b]).sum()) for a, b in pairs)
    if both < FEWEST_SHARED:
        return f"No two sources have judged more than {both} of the same steps; at least {FEWEST_SHARED} are needed."
    return ""


@dataclass(frozen=True, eq=False)
class _Model:
    """`says_right`: (judges, state, 2), the chance that a judge calls the first step, or a later one, correct.
    `succeeds`: which distribution of the grid rollouts follow from correct and from incorrect prefixes. `fails`: the
    chance that the first error is in a part of the trajectory if it was in none before.
    """

    says_right: NDArray[np.float64]
    succeeds: tuple[int, int]
    fails: NDArray[np.float64]


class _Prepared:
    """Votes in the form that every round of the estimation reads them in."""

    def __init__(self, votes: Votes) -> None:
        self.judged = votes.votes[1:]
        self.tries = TryCounts(votes.succeeded, votes.made)
        self.exists, self.last = votes.exists, votes.last
        step = np.arange(votes.made.shape[1])
        self.place = np.minimum(step * _PLACES // np.maximum(votes.lengths[:, None], 1), _PLACES - 1)
        self.tried = votes.made > 0
        self.later = np.broadcast_to((step > 0).astype(np.int64), votes.made.shape)

    def first_guess(self) -> _Model:
        """Where the estimation starts."""
        correct, incorrect = (nearest(mean, _SPREAD) for mean in _SUCCEEDS)
        says_right = np.tile(np.array(_SAYS_RIGHT)[:, None], (len(self.judged), 1, 2))
        return _Model(says_right, (correct, incorrect), np.full(_PLACES, _FAILS))

    def maximize(
        self, model: _Model, weights: NDArray[np.float64], rounds: int, enough: float
    ) -> tuple[_Model, NDArray[np.float64]]:
        """From `model` on until beliefs move by no more than `enough`, or for `rounds` rounds. Returns the model and
        the beliefs. `weights`: how often each trajectory counts."""
        first = self.first_errors(model)
        beliefs = _beliefs(first)
        for _ in range(rounds):
            model = self.fitted(first, weights)
            first = self.first_errors(model)
            before, beliefs = beliefs, _beliefs(first)
            if float(np.abs(before - beliefs).max(initial=0.0)) <= enough:
                break
        return model, beliefs

    def first_errors(self, model: _Model) -> NDArray[np.float64]:
        """(trajectories, longest): the chance under `model` that a step is the first incorrect one."""
        correct, error, later = (self._evidence(model, state) for state in (_CORRECT, _FIRST_ERROR, _LATER))
        evidence = _before(correct) + error + _before(later[:, ::-1])[:, ::-1]
        fails = np.where(self.last | ~self.exists, 0.5, model.fails[self.place])
        survives = np.where(self.last, 0.0, np.log1p(-fails))
        chance = _before(survives) + np.where(self.last, 0.0, np.log(fails))
        total = np.where(self.exists, evidence + chance, -np.inf)
        shares = np.exp(total - total.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def _evidence(self, model: _Model, state: int) -> NDArray[np.float64]:
        """(trajectories, longest): log chance of all that is said of a step in `state`."""
        total = self.tries.log_chances(model.succeeds[min(state, _FIRST_ERROR)])
        for votes, chance in zip(self.judged, model.says_right[:, state], strict=True):
            logs = np.log(np.array([1 - chance, chance, np.ones(2)]))  # in the order of WRONG, RIGHT, NONE
            total += logs[votes, self.later]
        return total

    def fitted(self, first: NDArray[np.float64], weights: NDArray[np.float64]) -> _Model:
        """The likeliest model where `first` holds."""
        each = weights[:, None]
        correct, error = _beliefs(first) * each, first * each
        later = np.clip(each - correct - error, 0.0, None)
        says_right = np.empty((len(self.judged), 3, 2))
        for state, share in enumerate((correct, error, later)):
            for judge, votes in enumerate(self.judged):
                said = np.bincount((3 * self.later + votes).ravel(), share.ravel(), 6).reshape(2, 3)
                says_right[judge, state] = (said[:, RIGHT] + _PULL * _SAYS_RIGHT[state]) / (
                    said[:, :NONE].sum(axis=1) + _PULL
                )
        succeeds = tuple(
            self.tries.likeliest(np.where(self.tried, share, 0.0), guess, _PULL)
            for share, guess in zip((correct, error + later), _SUCCEEDS, strict=True)
        )
        asked = self.exists & ~self.last
        reached = (correct + error)[asked]
        failed = np.bincount(self.place[asked], error[asked], _PLACES)
        fails = (failed + _PULL * _FAILS) / (np.bincount(self.place[asked], reached, _PLACES) + _PULL)
        return _Model(says_right, (succeeds[0], succeeds[1]), fails)


def _before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the steps before each step."""
    return np.cumsum(values, axis=1) - values


def _beliefs(first: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(1.0 - np.cumsum(first, axis=1), 0.0, 1.0)


def _draw(votes: Votes, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each trajectory counts where as many groups are drawn as there are."""
    kinds, place = np.unique(votes.groups, return_inverse=True)
    return rng.multinomial(len(kinds), np.full(len(kinds), 1 / len(kinds)))[place].astype(np.float64)


def _counts(votes: Votes, beliefs: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(sources, kinds, 2): errors and votes, on correct and on incorrect steps."""
    correct, incorrect = beliefs * weights[:, None], (1.0 - beliefs) * weights[:, None]
    found: list[list[tuple[float, float]]] = []
    for vote in votes.votes:
        given, wrong, right = vote != NONE, vote == WRONG, vote == RIGHT
        found.append([(correct[wrong].sum(), correct[given].sum()), (incorrect[right].sum(), incorrect[given].sum())])
    return np.array(found)


def _rates(votes: Votes, beliefs: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(sources, kinds): shares of errors; NaN where there are no votes."""
    counts = _counts(votes, beliefs, weights)
    with np.errstate(invalid="ignore"):
        return counts[:, :, 0] / counts[:, :, 1]


def _described(
    votes: Votes, beliefs: NDArray[np.float64], redrawn: list[NDArray[np.float64]]
) -> tuple[SourceErrors, ...]:
    everyone = np.ones(len(votes.lengths))
    rates, behind = _rates(votes, beliefs, everyone), _counts(votes, beliefs, everyone)[:, :, 1]
    given = votes.votes != NONE
    shared = given & (given.sum(axis=0) > 1)
    found: list[SourceErrors] = []
    for source, name in enumerate(votes.names):
        calls_wrong, calls_right = (
            _rate(rates[source, kind], behind[source, kind], [draw[source, kind] for draw in redrawn])
            for kind in (0, 1)
        )
        found.append(SourceErrors(name, int(given[source].sum()), int(shared[source].sum()), calls_wrong, calls_right))
    return tuple(found)


def _rate(value: float, n: float, draws: Sequence[float]) -> Rate:
    """With the interval of 95 % of the draws, and never a narrower one than as many independent votes would have: draws
    of a rate near 0 hardly vary."""
    known = [draw for draw in draws if draw == draw]  # a draw may hold no vote of the kind
    if not known:
        return Rate(float(value), 0.0, 1.0, float(n))
    low, high = np.percentile(known, (2.5, 97.5))
    least = wilson(value * n, n)
    return Rate(float(value), min(float(low), least.low), max(float(high), least.high), float(n))
