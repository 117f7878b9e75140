"""All cases, the most telling ones first: where the time ends is where the check ends."""

from __future__ import annotations

from gpu_parts import (
    divided_training,
    packed_training,
    packs,
    sampling,
    slots,
    training,
    trl_trainers,
    vllm_engine,
    whole_runs,
)

_ALL = (
    *whole_runs.FIRST,
    *sampling.CASES,
    *slots.CASES,
    *training.CASES,
    *divided_training.CASES,
    *packed_training.CASES,
    *packs.CASES,
    *trl_trainers.CASES,
    *vllm_engine.CASES,
    *whole_runs.CASES,
)
LATER = frozenset(
    {
        "text alone and in company",
        "waits in a token step",
        "sampler, 2048 rows",
        "sampler with cuDNN's attention, 512 rows",
        "slots without graphs, 512 rows",
        "train full",
        "train LoRA",
        "train QLoRA",
        "train full, checkpointing",
        "train full without cuDNN's attention",
        "vLLM killed with kill -9",
        "vLLM, greedy text equal to the sampler's, fp32",
    }
)
"""What an earlier check has measured already, or what only says why something is as it is."""
CASES = (*(case for case in _ALL if case.name not in LATER), *(case for case in _ALL if case.name in LATER))
