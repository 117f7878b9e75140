"""Step scores of a verifier, and the first errors that they predict (eq. 8-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.training.batching import PromptCompletion, pad, plain_batches
from sapo_engine.verifier.model import Verifier, ends_of
from sapo_studio.config.engine_limits import SCORED_ENTRIES, SCORED_ROWS
from sapo_studio.domain.labels import detect
from sapo_studio.domain.ledger import scored

Prediction = tuple[list[float], int]
"""Scores of a trajectory and the predicted first error."""


def predict(
    session: RunSession,
    verifier: Verifier,
    trajectories: Sequence[Trajectory],
    *,
    tick: Callable[[int], None] | None = None,
) -> dict[int, Prediction]:
    """Scores and predicted first errors, by trajectory number. Several processes score a part each; `tick` hears of
    each batch of this one's how many it has."""
    session.placement.place(verifier)
    texts = [session.text(t) for t in trajectories]
    session.meter.add(scored(sum(map(len, texts)), verifier.parameters_in_all()))

    def work(part: Sequence[int]) -> list[list[float]]:
        ends = [trajectories[i].ends for i in part]
        return score(verifier, [texts[i] for i in part], ends, pad_id=session.pad_id, tick=tick)

    values = session.group.map(range(len(texts)), work, [len(text) for text in texts])
    return {t.number: (scores, detect(scores)) for t, scores in zip(trajectories, values, strict=True)}


@torch.inference_mode()
def score(
    verifier: Verifier,
    texts: Sequence[PromptCompletion],
    ends: Sequence[tuple[int, ...]],
    *,
    pad_id: int,
    batch: int = SCORED_ROWS,
    tick: Callable[[int], None] | None = None,
) -> list[list[float]]:
    """v_1..v_n of each text, in order."""
    verifier.eval()
    device = verifier.head.weight.device
    scores: list[list[float]] = [[] for _ in texts]
    if verifier.kind == "likelihood":
        width = max(map(len, texts), default=1) * int(verifier.backbone.config.get_text_config().vocab_size)
        batch = max(1, min(batch, SCORED_ENTRIES // width))
    for indices in plain_batches([len(text) for text in texts], batch):
        table = ends_of([(texts[i], ends[i]) for i in indices], device)
        values = verifier(pad([texts[i] for i in indices], pad_id, device), table).tolist()
        for index, row in zip(indices, values, strict=True):
            scores[index] = row[: len(ends[index])]
        if tick:
            tick(len(indices))
    return scores
