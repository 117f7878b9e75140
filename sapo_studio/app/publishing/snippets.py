"""How a published model is loaded and used, in a few lines that need nothing but torch and transformers (and peft).

They stand in the card as they are made here; tests run them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_studio.app.publishing.wanted import Base
from sapo_studio.readable import json_line

_NEXT = 'step + "\\n"'
FLOOR = 12
"""Log-likelihoods below minus this tell a verifier no more."""


@dataclass(frozen=True, slots=True)
class Prompting:
    """How questions are put: the engine's answer `prompt`, and whether the tokenizer's chat template does it."""

    told: Mapping[str, Any]
    templated: bool

    def tokens(self, question: str, to: str) -> list[str]:
        """Lines that make the list `to` of tokens of the variable `question`."""
        before, after = self.told["before"], self.told["after"]
        if not self.templated:
            first = "[tokenizer.bos_token_id] + " if self.told["bos"] else ""
            text = _around(before, question, after)
            return [f'{to} = {first}tokenizer({text}, add_special_tokens=False)["input_ids"]']
        # Of a plain prompt the template has what stands around the question.
        text = _around(before, question, after) if self.told["chat"] else question
        turns = ", ".join([*(_literal(turn) for turn in self.told["turns"]), f'{{"role": "user", "content": {text}}}'])
        laid_out = "tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)"
        return [f"messages = [{turns}]", f'{to} = {laid_out}["input_ids"]']


def reasoner(where: str, question: str, prompting: Prompting) -> str:
    """Load a whole reasoner and have it answer a question greedily."""
    return _lines(
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f"folder = {_literal(where)}",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        'model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()',
        *_answer(question, prompting),
    )


def adapter(where: str, base: Base, dtype: str, question: str, prompting: Prompting) -> str:
    """The same of an adapter beside the model that it belongs to."""
    revision = f", revision={_literal(base.revision)}" if base.revision else ""
    return _lines(
        "import torch",
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig",
        "",
        f"folder, base = {_literal(where)}, {_literal(base.name)}",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f"model = AutoModelForCausalLM.from_pretrained(base, dtype={dtype}{revision})",
        "model = PeftModel.from_pretrained(model, folder).eval()",
        *_answer(question, prompting, settings="GenerationConfig.from_pretrained(folder)"),
    )


def _answer(question: str, prompting: Prompting, settings: str = "") -> list[str]:
    told = f", generation_config={settings}" if settings else ""
    return [
        f"question = {_literal(question)}",
        *prompting.tokens("question", "prompt"),
        "ids = torch.tensor([prompt])",
        f"out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False{told})",
        "print(tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True))",
    ]


def verifier(
    where: str, question: str, steps: Sequence[str], head: str, prompting: Prompting, *, classifier: bool
) -> str:
    """Load a verifier and have it score the steps of a solution. `classifier`: it is a token classifier, not a causal
    language model whose configuration has the head."""
    kind = "AutoModelForTokenClassification" if classifier else "AutoModelForCausalLM"
    logits = ["logits = model(ids).logits[0, len(prompt) - 1:].detach()"]
    if not classifier:
        logits = [
            "told = model.config.sapo_verifier",
            "hidden = model.base_model(ids).last_hidden_state[0, len(prompt) - 1:].detach()",
            'own = (hidden @ torch.tensor(told["weight"]) + told["bias"])[:, None]',
            "logits = torch.cat([model.get_output_embeddings()(hidden).detach(), own], dim=-1)",
        ]
    score = {
        "scalar": ["score = logits[at + 1, -1]"],
        "likelihood": [
            "upto = logits[:-1, :-1].log_softmax(-1).gather(1, ids[0, len(prompt):, None])[:, 0].cumsum(0)[at]",
            f"step = upto.diff(prepend=torch.zeros(1)).clamp(-{FLOOR}, 0)",
            f"known = torch.stack([step, upto.clamp(-{FLOOR}, 0), step.cummin(0).values])",
            f"features = torch.cat([known / {FLOOR}, known.exp()])",
            'score = logits[at + 1, -1] + torch.tensor(model.config.sapo_verifier["features"]) @ features',
        ],
    }[head]
    cut = 'tokenizer({}, add_special_tokens=False)["input_ids"]'
    return _lines(
        "import torch",
        f"from transformers import {kind}, AutoTokenizer",
        "",
        f"folder = {_literal(where)}",
        f"question = {_literal(question)}",
        f"steps = {_literal(list(steps))}",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f"model = {kind}.from_pretrained(folder, dtype=torch.float32).eval()",
        *prompting.tokens("question", "prompt"),
        f"parts = [{cut.format(_NEXT)} for step in steps[:-1]]",
        f"parts.append({cut.format('steps[-1]')} + [tokenizer.eos_token_id])",
        "at = torch.tensor([len(part) for part in parts]).cumsum(0) - 1  # where each step ends, behind the prompt",
        "ids = torch.tensor([prompt + sum(parts, [])])",
        *logits,
        *score,
        "print(score.sigmoid().tolist())",
    )


def _around(before: str, name: str, after: str) -> str:
    return " + ".join([*([_literal(before)] if before else []), name, *([_literal(after)] if after else [])])


def _literal(value: object) -> str:
    """Plain data as Python writes it, on one line."""
    return json_line(value)


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
