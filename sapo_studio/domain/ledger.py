"""What a run computes, in four parts that are counted where they happen, and in FLOPs: one measure for all methods.

generated  tokens that a reasoner wrote (the rollout back end)
prefill    tokens that a reasoner read without writing them: prompts and prefixes as far as they were computed (the
           back end; shared and cached ones cost nothing), and texts that a reference pass of DPO or RPO reads
scored     tokens that a verifier read to score their steps (the scorer)
trained    tokens trained on, padding left out, in each epoch anew (the trainer); reasoner and verifier apart

A token forward costs 2N FLOPs, a token trained on 6N, or 4N where the network's own weights are frozen (LoRA: no
gradient of them is calculated). N counts the weights of the network that computes.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from sapo_studio.domain.runs import PhaseName

FORWARD, TRAINED, TRAINED_FROZEN = 2, 6, 4
"""FLOPs a token and weight."""

Purpose = Literal["method", "evaluation"]
"""What is computed for: the method, or measuring it on questions that it does not need."""

EVALUATION_PHASES = frozenset({PhaseName.BENCHMARK, PhaseName.EVALUATE})
"""Phases that only measure."""
SHARED_PHASES = frozenset({PhaseName.SFT})
"""The warm-up: all methods start from the same, so that no comparison counts it."""
MEASURING_PHASES = EVALUATION_PHASES | {PhaseName.ALIGN}
"""Phases in which something is measured: the alignment's guard looks at the development questions."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Tokens by part, and FLOPs (exact, hence whole numbers). `complete` False: there was more, that nobody counted (a
    run of an earlier version went on)."""

    generated: int = 0
    prefill: int = 0
    scored: int = 0
    trained_reasoner: int = 0
    trained_verifier: int = 0
    flops: int = 0
    complete: bool = True

    @property
    def trained(self) -> int:
        """Tokens trained on, by reasoner and verifier."""
        return self.trained_reasoner + self.trained_verifier

    @property
    def tokens(self) -> int:
        """All four parts."""
        return self.generated + self.prefill + self.scored + self.trained

    def __add__(self, other: Compute) -> Compute:
        return Compute(
            self.generated + other.generated,
            self.prefill + other.prefill,
            self.scored + other.scored,
            self.trained_reasoner + other.trained_reasoner,
            self.trained_verifier + other.trained_verifier,
            self.flops + other.flops,
            self.complete and other.complete,
        )


PARTS: dict[str, tuple[str, str]] = {
    "generated": ("Generated", "Tokens that the reasoner wrote: samples and rollouts"),
    "prefill": ("Prompts computed", "Tokens of prompts and prefixes that were computed, not shared or cached"),
    "scored": ("Scored", "Tokens that the verifier read to score steps"),
    "trained": ("Trained on", "Tokens trained on in every epoch, by reasoner and verifier"),
}
"""The four parts, by the name of their attribute in Compute: title and meaning."""
FLOPS = ("FLOPs", "2 x weights a token forward, 6 x trained on (4 x with frozen weights)")
"""Title and meaning of the sum of all."""

NOT_KNOWN = "\u2014"
"""How a part that nobody counted is shown: not as 0."""
AT_LEAST = "\u2265\u202f"
"""What stands before a part that was counted from some point on only."""

UNCOUNTED = Compute(complete=False)
"""Work that nobody counted."""


def part(compute: Compute | None, name: str) -> int | None:
    """One of PARTS, or "flops"; None where nothing is known of it: at least 0 says nothing."""
    if compute is None:
        return None
    value: int = getattr(compute, name)
    return value if value or compute.complete else None


def rolled_out(usage: Usage, parameters: int) -> Compute:
    """What a back end has written and read, with a network of so many `parameters`."""
    tokens = usage.generated_tokens + usage.prefill_tokens
    return Compute(usage.generated_tokens, usage.prefill_tokens, flops=FORWARD * parameters * tokens)


def read(tokens: int, parameters: int) -> Compute:
    """A reference pass over `tokens`."""
    return Compute(prefill=tokens, flops=FORWARD * parameters * tokens)


def scored(tokens: int, parameters: int) -> Compute:
    """A verifier's pass over `tokens`."""
    return Compute(scored=tokens, flops=FORWARD * parameters * tokens)


def trained(tokens: int, parameters: int, *, frozen: bool, who: Literal["reasoner", "verifier"]) -> Compute:
    """Training on `tokens`. `frozen`: most weights get no gradient, as beside adapters."""
    flops = (TRAINED_FROZEN if frozen else TRAINED) * parameters * tokens
    if who == "verifier":
        return Compute(trained_verifier=tokens, flops=flops)
    return Compute(trained_reasoner=tokens, flops=flops)


# -- Counting


