"""Training of the process verifier: squared error of its step scores against labels (eq. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from torch import nn

from sapo_engine.models.placement import Placement
from sapo_engine.process_group import ALONE, Group
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.losses import step_errors
from sapo_engine.training.trainer import TrainingArgs, TrainingCallback, train
from sapo_engine.verifier.model import Verifier, ends_of
from sapo_studio.config.schema import VerifierConfig
from sapo_studio.domain.ledger import Meter


@dataclass(frozen=True, slots=True)
class VerifierExample:
    """A training example of the verifier: `labels` one character a step, `?` for none."""

    text: PromptCompletion
    ends: tuple[int, ...]
    labels: str


@dataclass(frozen=True)
class StepLoss:
    """Squared error of v_j against c_j, a trajectory's mean (eq. 6). Implements Loss."""

    verifier: Verifier
    examples: Sequence[VerifierExample]
    pad_id: int

    def over(self, model: nn.Module) -> Self:
        """See Loss."""
        return replace(self, verifier=cast("Verifier", model))

    def positions(self, index: int) -> int:
        """See Loss."""
        return len(self.examples[index].text)

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the trajectories."""
        return len(indices)

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        device = self.verifier.head.weight.device
        chosen = [self.examples[i] for i in indices]
        ends = ends_of([example.ends for example in chosen], device)
        labels = np.zeros(ends.shape, dtype=np.float32)
        known = np.zeros(ends.shape, dtype=np.float32)
        for row, example in enumerate(chosen):
            steps = len(example.labels)
            labels[row, :steps] = [label == "1" for label in example.labels]
            known[row, :steps] = [label != "?" for label in example.labels]
        targets, weights = (torch.from_numpy(array).to(device) for array in (labels, known))
        scores = self.verifier([example.text for example in chosen], ends, self.pad_id)
        return step_errors(scores, targets, weights).sum(), {}


def train_verifier(
    verifier: Verifier,
    examples: Sequence[VerifierExample],
    config: VerifierConfig,
    callback: TrainingCallback,
    *,
    seed: int,
    pad_id: int,
    micro_tokens: int = 0,
    compile: bool = False,
    sharded: bool = False,
    group: Group = ALONE,
    meter: Meter | None = None,
    state_file: Path | None = None,
    placement: Placement | None = None,
) -> Verifier:
    """V = TrainVerifier(init M, labels): MSE on v_j against c_j. Changes `verifier` and returns it; `meter` hears what
    was trained on."""
    verifier.base.trainable()
    args = TrainingArgs(
        learning_rate=config.learning_rate,
        head_learning_rate=config.head_learning_rate,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=seed,
        micro_tokens=micro_tokens,
        compile=compile,
        sharded=sharded,
        precision=verifier.precision,
        group=group,
        meter=meter or Meter(),
        placement=placement,
        who="verifier",
    )
    lengths = [len(example.text) for example in examples]
    train(verifier, lengths, StepLoss(verifier, examples, pad_id), args, callback, state_file=state_file)
    return verifier
