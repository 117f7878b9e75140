"""Words for what will not fit, and the changes of the configuration that would help: tried, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast.memory_parts import Peak, size

Change = tuple[str, dict[str, Any]]


def told(peak: Peak, where: str, there: int, free: int) -> str:
    """What does not fit where."""
    needs = f"{peak.use} needs {size(peak.bytes)} of {where[0].lower()}{where[1:]}"
    if peak.bytes > there:
        return f"{needs}, which has {size(there)}: it will not fit."
    return f"{needs}, and {size(free)} of {size(there)} are free now: it fits only if others make room."


def helps(config: RunConfig, peak: Peak, room: float, bytes_of: Callable[[RunConfig], float], cards: int = 1) -> str:
    """The changes that bring `peak` down, those that make it fit `room` first. `bytes_of` is the peak of another
    configuration; `cards`: how many the machine has."""
    tried: dict[str, list[tuple[float, str]]] = {}
    for words, update in _changes(config, peak.use, cards):
        changed = _updated(config, update)
        if changed is None:
            continue
        now = bytes_of(changed)
        if now < 0.95 * peak.bytes:
            tried.setdefault(words.partition(" =")[0], []).append((now, f"{words} ({size(now)})"))
    if not tried:
        return "Use a smaller model, or a machine with more memory."
    # Of each value the smallest change that is enough.
    enough = [max(fits) for each in tried.values() if (fits := [one for one in each if one[0] <= room])]
    if enough:
        return "Any of these would do: " + "; ".join(words for _, words in sorted(enough, reverse=True)[:4]) + "."
    most = sorted(min(each) for each in tried.values())
    return "Not enough by itself, but of help: " + "; ".join(words for _, words in most[:4]) + "."


def _changes(config: RunConfig, use: str, cards: int) -> Iterator[Change]:
    runtime, model, verifier = config.runtime, config.model, config.verifier
    if use == "Sampling":
        if runtime.backend == "vllm":
            yield "runtime.vllm_memory = 0.6", {"runtime": {"vllm_memory": min(0.6, runtime.vllm_memory)}}
        else:
            for less in _less(runtime.rollout_batch):
                yield f"runtime.rollout_batch = {less}", {"runtime": {"rollout_batch": less}}
    elif use != "Scoring":
        for halved in range(1, 8):
            if less := runtime.micro_tokens >> halved:
                yield f"runtime.micro_tokens = {less}", {"runtime": {"micro_tokens": less}}
        if not model.gradient_checkpointing:
            yield "model.gradient_checkpointing = true", {"model": {"gradient_checkpointing": True}}
        if model.tuning == "full" and runtime.sharded_training != "off":
            for more in (2, 4, 8):
                if runtime.processes < more <= cards:
                    update = {"processes": more, "sharded_training": "on"}
                    yield f"runtime.processes = {more}, which divide what is trained", {"runtime": update}
        elif model.tuning == "full" and runtime.processes > 1:
            yield 'runtime.sharded_training = "auto"', {"runtime": {"sharded_training": "on"}}
        if model.tuning == "full":
            whole = {"sharded_training": "auto"}  # adapters are not divided
            yield 'model.tuning = "lora"', {"model": {"tuning": "lora"}, "runtime": whole}
    if verifier.base == "copy":
        yield 'verifier.base = "shared"', {"verifier": {"base": "shared"}}
    if use in ("Scoring", "Verifier training") and verifier.head == "likelihood":
        yield 'verifier.head = "scalar"', {"verifier": {"head": "scalar"}}


def _less(size: int) -> Iterator[int]:
    """A quarter, and a few."""
    for less in (size // 4, 8, 2):
        if 0 < less < size:
            yield less


def _updated(config: RunConfig, update: dict[str, Any]) -> RunConfig | None:
    data: dict[str, Any] = config.model_dump()
    for section, values in update.items():
        data[section].update(values)
    try:
        return RunConfig.model_validate(data)
    except ValueError:
        return None
