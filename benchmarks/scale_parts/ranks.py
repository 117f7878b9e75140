"""Sampling and training by several processes on this machine's CPU, with gloo: what benchmarks/scale.py holds its
simulation against. As a program it is one rank, with the launcher's variables; what it took goes into FOLDER/NUMBER.

Time is CPU time of each rank, so that waiting costs none. Processes that compute at the same time slow each other down
(caches, memory), so that one alone is measured beside another one alone.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.process_group import ALONE, Group, join
from sapo_engine.rollouts import HfBackend, Request, RolloutBackend, key_of
from sapo_engine.rollouts.base import CHECK_EVERY
from sapo_engine.rollouts.sharded import ShardedBackend
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import sft
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from sapo_studio.forecast.model_shape import ModelShape
from sapo_studio.forecast.scaling import text_lengths

SHAPE: dict[str, Any] = {
    "vocab_size": 4096,
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
}
TEXTS, ROWS, PROMPT, MEAN, LONGEST = 64, 16, 24, 48, 160
"""Texts that are written, so many at a time, with prompts of so many tokens; tokens of them in the mean and at most."""
STEPS, BATCH, LENGTH = 2, 16, 128
"""Training steps, texts of each and tokens of these."""


def shape() -> ModelShape:
    """The model's."""
    return ModelShape.of({"model_type": "llama", **SHAPE}, "a Llama of 5 million weights")


def lengths() -> list[int]:
    """How long each text becomes: it is looked at every so many tokens."""
    drawn = text_lengths(TEXTS, MEAN, LONGEST)
    return [int(-(-length // CHECK_EVERY) * CHECK_EVERY) for length in drawn.tolist()]


class _Ends:
    """A watch that ends a text after `most` tokens: whoever deals texts out does not know how long they become."""

    def __init__(self, most: int) -> None:
        self.left = most

    def ended(self, new: Sequence[int]) -> bool:
        self.left -= len(new)
        return self.left <= 0


def _network() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE, pad_token_id=0, eos_token_id=1, bos_token_id=None))


def write(network: LlamaForCausalLM, group: Group) -> Callable[[], object]:
    """The sampling, ready to be done."""
    own = HfBackend(Reasoner(network), eos=-1, pad=0, batch=ROWS)
    backend: RolloutBackend = ShardedBackend(own, group) if group.size > 1 else own
    # Prompts of one length, each its own, so that texts keep their order in batches.
    requests = [
        Request(
            tuple(2 + (7 * number + place) % 4000 for place in range(PROMPT)),
            (key_of("text", number),),
            LONGEST,
            lambda most=most: _Ends(most),
        )
        for number, most in enumerate(lengths())
    ]
    return lambda: backend.generate(requests, temperature=1.0)


def learn(group: Group) -> Callable[[], object]:
    """The training, ready to be done."""
    network = _network()
    texts = [
        PromptCompletion(tuple(range(2, 2 + LENGTH // 2)), tuple(range(2 + number, 2 + number + LENGTH // 2)))
        for number in range(STEPS * BATCH)
    ]
    args = TrainingArgs(learning_rate=1e-4, epochs=1, batch_size=BATCH, seed=1, group=group)
    return lambda: sft(network, texts, args, NullCallback(), pad_id=0)


def measured(group: Group) -> dict[str, float]:
    """This rank's passes of the network while it samples, and its CPU seconds for each, the better of two rounds."""
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    network = _network()
    network.register_forward_hook(count)
    found: dict[str, float] = {}
    for name, work in (("sampling", write(network, group)), ("training", learn(group))):
        taken: list[float] = []
        for _ in range(2):
            group.barrier()
            began = time.process_time()
            work()
            taken.append(time.process_time() - began)
        found[name] = min(taken)
    return found | {"passes": passes / 2}


def launch(folder: Path, *, together: bool) -> list[dict[str, float]]:
    """What each of two processes took: two ranks that share the work, or two strangers that do all of it each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    if together:
        environment |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    files = [folder / str(number) for number in range(2)]
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(file)], env=environment | ({"RANK": file.name} if together else {})
        )
        for file in files
    ]
    ended = [process.wait() for process in started]
    if any(ended):
        sys.exit("A process has failed.")
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def main() -> None:
    """One rank."""
    torch.set_num_threads(1)
    group = join() or ALONE
    Path(sys.argv[1]).write_text(json.dumps(measured(group)), encoding="utf-8")
    group.close()


if __name__ == "__main__":
    main()
