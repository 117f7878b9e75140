"""Training of packs against the same training of padded batches with whole logits, and against TRL's trainers.

One process, one thread, by turns; the same texts, batches and steps of AdamW. CPU seconds of the best turn, the first
left out; the ratios are what to look at. Run: python benchmarks/packing.py [lab] [smollm2] [--turns N] [--json FILE]
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

sys.path.insert(0, str(Path(__file__).parents[1]))

from gpu_parts.trl_trainers import words, words_tokenizer

from sapo_engine.training import trainer
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import OrpoLoss, Pairs, SftLoss
from sapo_engine.training.trainer import NullCallback, TrainingArgs
from tests.fixtures import padded

BETA = 0.1


@dataclass(frozen=True)
class Shape:
    """A network, texts, and how many are a batch. `prompt` and `completion`: fewest and most tokens."""

    config: dict[str, Any]
    pairs: int
    batch: int
    prompt: tuple[int, int]
    completion: tuple[int, int]


SHAPES = {
    "lab": Shape(
        {
            "vocab_size": 233,
            "hidden_size": 128,
            "intermediate_size": 336,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
        },
        256,
        64,
        (8, 20),
        (16, 36),
    ),
    "smollm2": Shape(
        {
            "vocab_size": 49152,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
        },
        8,
        4,
        (30, 90),
        (40, 200),
    ),
}


class PaddedSft(SftLoss):
    """As it was: rows as long as the longest, and all logits at once."""

    def part(self, indices: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        return padded.sft(self.model, [self.texts[i] for i in indices]), {}


class PaddedOrpo(OrpoLoss):
    """As it was: winners and losers are rows of their own."""

    def part(self, indices: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        return padded.orpo(self.model, [self.pairs[i] for i in indices], self.beta), {}


def pairs_of(shape: Shape) -> Pairs:
    """Winners and losers that share their prompts."""
    draw = torch.Generator().manual_seed(0)

    def tokens(few: int, many: int) -> tuple[int, ...]:
        count = int(torch.randint(few, many + 1, (1,), generator=draw))
        return tuple(torch.randint(2, shape.config["vocab_size"], (count,), generator=draw).tolist())

    found: list[tuple[PromptCompletion, PromptCompletion]] = []
    for _ in range(shape.pairs):
        prompt = tokens(*shape.prompt)
        winner, loser = (PromptCompletion(prompt, tokens(*shape.completion)) for _ in range(2))
        found.append((winner, loser))
    return found


def own(model: PreTrainedModel, kind: str, pairs: Pairs, batch: int, *, pack: bool) -> None:
    """One epoch by the program's loop."""
    texts = [winner for winner, _ in pairs]
    args = TrainingArgs(1e-5, 1, batch, 0)
    if kind == "sft":
        loss = SftLoss(model, texts, 0) if pack else PaddedSft(model, texts, 0)
        lengths = [len(text) for text in texts]
    else:
        loss = OrpoLoss(model, pairs, 0, BETA) if pack else PaddedOrpo(model, pairs, 0, BETA)
        lengths = [max(map(len, pair)) for pair in pairs]
    trainer.train(model, lengths, loss, args, NullCallback())


def rival(model: PreTrainedModel, kind: str, pairs: Pairs, batch: int, folder: str) -> Callable[[], None]:
    """One epoch by TRL's trainer, made ready."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    common: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": batch,
        "num_train_epochs": 1,
        "learning_rate": 1e-5,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "max_length": max(len(text) for pair in pairs for text in pair) + 8,
        "train_sampling_strategy": "group_by_length" if kind == "sft" else "random",
    }
    tokenizer = words_tokenizer(int(model.config.vocab_size))
    if kind == "sft":
        rows = [{"prompt": words(w.prompt), "completion": " " + words(w.completion)} for w, _ in pairs]
        made: Any = SFTTrainer(
            model=model,
            args=SFTConfig(**common, completion_only_loss=True),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
    else:
        rows = [
            {"prompt": words(w.prompt), "chosen": " " + words(w.completion), "rejected": " " + words(x.completion)}
            for w, x in pairs
        ]
        made = ORPOTrainer(
            model=model,
            args=ORPOConfig(**common, beta=BETA),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
    made.remove_callback(PrinterCallback)
    return made.train


def measure(name: str, kind: str, turns: int) -> dict[str, float]:
    """Seconds of each way."""
    shape = SHAPES[name]
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**shape.config, tie_word_embeddings=True, pad_token_id=0, eos_token_id=1))
    pairs = pairs_of(shape)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[], Any]] = {
            "packed": lambda: own(model, kind, pairs, shape.batch, pack=True),
            "padded": lambda: own(model, kind, pairs, shape.batch, pack=False),
            "TRL": rival(copy.deepcopy(model), kind, pairs, shape.batch, folder),
        }
        for _ in range(turns + 1):
            for way, work in ways.items():
                began = time.process_time()
                work()
                seconds.setdefault(way, []).append(time.process_time() - began)
    return {way: min(found[1:]) for way, found in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), help=f"of: {', '.join(SHAPES)}")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    found: dict[str, dict[str, float]] = {}
    for name in given.shapes:
        for kind in ("sft", "orpo"):
            found[f"{name} {kind}"] = mine = measure(name, kind, given.turns)
            told = ", ".join(f"{way} {mine[way]:.2f} s ({mine[way] / mine['packed']:.2f})" for way in mine)
            print(f"{name} {kind}: {told}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
