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
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification

from sapo_engine.models.loading import load_config, load_network, load_tokenizer
from sapo_engine.text.prompts import plain_prompt, token_id
from sapo_engine.verifier.published import KEY, Layout
from sapo_studio.errors import InputError
from sapo_studio.model_files.folder import CONFIG

SEPARATOR = "\n"
A_VERIFIER = "Give the folder of a token- or sequence-classification model, or the number of a run's verifier."


class Classifier:
    """A step scorer in `folder`. With one output a score is its sigmoid, with two the probability of the second; one
    that this program published says in its configuration what its outputs are."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        if not (folder / CONFIG).is_file():
            why = f"There is no {CONFIG} in it." if folder.is_dir() else "It is not a folder."
            raise InputError(f"{folder} is not a verifier's folder", why=why, fix=A_VERIFIER)
        config = load_config(folder)
        self.tokenizer = load_tokenizer(folder)
        names = " ".join(getattr(config, "architectures", None) or ())
        told = getattr(config, KEY, None)
        self.layout = None if told is None else Layout.from_json(told)
        self.by_token = "TokenClassification" in names
        causal = self.layout is not None and bool(self.layout.weight)
        if not (self.by_token or causal or "SequenceClassification" in names):
            raise InputError(
                f"{folder} is not a valid verifier",
                why=f"Its architecture is {names or 'not named'}.",
                fix=A_VERIFIER,
            )
        kind: Any = AutoModelForTokenClassification if self.by_token else AutoModelForSequenceClassification
        self.model = load_network(folder, kind=AutoModelForCausalLM if causal else kind).eval()
        self._check_outputs(folder)
        self.model.to(device)  # pyright: ignore[reportArgumentType]  # torch's overloads
        self.device = device

    def _check_outputs(self, folder: Path) -> None:
        """Raise InputError where the model's outputs are not those of a step scorer."""
        config = self.model.config
        if self.layout is None:
            if config.num_labels not in (1, 2):
                raise InputError(
                    f"The model in {folder} has {config.num_labels} classes",
                    why="A step is right or wrong: one output, or two (wrong, right).",
                )
            return
        text = config.get_text_config()
        if self.layout.weight:
            found, wanted = len(self.layout.weight), int(text.hidden_size)
        else:
            found, wanted = config.num_labels, self.layout.outputs(int(text.vocab_size))
        if found != wanted:
            raise InputError(
                f"The head of the model in {folder} does not fit it", why=f"{found} numbers, not {wanted}."
            )

    @torch.inference_mode()
    def score(self, problem: str, steps: Sequence[str]) -> list[float]:
        """v_1..v_n of one solution. Raises InputError as `check` does."""
        tokens, first, ends = self._laid_out(problem, steps)
        if self.layout is not None:
            row = torch.tensor(tokens, device=self.device)
            return self.layout.scores(self.layout.logits(self.model, row), row, first, ends).tolist()
        ids = torch.tensor([tokens], device=self.device)
        if self.by_token:
            logits = self.model(input_ids=ids).logits[0, [end - 1 for end in ends]]
        else:
            logits = torch.cat([self.model(input_ids=ids[:, :end]).logits for end in ends])
        return self._right(logits.float()).tolist()

    def check(self, problem: str, steps: Sequence[str]) -> None:
        """Raise InputError where a solution is too long. Nothing is computed: whoever scores many, for hours perhaps,
        asks this of all of them first."""
        self._laid_out(problem, steps)

    def _laid_out(self, problem: str, steps: Sequence[str]) -> tuple[list[int], int, list[int]]:
        """Tokens of a solution, how many of them are the prompt's, and where each step ends."""
        if self.layout is not None:
            tokens, first, ends = self.layout.tokens(self.tokenizer, problem, steps)
        else:
            bos = self.tokenizer.bos_token_id
            tokens = [token_id(bos)] if bos is not None else []
            tokens += plain_prompt(self.tokenizer, problem, special=False)
            first, ends = len(tokens), list[int]()
            for step in steps:
                tokens += plain_prompt(self.tokenizer, step, special=False)
                tokens += plain_prompt(self.tokenizer, SEPARATOR, special=False)
                ends.append(len(tokens))
        longest = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if longest and len(tokens) > longest:
            raise InputError(
                f"A solution of {len(tokens)} tokens is too long for the verifier",
                why=f"It takes {longest}, and the problem begins: {problem[:80]!r}",
                fix="Leave the solution out of the benchmark.",
            )
        return tokens, first, ends

    @staticmethod
    def _right(logits: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(logits[:, 0]) if logits.shape[-1] == 1 else logits.softmax(-1)[:, 1]
