"""Training whose weights are divided among ranks (FSDP), by the one rank that one card has: all but the others."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch

from gpu_parts.check import GIB, Case, Check
from gpu_parts.models import PAD, QWEN, network, vocabulary
from gpu_parts.training import GROUP, length, micro_batch, texts
from sapo_engine.models.placement import Placement
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.process_group import Group, Ranks
from sapo_engine.training import objectives
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import NullCallback, TrainingArgs


@contextmanager
def one_rank(check: Check) -> Generator[Group]:
    """A group of one: NCCL on a card, gloo elsewhere."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    launched = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with patch.dict(os.environ, launched):
        group = Ranks()
        try:
            group.use(check.device)
            yield group
        finally:
            group.close()


class Trained:
    """A network of Qwen2.5-0.5B's shape after four steps, looked at after the second: its weights, and the bytes of the
    card that were taken then."""

    def __init__(self, check: Check, items: list[PromptCompletion], group: Group, *, sharded: bool) -> None:
        model = network(check, QWEN, torch.float32)
        reasoner, placement, micro = Reasoner(model), Placement(check.device), micro_batch(check)
        args = TrainingArgs(
            1e-5, 1, micro, 0, micro_tokens=micro * length(check), precision=check.precision, sharded=sharded,
            group=group, placement=placement,
        )  # fmt: skip
        self.in_pause = 0
        began = 0.0
        with placement.training(reasoner) as under_way:

            def look(step: int) -> bool:
                nonlocal began
                with under_way.pause():
                    self.in_pause = torch.cuda.memory_allocated() if check.on_card else 0
                began = check.clock()
                return False

            trainable = reasoner.trainable()
            more: dict[str, Any] = {"enough": look, "check_every": 2, "cool_down": 1}
            steps = objectives.sft(trainable, items, args, NullCallback(), pad_id=PAD, **more)
            self.tokens_a_second = round((steps - 2) * micro * length(check) / (check.clock() - began))
        placement.close()
        self.weights = torch.cat([value.detach().flatten().cpu() for value in model.parameters()])


def divided(check: Check) -> dict[str, Any]:
    """The same training of a whole copy and of parts: what both come to."""
    items = texts(check, 4 * micro_batch(check), vocabulary(network(check, QWEN, torch.float32)))
    start = torch.cat([value.detach().flatten().cpu() for value in network(check, QWEN, torch.float32).parameters()])
    with one_rank(check) as group:
        whole = Trained(check, items, group, sharded=False)
        parts = Trained(check, items, group, sharded=True)
    change = float((whole.weights - start).abs().max())
    return {
        "tokens_a_second": parts.tokens_a_second,
        "weights_apart": f"{float((whole.weights - parts.weights).abs().max()) / change:.1e}",
        "in_pause_gib": round(parts.in_pause / GIB, 3),
    }


CASES = (Case("train full, divided (one rank)", GROUP, 40, divided),)
