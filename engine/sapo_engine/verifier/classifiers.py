"""Verifiers from elsewhere: token- and sequence-classification models of transformers, as folders.

The text is laid out as process reward models are trained by TRL: the problem, then each step and a line break; a
token classifier is read at the line break, a sequence classifier of the text up to there. A verifier that was
published by this program says itself how its texts are laid out (`verifier.published`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from sapo_engine.models.loading import load_config, load_network, load_tokenizer
from sapo_engine.text.prompts import plain_prompt, token_id
from sapo_engine.verifier.published import KEY, Layout
from sapo_studio.errors import InputError

SEPARATOR = "\n"


class Classifier:
    """A step scorer in `folder`. With one output a score is its sigmoid, with two the probability of the second; one
    that this program published says in its configuration what its outputs are."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        config = load_config(folder)
        self.tokenizer = load_tokenizer(folder)
        names = " ".join(getattr(config, "architectures", None) or ())
        self.by_token = "TokenClassification" in names
        if not self.by_token and "SequenceClassification" not in names:
            raise InputError(
                f"{folder} is not a valid verifier",
                why=f"Its architecture is {names or 'not named'}.",
                fix="Give the folder of a token- or sequence-classification model, or the number of a run's verifier.",
            )
        kind: Any = AutoModelForTokenClassification if self.by_token else AutoModelForSequenceClassification
        told = getattr(config, KEY, None) if self.by_token else None
        self.layout = None if told is None else Layout.from_json(told)
        self.model = load_network(folder, kind=kind).eval()
        classes = self.model.config.num_labels
        if self.layout is not None:
            wanted = self.layout.outputs(int(config.get_text_config().vocab_size))
            if classes != wanted:
                raise InputError(f"The model in {folder} has {classes} outputs", why=f"By its {KEY} it has {wanted}.")
        elif classes not in (1, 2):
            raise InputError(
                f"The model in {folder} has {classes} classes",
                why="A step is right or wrong: one output, or two (wrong, right).",
            )
        self.model.to(device)  # pyright: ignore[reportArgumentType]  # torch's overloads
        self.device = device

    @torch.inference_mode()
    def score(self, problem: str, steps: Sequence[str]) -> list[float]:
        """v_1..v_n of one solution."""
        if self.layout is not None:
            tokens, first, ends = self.layout.tokens(self.tokenizer, problem, steps)
            self._check_length(len(tokens), problem)
            row = torch.tensor(tokens, device=self.device)
            return self.layout.scores(self.model(input_ids=row[None]).logits[0], row, first, ends).tolist()
        bos = self.tokenizer.bos_token_id
        tokens = [token_id(bos)] if bos is not None else []
        tokens += plain_prompt(self.tokenizer, problem, special=False)
        ends = []
        for step in steps:
            tokens += plain_prompt(self.tokenizer, step, special=False)
            tokens += plain_prompt(self.tokenizer, SEPARATOR, special=False)
            ends.append(len(tokens))
        self._check_length(len(tokens), problem)
        ids = torch.tensor([tokens], device=self.device)
        if self.by_token:
            logits = self.model(input_ids=ids).logits[0, [end - 1 for end in ends]]
        else:
            logits = torch.cat([self.model(input_ids=ids[:, :end]).logits for end in ends])
        return self._right(logits.float()).tolist()

    def _check_length(self, tokens: int, problem: str) -> None:
        longest = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if longest and tokens > longest:
            raise InputError(
                f"A solution of {tokens} tokens is too long for the verifier",
                why=f"It takes {longest}, and the problem begins: {problem[:80]!r}",
                fix="Leave the solution out of the benchmark.",
            )

    @staticmethod
    def _right(logits: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(logits[:, 0]) if logits.shape[-1] == 1 else logits.softmax(-1)[:, 1]
