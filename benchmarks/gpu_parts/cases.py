"""All cases, the most telling ones first: where the time ends is where the check ends."""

from __future__ import annotations

from gpu_parts import packs, sampling, slots, training, trl_trainers, vllm_engine, whole_runs

CASES = (
    *whole_runs.FIRST,
    *sampling.CASES,
    *slots.CASES,
    *training.CASES,
    *packs.CASES,
    *trl_trainers.CASES,
    *vllm_engine.CASES,
    *whole_runs.CASES,
)
