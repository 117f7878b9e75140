"""Step scores of a verifier, and the first errors that they predict (eq. 8-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.reading import read_at_a_time
from sapo_engine.verifier.model import Verifier, ends_of
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
    most: int = 0,
    tick: Callable[[int], None] | None = None,
) -> list[list[float]]:
    """v_1..v_n of each text, in order. `most` token positions at a time, if a text is not longer (0: as suits the
    device)."""
    verifier.eval()
    device = verifier.head.weight.device
    scores: list[list[float]] = [[] for _ in texts]
    for indices in read_at_a_time(verifier.backbone, [[text] for text in texts], _order(texts), most):
        values = verifier([texts[i] for i in indices], ends_of([ends[i] for i in indices], device), pad_id).tolist()
        for index, row in zip(indices, values, strict=True):
            scores[index] = row[: len(ends[index])]
        if tick:
            tick(len(indices))
    return scores


def _order(texts: Sequence[PromptCompletion]) -> list[int]:
    """Texts with the same prompt stand together, and else like lengths do."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(text.prompt, []).append(index)
    for group in groups.values():
        group.sort(key=lambda i: len(texts[i]))
    return [i for group in sorted(groups.values(), key=lambda group: len(texts[group[-1]])) for i in group]
