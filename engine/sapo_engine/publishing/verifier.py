"""A run's verifier in a folder: a token-classification model, held against the verifier that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from sapo_engine.models.loading import load_network
from sapo_engine.models.placement import move_to
from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.publishing.merging import merged
from sapo_engine.publishing.parts import Parts
from sapo_engine.publishing.reasoner import adapted, count_weights, kept_in
from sapo_engine.publishing.token_classifier import has_classifier, layout_of, write_causal, write_classifier
from sapo_engine.text.prompts import token_id
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.model import ADAPTER, Verifier, with_head
from sapo_engine.verifier.published import Layout
from sapo_engine.verifier.scoring import score

TRIED = 16
"""Solutions that the published verifier is held against the run's on."""

Solution = tuple[str, tuple[str, ...]]
"""The text of a question, and steps."""


@dataclass(frozen=True, slots=True)
class WrittenVerifier:
    """What was written. `classifier`: whether it is a token classifier, or a causal language model with a head beside
    it. `apart`: the largest difference of a step's score from the run's verifier, on `steps` steps of
    `solutions` solutions; `example` is one of these with the scores that the folder gives, None without solutions."""

    dtype: str
    architecture: str
    parameters: int
    head: str
    classifier: bool
    solutions: int
    steps: int
    apart: float
    example: tuple[str, tuple[str, ...], tuple[float, ...]] | None


def write_verifier(
    parts: Parts,
    run_dir: Path,
    artefact: Path,
    dtype: str,
    folder: Path,
    device: torch.device,
    tried: Sequence[Solution],
) -> WrittenVerifier:
    """Write the verifier in `artefact` to `folder`, with the tokenizer, and measure it on the solutions `tried`.
    `dtype` "": as the run keeps it."""
    config = parts.config
    precision = resolve(config.model.precision, device)
    own = not (artefact / ADAPTER).is_dir()
    if own:
        base = Reasoner(move_to(load_network(artefact), device))
    else:
        base = adapted(parts, run_dir, artefact / ADAPTER, device)
    verifier = with_head(base, artefact, precision)
    verifier.head.to(device)
    classifier = has_classifier(verifier.backbone.config)
    layout = layout_of(verifier, parts.recipe, classifier=classifier)
    before = _own_scores(verifier, layout, parts, tried)
    dtype = dtype or (kept_in(artefact) if own else precision)
    state = base.network.state_dict() if own else merged(base, DTYPES[dtype])
    (write_classifier if classifier else write_causal)(verifier, state, layout, DTYPES[dtype], folder)
    parts.tokenizer.save_pretrained(folder)
    head = verifier.kind
    del verifier, base, state
    published = Classifier(folder, device)
    after = [published.score(problem, steps) for problem, steps in tried]
    apart = [abs(a - b) for ours, theirs in zip(before, after, strict=True) for a, b in zip(ours, theirs, strict=True)]
    example = None
    if tried:
        problem, steps = tried[0]
        example = (problem, steps, tuple(after[0]))
    architecture = type(published.model).__name__
    return WrittenVerifier(
        dtype,
        architecture,
        count_weights(folder),
        head,
        classifier,
        len(tried),
        len(apart),
        max(apart, default=0.0),
        example,
    )


def _own_scores(verifier: Verifier, layout: Layout, parts: Parts, tried: Sequence[Solution]) -> list[list[float]]:
    """The verifier's scores of solutions, from their texts."""
    texts: list[PromptCompletion] = []
    places: list[tuple[int, ...]] = []
    for problem, steps in tried:
        ids, first, ends = layout.tokens(parts.tokenizer, problem, steps)
        texts.append(PromptCompletion(tuple(ids[:first]), tuple(ids[first:])))
        places.append(tuple(end - first + 1 for end in ends))
    return score(verifier, texts, places, pad_id=token_id(parts.tokenizer.pad_token_id))
