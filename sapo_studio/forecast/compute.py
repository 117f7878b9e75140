"""What a run will compute, in the ledger's parts (domain/ledger.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.ledger import EVALUATION_PHASES, Bill, Compute, Usage, read, rolled_out, scored, trained
from sapo_studio.forecast.memory_use import networks
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.workload import PhaseWork, Trained


@dataclass(frozen=True, slots=True)
class Sizes:
    """Weights that a token goes through, and whether most of them are frozen where it is trained on."""

    reasoner: int
    verifier: int
    reasoner_frozen: bool
    verifier_frozen: bool

    @classmethod
    def of(cls, config: RunConfig, shape: ModelShape) -> Sizes:
        """Those of a run."""
        nets = networks(config, shape, "fp32")
        frozen = [how.tuning != "full" for how in (nets.reasoner, nets.verifier)]
        weights = [
            shape.weights + (how.trained(shape) if own else 0)
            for how, own in zip((nets.reasoner, nets.verifier), frozen, strict=True)
        ]
        return cls(weights[0], weights[1] + shape.hidden + 1, *frozen)


NO_SIZES = Sizes(0, 0, reasoner_frozen=False, verifier_frozen=False)
"""For a model that is not known: tokens are, FLOPs are not."""


@dataclass(frozen=True, slots=True)
class ComputeForecast:
    """What the method needs after the warm-up that all share, in tokens. `flops` None for an unknown model."""

    generated: int
    prefill: int
    scored: int
    trained: int
    flops: int | None


def compute_forecast(config: RunConfig, shape: ModelShape | None, work: Iterable[PhaseWork]) -> ComputeForecast:
    """The sum over `work`, which is to leave the warm-up out."""
    sizes = Sizes.of(config, shape) if shape else NO_SIZES
    total = sum((phase_bill(item, sizes).method for item in work), Compute())
    flops = total.flops if shape else None
    return ComputeForecast(total.generated, total.prefill, total.scored, total.trained, flops)


def phase_bill(work: PhaseWork, sizes: Sizes) -> Bill:
    """The bill of one phase as it is expected."""
    bill = Bill()
    own = "evaluation" if work.name in EVALUATION_PHASES else "method"
    for item in work.written:
        usage = Usage(
            generated_tokens=round(item.sequences * item.tokens), prefill_tokens=round(item.prompts * item.prompt)
        )
        bill.add(rolled_out(usage, sizes.reasoner), "evaluation" if item.measures else own)
    for item in work.trained:
        bill.add(_trained(item, sizes), own)
    bill.add(read(round(work.read), sizes.reasoner), own)
    bill.add(scored(round(work.scored * work.length), sizes.verifier), own)
    return bill


def _trained(item: Trained, sizes: Sizes) -> Compute:
    tokens = round(item.steps * item.batch * item.length)
    if item.who == "verifier":
        return trained(tokens, sizes.verifier, frozen=sizes.verifier_frozen, who="verifier")
    return trained(tokens, sizes.reasoner, frozen=sizes.reasoner_frozen, who="reasoner")
