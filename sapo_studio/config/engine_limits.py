"""What the engine does at a time and at most, where the configuration leaves it open. The engine works by these numbers
and the forecast reckons with them."""

from __future__ import annotations

CHECKS_AN_EPOCH = 6
"""How often a warm-up that may stop early is looked at: it can go from 10 % to 60 % within an epoch."""

WARMUP_SAMPLES = 2
"""Samples of each development question when a warm-up is looked at."""

BENCHMARK_SAMPLES = 4
"""Samples of each question that one solution of the process benchmark is chosen from."""

ANSWER_TOKENS, CODE_TOKENS = 320, 400
"""Longest written solution where `task.max_new_tokens` is 0: of an answer, and of a program."""

READ_POSITIONS, CARD_READ_POSITIONS = 2048, 16384
"""Token positions that a network reads at a time where nothing is trained (a verifier that scores, a reference pass),
if a text is not longer: on a CPU, where more are slower since they leave its caches, and on a card."""

HEAD_ENTRIES, CARD_HEAD_ENTRIES = 2**25, 2**28
"""Positions times vocabulary whose scores a language head makes at a time in training and scoring: on a CPU, whose
caches are soon full, and on a card, which wants large products. In fp32 these are 128 MiB and 1 GiB."""

MICRO_TOKENS = 8192
"""Token positions that are trained on at a time, at most, where `runtime.micro_tokens` is 0 and no card's memory says
otherwise: on a CPU more are slower, since they leave its caches."""

ROLLOUT_ROWS = 512
"""Sequences that the program's own sampler writes at a time where `runtime.rollout_batch` is 0 and no card's memory
says otherwise."""

VLLM_SEQUENCES, VLLM_CPU_SEQUENCES = 1024, 256
"""Sequences that vLLM writes at a time: on a card, where it captures graphs for as many, and on a CPU."""
VLLM_CPU_CACHE = 2**30
"""Bytes for vLLM's keys and values on a CPU, unless VLLM_CPU_KVCACHE_SPACE (GiB) says otherwise."""


def lab_tokens(max_steps: int) -> int:
    """Longest solution of a generated problem of at most `max_steps` steps: four tokens a step, and two steps more."""
    return 4 * (max_steps + 2)
