"""The methods that can be compared, each a change of the configuration and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """A method: what it is called, and what of a configuration it changes (sections and values, as in TOML).

    `paper`: its row in the paper's tables, where it has one.
    """

    title: str
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    paper: str = ""


_NO_VERIFIER = {"labeler": "none"}
_BY_ANSWER = {"reward": "answer", "beta": 0.1}

METHODS: dict[str, Method] = {
    "cot": Method("CoT, untrained", {"iterations": 0, "warmup": {"epochs": 0}}, paper="CoT"),
    "sapo": Method("SAPO", paper="SAPO"),
    "sapo-search": Method("SAPO, searching", {"labeling": {"max_checks": 64}}),
    "rft": Method("RFT", {"iterations": 1, "labeling": _NO_VERIFIER, "optimiser": {"kind": "sft"}}, paper="RFT"),
    "online-rft": Method("Online RFT", {"labeling": _NO_VERIFIER, "optimiser": {"kind": "sft"}}, paper="Online-RFT"),
    "dpo": Method("DPO", {"labeling": _NO_VERIFIER, "optimiser": {"kind": "dpo", **_BY_ANSWER}}),
    "rft-dpo": Method(
        "RFT+DPO",
        {
            "iterations": 2,
            "labeling": _NO_VERIFIER,
            "optimiser": {"kind": "dpo", "rft_iterations": 1, **_BY_ANSWER},
        },
        paper="RFT+DPO",
    ),
    "rpo": Method("RPO", {"labeling": _NO_VERIFIER, "optimiser": {"kind": "rpo", **_BY_ANSWER}}, paper="RPO"),
    "grpo": Method("GRPO", {"labeling": _NO_VERIFIER, "optimiser": {"kind": "grpo"}}, paper="SFT+GRPO"),
    "orm": Method(
        "w/o PF (outcome labels)", {"labeling": {"labeler": "outcome", "start_labeler": "outcome"}}, "w/o PF"
    ),
    "omega": Method("Omega labels", {"labeling": {"labeler": "omega"}}),
    "shepherd": Method("Shepherd labels", {"labeling": {"labeler": "shepherd"}}),
    "wo-dv": Method("w/o DV, a random step", {"labeling": {"detection": "random"}}, "w/o DV"),
    "wo-rm": Method("w/o RM, pairs by answer", {"labeling": _NO_VERIFIER, "optimiser": {"reward": "answer"}}, "w/o RM"),
    "wo-ep": Method("w/o EP, no expansion", {"labeling": {"expansion": False}}, "w/o EP"),
}
"""By the name that a file gives them."""

PAPER: dict[str, dict[str, float]] = {
    "gsm8k/qwen2.5-0.5b": {
        "CoT": 28.51, "SFT": 34.19, "RFT": 37.83, "RFT+DPO": 8.26, "Online-RFT": 40.79, "RPO": 41.55,
        "SFT+GRPO": 46.24, "SAPO": 41.62, "w/o PF": 39.65, "w/o DV": 40.86, "w/o RM": 40.71, "w/o EP": 40.33,
    },
    "gsm8k/llama3.2-1b": {
        "CoT": 5.31, "SFT": 22.14, "RFT": 26.31, "RFT+DPO": 23.88, "Online-RFT": 29.03, "RPO": 29.26,
        "SFT+GRPO": 26.46, "SAPO": 34.19, "w/o PF": 32.37, "w/o DV": 31.69, "w/o RM": 32.75, "w/o EP": 33.73,
    },
    "gsm8k/gemma2-2b": {
        "CoT": 19.86, "SFT": 39.12, "RFT": 45.34, "RFT+DPO": 41.02, "Online-RFT": 48.67, "RPO": 45.41,
        "SFT+GRPO": 44.65, "SAPO": 49.73,
    },
    "mbpp/qwen2.5-0.5b": {
        "CoT": 24.44, "SFT": 29.32, "RFT": 30.36, "RFT+DPO": 16.29, "Online-RFT": 34.00, "RPO": 36.63,
        "SFT+GRPO": 35.20, "SAPO": 36.67,
    },
    "mbpp/llama3.2-1b": {
        "CoT": 21.94, "SFT": 24.01, "RFT": 26.35, "RFT+DPO": 25.95, "Online-RFT": 28.25, "RPO": 28.45,
        "SFT+GRPO": 25.55, "SAPO": 28.92,
    },
    "mbpp/gemma2-2b": {
        "CoT": 22.61, "SFT": 29.62, "RFT": 29.05, "RFT+DPO": 18.03, "Online-RFT": 34.20, "RPO": 34.93,
        "SFT+GRPO": 33.40, "SAPO": 35.43,
    },
}  # fmt: skip
"""The paper's greedy accuracies in per cent (its Tables 1 and 3), by task and model, then by the paper's name."""

PAPER_SAPO: dict[str, tuple[float, ...]] = {
    "gsm8k/qwen2.5-0.5b": (36.99, 38.14, 41.62),
    "gsm8k/llama3.2-1b": (29.41, 32.60, 34.19),
    "gsm8k/gemma2-2b": (46.10, 48.07, 49.73),
    "mbpp/qwen2.5-0.5b": (33.83, 34.06, 36.67),
    "mbpp/llama3.2-1b": (25.35, 28.82, 28.92),
    "mbpp/gemma2-2b": (32.76, 35.17, 35.43),
}
"""SAPO's after iterations 1, 2 and 3."""

PAPER_MODELS: dict[str, str] = {
    "hub:qwen/qwen2.5-0.5b": "qwen2.5-0.5b",
    "hub:meta-llama/llama-3.2-1b": "llama3.2-1b",
    "hub:google/gemma-2-2b": "gemma2-2b",
}
"""The paper's models as PAPER has them, by `model.source` in small letters."""

PAPER_DATA: dict[str, str] = {"gsm8k": "hub:openai/gsm8k", "mbpp": "hub:google-research-datasets/mbpp"}
"""Where the paper's questions are, by `task.kind`."""