@dataclass(slots=True)
class Bill:
    """What a piece of work has computed, for the method and for measuring it."""

    method: Compute = field(default_factory=Compute)
    evaluation: Compute = field(default_factory=Compute)

    def add(self, compute: Compute, purpose: Purpose) -> None:
        """Add to one of the two."""
        if purpose == "method":
            self.method += compute
        else:
            self.evaluation += compute

    def to_json(self) -> str:
        """For a file beside what was computed."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Bill | None:
        """From such a file; None where it is none."""
        try:
            found = json.loads(text)
            return cls(*(Compute(**found[name]) for name in ("method", "evaluation")))
        except (ValueError, TypeError, KeyError):
            return None


class Meter:
    """Counts while work is done. Who computes adds to it; who wants to know a piece of work's bill opens a span."""

    def __init__(self) -> None:
        self._spans: list[Bill] = []
        self._purpose: Purpose = "method"

    def add(self, compute: Compute) -> None:
        """Something was computed."""
        for bill in self._spans:
            bill.add(compute, self._purpose)

    def include(self, bill: Bill | None) -> None:
        """Work that an earlier attempt has done, and its bill; None where it left none."""
        if bill is None:
            self.add(UNCOUNTED)
            return
        for mine in self._spans:
            mine.add(bill.method, "method")
            mine.add(bill.evaluation, "evaluation")

    @contextmanager
    def span(self) -> Generator[Bill]:
        """The bill of what is done inside, as it grows."""
        mine = Bill()
        self._spans.append(mine)
        try:
            yield mine
        finally:
            self._spans = [bill for bill in self._spans if bill is not mine]

    @contextmanager
    def measuring(self) -> Generator[None]:
        """What is computed inside only measures the method."""
        before, self._purpose = self._purpose, "evaluation"
        try:
            yield
        finally:
            self._purpose = before


@dataclass(slots=True)
class Usage:
    """What generating has cost so far.

    Every sequence has a prompt: `prefill_tokens` are those of the prompts' tokens that were computed, `prefix_hits`
    those that were there already because another sequence had the same beginning.
    """

    sequences: int = 0
    generated_tokens: int = 0
    prefill_tokens: int = 0
    prefix_hits: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.sequences + other.sequences,
            self.generated_tokens + other.generated_tokens,
            self.prefill_tokens + other.prefill_tokens,
            self.prefix_hits + other.prefix_hits,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.sequences - other.sequences,
            self.generated_tokens - other.generated_tokens,
            self.prefill_tokens - other.prefill_tokens,
            self.prefix_hits - other.prefix_hits,
        )

    def copy(self) -> Usage:
        """A snapshot to subtract later."""
        return replace(self)


# -- Reading


@dataclass(frozen=True, slots=True)
class PhaseCompute:
    """A phase's bill as it is stored; None where it has none. `done`: the phase is, so that one is missing then."""

    name: str
    iteration: int
    done: bool
    method: Compute | None = None
    evaluation: Compute | None = None


@dataclass(frozen=True, slots=True)
class IterationCompute:
    """An iteration's bill. None: nothing is known of it (a run of an earlier version), which is not the same as none.

    `method`: all that the method needs, without the warm-up; `phases`: the same by phase. `warm_up` is what all
    methods share. `evaluation`: what only measures.
    """

    method: Compute | None
    warm_up: Compute | None
    evaluation: Compute | None
    phases: Mapping[str, Compute | None]


NOTHING_KNOWN = IterationCompute(None, None, None, {})


def by_iteration(phases: Sequence[PhaseCompute]) -> dict[int, IterationCompute]:
    """The bills of a run's iterations, as far as their phases are done."""
    found: dict[int, IterationCompute] = {}
    for iteration in sorted({phase.iteration for phase in phases}):
        mine = [phase for phase in phases if phase.iteration == iteration and (phase.done or phase.method)]
        own = [phase for phase in mine if phase.name not in EVALUATION_PHASES | SHARED_PHASES]
        shared = [phase for phase in mine if phase.name in SHARED_PHASES]
        measuring = [phase for phase in mine if phase.name in MEASURING_PHASES]
        found[iteration] = IterationCompute(
            _sum([phase.method for phase in own]),
            _sum([phase.method for phase in shared]),
            _sum([phase.evaluation for phase in measuring]),
            {phase.name: phase.method for phase in own},
        )
    return found


def _sum(bills: Sequence[Compute | None]) -> Compute | None:
    """The sum of those that are known; None where none is, though there was something to count."""
    known = [bill for bill in bills if bill is not None]
    if bills and not known:
        return None
    return sum(known, Compute() if len(known) == len(bills) else UNCOUNTED)


def total(iterations: Iterable[IterationCompute]) -> IterationCompute:
    """Several iterations together, without their phases."""
    mine = list(iterations)
    return IterationCompute(
        _sum([one.method for one in mine]),
        _sum([one.warm_up for one in mine]),
        _sum([one.evaluation for one in mine]),
        {},
    )


def until(iterations: Mapping[int, IterationCompute]) -> dict[int, Compute | None]:
    """What the method has computed up to and including each iteration; None from one on of which nothing is known."""
    total: Compute | None = Compute()
    found: dict[int, Compute | None] = {}
    for iteration in sorted(iterations):
        mine = iterations[iteration].method
        total = None if total is None or mine is None else total + mine
        found[iteration] = total
    return found


def flops_until(computed: Mapping[int, Compute | None], iteration: int) -> float | None:
    """FLOPs of the method up to and including an iteration, of what `until` says; None where not all of them were
    counted. The reasoner after the warm-up has cost nothing of its own, whatever the first labels did."""
    if iteration == 0:
        return 0.0
    found = computed.get(iteration)
    return float(found.flops) if found is not None and found.complete else None
