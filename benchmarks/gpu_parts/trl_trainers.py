"""The same training by TRL's trainers, in the same process: the same shape, texts, batches and precision."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from transformers import PrinterCallback

from gpu_parts.check import Case, Check
from gpu_parts.models import QWEN, network, vocabulary
from gpu_parts.training import length, micro_batch, texts

GROUP = "TRL"
STEPS = 2


def words(tokens: tuple[int, ...]) -> str:
    """Tokens as a text."""
    return " ".join(f"w{token}" for token in tokens)


def words_tokenizer(tokens: int) -> Any:
    """A tokenizer for which `w7` is token 7: TRL wants text, and shall train on the same tokens."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({f"w{token}": token for token in range(tokens)}, unk_token="w0"))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w1", unk_token="w0")


def _arguments(check: Check, folder: str, batch: int, micro: int) -> dict[str, Any]:
    return {
        "output_dir": folder,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": batch // micro,
        "num_train_epochs": 1,
        "learning_rate": 1e-5,
        "lr_scheduler_type": "cosine",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not check.on_card,
        "bf16": check.on_card,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "max_length": length(check) + 8,
    }


def _rate(check: Check, trainer: Any, columns: tuple[str, ...], weights: int) -> dict[str, Any]:
    """Of the second of two trainings, by the tokens that TRL has made of the texts in `columns`."""
    tokens = sum(len(row[name]) for row in trainer.train_dataset for name in columns)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    began = check.clock()
    trainer.train()
    seconds = check.clock() - began
    return {
        "tokens_a_second": round(tokens / seconds),
        "tokens_a_text": round(tokens / (2 * STEPS * micro_batch(check)), 1),
        "tflops": round(6 * weights * tokens / seconds / 1e12, 1),
    }


def sft(check: Check) -> dict[str, Any]:
    """SFTTrainer on prompt and completion."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model = network(check, QWEN, torch.float32)
    micro = micro_batch(check)
    items = texts(check, 2 * STEPS * micro, vocabulary(model))
    rows = [{"prompt": words(t.prompt), "completion": " " + words(t.completion)} for t in items]
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**_arguments(check, folder, 2 * micro, micro), completion_only_loss=True),
            train_dataset=Dataset.from_list(rows),
            processing_class=words_tokenizer(vocabulary(model)),
        )
        return _rate(check, trainer, ("input_ids",), model.num_parameters())


def orpo(check: Check) -> dict[str, Any]:
    """ORPOTrainer on pairs; a micro-batch of as many sequences."""
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    model = network(check, QWEN, torch.float32)
    micro = micro_batch(check)
    items = texts(check, 2 * STEPS * micro, vocabulary(model))
    rows = [
        {
            "prompt": words(won.prompt),
            "chosen": " " + words(won.completion),
            "rejected": " " + words(lost.completion),
        }
        for won, lost in zip(items[::2], items[1::2], strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = ORPOTrainer(
            model=model,
            args=ORPOConfig(**_arguments(check, folder, micro, micro // 2), beta=0.1),
            train_dataset=Dataset.from_list(rows),
            processing_class=words_tokenizer(vocabulary(model)),
        )
        return _rate(check, trainer, ("chosen_input_ids", "rejected_input_ids"), model.num_parameters())


CASES = (
    Case("TRL's SFT trainer", GROUP, 30, sft, needs=("trl", "datasets")),
    Case("TRL's ORPO trainer", GROUP, 30, orpo, needs=("trl", "datasets")),
)
