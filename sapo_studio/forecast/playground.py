"""What trying checkpoints takes of a memory: the networks of both sides, and the writing and scoring of a few texts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.memory import CUDA_CONTEXT, FRAGMENTS, LIBRARIES, Generation, sampling
from sapo_studio.forecast.memory_parts import Part, Peak
from sapo_studio.forecast.memory_use import networks, scoring
from sapo_studio.forecast.model_shape import ModelShape

ROWS = 16
"""Solutions that are written at a time. The page asks for 8 where nobody says more."""
WEIGHTS = ("weights", "adapters")


@dataclass(frozen=True, slots=True)
class Tried:
    """A network that is loaded: by which configuration, of which shape. `key` tells networks apart: what two sides have
    in common is loaded once. `adapters`: it is adapters on weights that `base` tells apart. `scores`: a verifier."""

    config: RunConfig
    shape: ModelShape
    key: Hashable
    base: Hashable = None
    adapters: bool = False
    scores: bool = False


def playground_peak(tried: Sequence[Tried], *, on_card: bool) -> Peak:
    """The peak of an engine with all of these loaded, on a card or in main memory."""
    weights: dict[Hashable, float] = {}
    writing: dict[Hashable, float] = {}  # both sides write by turns
    reading = 0.0
    for one in tried:
        precision = one.config.model.precision
        nets = networks(one.config, one.shape, ("bf16" if on_card else "fp32") if precision == "auto" else precision)
        how = nets.verifier if one.scores else nets.reasoner
        if one.adapters:
            weights[one.base] = nets.reasoner_bytes
            weights[one.key] = 4.0 * how.trained(one.shape)
        else:
            weights[one.key] = how.base_bytes(one.shape)
        texts = lengths(one.config.task, one.shape.positions)
        if one.scores:
            length = texts.longest_prompt + texts.longest_solution
            logits = one.config.verifier.head == "likelihood"
            reading = max(reading, _passing(scoring(nets, length, logits=logits, heap=not on_card, most=ROWS * length)))
        else:
            work = Generation(ROWS, 1, texts.longest_prompt, texts.longest_solution)
            writing[one.key] = _passing(sampling("Sampling", one.shape, how, work))
    parts = [
        Part("weights", sum(weights.values()), f"{len(weights)} sets of weights, each once"),
        Part("texts at work", sum(writing.values()) + reading, f"{ROWS} solutions at a time, of each side"),
    ]
    if on_card:
        taken = sum(part.bytes for part in parts)
        parts.append(Part("fragments", FRAGMENTS * taken, "8 % that torch's allocator cannot use"))
        parts.append(Part("driver", float(CUDA_CONTEXT), "600 MiB for CUDA's context"))
    else:
        parts.append(Part("libraries", float(LIBRARIES), "torch, transformers and peft"))
    return Peak("Playground", tuple(parts))


def _passing(peak: Peak) -> float:
    return sum(part.bytes for part in peak.parts if part.name not in WEIGHTS)
