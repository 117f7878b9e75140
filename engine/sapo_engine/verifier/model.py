"""The process verifier: the reasoner's backbone with a head that scores each step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedTokenizerBase

from sapo_engine.models.checks import check_tensors
from sapo_engine.models.loading import load_network, save_model
from sapo_engine.models.precision import autocast, full_precision
from sapo_engine.models.reasoner import (
    Adapters,
    Reasoner,
    as_set_up,
    clone,
    load_adapter,
    own_network,
    save_adapter,
)
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.chunked_head import Head, log_probs
from sapo_engine.training.packing import Pack
from sapo_engine.training.reading import pack_for, states
from sapo_studio.config.schema import VerifierConfig
from sapo_studio.domain.calibration import Platt
from sapo_studio.model_files.reading import read_object
from sapo_studio.model_files.safetensors_header import read_tensors

FEATURES = 6
ADAPTER = "adapter"
CROSS_FITTED = "cross_fitted"
"""Key of the calibration in head.json. Earlier versions wrote one under `calibration` that was fitted to the labels the
verifier had been trained on; it is not read."""
FLOOR = -12.0
"""Log-likelihoods below this tell no more."""


class Verifier(nn.Module):
    """v_j in [0, 1] for each prefix s_1..s_j, read at the last token of s_j (eq. 6).

    `kind` "scalar": sigmoid of a linear head on the hidden state. "likelihood": the head also sees how likely
    the backbone's own language head finds the step and all steps so far (as log-probability, probability and
    worst token).

    The backbone is a network of its own or, as adapters, the reasoner's (`base`). `calibration` makes the scores of
    wrong trajectories probabilities for a search, fitted to labels held out of training; None where nobody has asked
    for it. The scores themselves stay as they are.
    """

    def __init__(self, base: Reasoner, kind: str, precision: str = "fp32") -> None:
        super().__init__()
        self.base = base
        self.backbone = base.network
        self.kind = kind
        self.precision = precision
        self.calibration: Platt | None = None
        width = self.backbone.config.get_text_config().hidden_size
        self.head = nn.Linear(width + (FEATURES if kind == "likelihood" else 0), 1)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """What has to be on the device. See `placement.Computes`."""
        return self.backbone, self.head

    def weights_changed(self) -> None:
        """The backbone's weights are others than before."""
        self.base.weights_changed()

    def parameters_in_all(self) -> int:
        """Weights that a token goes through, the head among them."""
        return self.base.parameters_in_all() + sum(p.numel() for p in self.head.parameters())

    def forward(self, texts: Sequence[PromptCompletion], ends: torch.Tensor, pad_id: int) -> torch.Tensor:
        """Scores of shape (B, S). `ends` (B, S) is how many tokens of the completion there are at each step's end, 0
        where there is no step. `texts` that stand next to each other and have the same prompt are read with one."""
        self.base.activate()
        with autocast(ends.device, self.precision):
            batch = pack_for(self.backbone, texts)
            hidden = states(self.backbone, batch, pad_id)
            known = self._log_probs(batch, hidden) if self.kind == "likelihood" else None
        at = (batch.begins[:, None] + ends - 1).clamp(min=0)
        read = hidden[at].float()
        if known is not None:
            width = max(len(text.completion) for text in texts)
            read = torch.cat([read, likelihood_features(batch.table(known, width), ends)], dim=-1)
        with full_precision(read.device):
            return torch.sigmoid(self.head(read).squeeze(-1))

    def _log_probs(self, batch: Pack, hidden: torch.Tensor) -> torch.Tensor:
        """What the language head says of the tokens, without what an architecture does to its logits behind it: a
        published verifier has its rows as they are."""
        head = Head(cast("nn.Module", self.backbone.get_output_embeddings()))
        return log_probs(head, hidden.index_select(0, batch.where), batch.targets)


def likelihood_features(log_probs: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """What the likelihood head sees, shape (B, S, FEATURES).

    `log_probs` (B, L): log p of each token, 0 where nothing was predicted. `ends` (B, S): how many of these tokens
    there are up to each step's end, 0 where there is no step.
    """
    running = torch.cat([log_probs.new_zeros(len(log_probs), 1), log_probs.cumsum(dim=1)], dim=1)
    upto = running.gather(1, ends)
    step = upto - torch.cat([upto.new_zeros(len(upto), 1), upto[:, :-1]], dim=1)
    # Where there is no step the difference is meaningless and may be positive: exp of it must not overflow.
    step = step.clamp(FLOOR, 0.0)
    upto = upto.clamp(FLOOR, 0.0)
    worst = step.cummin(dim=1).values
    return torch.stack([*(part / -FLOOR for part in (step, upto, worst)), step.exp(), upto.exp(), worst.exp()], dim=-1)


def ends_of(rows: Sequence[tuple[int, ...]], device: torch.device) -> torch.Tensor:
    """How many tokens of its completion each text has at its steps' ends, shape (B, S); 0 where there is no step."""
    table = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for row, ends in enumerate(rows):
        table[row, : len(ends)] = ends
    return torch.from_numpy(table).to(device)


def fresh_verifier(
    reasoner: Reasoner, config: VerifierConfig, adapters: Adapters, *, seed: int, precision: str = "fp32"
) -> Verifier:
    """A fresh head on a copy of the current reasoner, or on adapters beside its frozen weights."""
    torch.manual_seed(seed)
    base = clone(reasoner, adapters, share=config.base == "shared")
    return Verifier(base, config.head, precision)


def save_verifier(verifier: Verifier, tokenizer: PreTrainedTokenizerBase, folder: Path, adapters: Adapters) -> None:
    """The backbone as a transformers folder (or its adapter as peft's), the head beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if verifier.base.adapter:
        save_adapter(verifier.base, adapters, folder / ADAPTER)
    else:
        save_model(verifier.backbone, tokenizer, folder)
    save_file(
        {name: value.contiguous() for name, value in verifier.head.state_dict().items()},
        folder / "head.safetensors",
    )
    facts: dict[str, Any] = {"kind": verifier.kind}
    if verifier.calibration is not None:
        facts[CROSS_FITTED] = asdict(verifier.calibration)
    (folder / "head.json").write_text(json.dumps(facts))


def load_verifier(
    folder: Path,
    *,
    reasoner: Reasoner | None,
    config: VerifierConfig,
    adapters: Adapters,
    precision: str = "fp32",
) -> Verifier:
    """The verifier that `save_verifier` wrote. `reasoner` is the one that it was trained from; None: a verifier that is
    only read by, and has a network of its own. Raises InputError where a tensor is missing, unexpected or misshapen."""
    if reasoner is None:
        base = Reasoner(load_network(folder))
    elif (folder / ADAPTER).is_dir():
        network = reasoner.network if config.base == "shared" else own_network(reasoner)
        base = load_adapter(network, adapters, folder / ADAPTER)
    else:
        base = Reasoner(as_set_up(load_network(folder), reasoner.network))
    return with_head(base, folder, precision)


def with_head(base: Reasoner, folder: Path, precision: str = "fp32") -> Verifier:
    """The verifier on the backbone `base` whose head `save_verifier` wrote to `folder`. Raises InputError as
    `load_verifier` does."""
    facts = read_object(folder / "head.json")
    verifier = Verifier(base, facts["kind"], precision)
    if (found := facts.get(CROSS_FITTED)) is not None:
        verifier.calibration = Platt(**found)
    file = folder / "head.safetensors"
    read_tensors(file)
    weights = load_file(file)
    check_tensors(file, weights, verifier.head.state_dict())
    verifier.head.load_state_dict(weights)
    return verifier.eval()
