"""Whether the sampler has the weights that are trained: both say how probable a few sampled completions are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.overheard import Heard
from sapo_engine.session import RunSession
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import log_probs


def sampler_gap(session: RunSession, model: Reasoner, heard: Sequence[Heard]) -> float:
    """Mean over the tokens of `heard` of |log p by the sampler - log p by the network that is trained|, in nats.

    The network reads prompt and completion at once, as it does in training, but for dropout. What is left is rounding;
    far more where the sampler goes on with weights from before. Places `model` on the device.
    """
    session.placement.place(model)
    texts = [PromptCompletion(one.prompt, one.completion.tokens) for one in heard]
    read = log_probs(
        model.activate(),
        texts,
        pad_id=session.pad_id,
        precision=session.precision,
        meter=session.meter,
    )
    pairs = zip(heard, read, strict=True)
    apart = [np.abs(np.subtract(one.completion.log_probs, by_trainer)) for one, by_trainer in pairs]
    return float(np.concatenate(apart).mean())
