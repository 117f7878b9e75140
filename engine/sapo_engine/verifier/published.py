"""A published verifier: how its texts are laid out, and how scores come of a token classifier's outputs.

A token classifier of transformers is a linear layer on the last hidden states. A scalar head is one as it is. The
likelihood head needs the language head's log-probabilities, too: the layer then has the language head's rows and the
step head's behind them, and what the six features weigh stands in config.json under `sapo_verifier`. Of an
architecture that transformers has no token classifier of, the folder is the causal language model, and the step head
stands in config.json whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sapo_engine.text.prompts import plain_prompt, token_id
from sapo_engine.text.recipe import Recipe
from sapo_engine.verifier.model import likelihood_features
from sapo_studio.errors import InputError

KEY = "sapo_verifier"
"""Of config.json."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`features`: weights of the likelihood features; none of a scalar head. `weight` and `bias`: the head on the last
    hidden state where it is not the model's own layer; no weight where it is."""

    recipe: Recipe
    features: tuple[float, ...] = ()
    weight: tuple[float, ...] = ()
    bias: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As it stands in config.json."""
        head = "likelihood" if self.features else "scalar"
        own = {"weight": list(self.weight), "bias": self.bias} if self.weight else {}
        return {"head": head, "features": list(self.features), "prompt": self.recipe.to_json(), **own}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """What `to_json` made. Raises InputError where it is something else."""
        try:
            features, weight = (tuple(map(float, told.get(name, ()))) for name in ("features", "weight"))
            return cls(Recipe.from_json(told["prompt"]), features, weight, float(told.get("bias", 0.0)))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{KEY} in the model's config.json cannot be read", why=f"{error!r}") from error

    def outputs(self, vocabulary: int) -> int:
        """Outputs of the token classifier, whose language head has `vocabulary` of its own."""
        return vocabulary + 1 if self.features else 1

    def logits(self, model: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
        """The outputs of a published `model` at the tokens `ids` (L,), shape (L, outputs)."""
        if not self.weight:
            return model(input_ids=ids[None]).logits[0]
        hidden = model.base_model(input_ids=ids[None], use_cache=False).last_hidden_state[0]
        step = hidden.float() @ hidden.new_tensor(self.weight, dtype=torch.float32) + self.bias
        if not self.features:
            return step[:, None]
        language = cast("nn.Module", model.get_output_embeddings())(hidden)
        return torch.cat([language.float(), step[:, None]], dim=-1)

    def tokens(
        self, tokenizer: PreTrainedTokenizerBase, problem: str, steps: Sequence[str]
    ) -> tuple[list[int], int, list[int]]:
        """Tokens of a solution, how many of them are the prompt's, and where each step is read."""
        (prompt,) = self.recipe.prompts(tokenizer, [problem])
        ids, ends = list(prompt), list[int]()
        for number, step in enumerate(steps, start=1):
            last = number == len(steps)
            ids += plain_prompt(tokenizer, step if last else step + "\n", special=False)
            if last:
                ids.append(token_id(tokenizer.eos_token_id))
            ends.append(len(ids) - 1)
        return ids, len(prompt), ends

    def scores(self, logits: torch.Tensor, ids: torch.Tensor, first: int, ends: Sequence[int]) -> torch.Tensor:
        """v_1..v_n of the outputs `logits` (L, outputs) at the tokens `ids` (L,), shape (n,)."""
        read = logits[list(ends), -1].float()
        if self.features:
            known = logits[first - 1 : -1, :-1].float().log_softmax(-1).gather(1, ids[first:, None])[:, 0]
            log_probs = torch.cat([known.new_zeros(first - 1), known])
            at = torch.tensor([list(ends)], device=ids.device)
            read = read + likelihood_features(log_probs[None], at)[0] @ read.new_tensor(self.features)
        return torch.sigmoid(read)
