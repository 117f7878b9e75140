"""How large `make gpu-demo` is: the preset's sizes, or as much of them as the forecast says that there is time for; and
the run beside it at equal FLOPs."""

from __future__ import annotations

import math

from annotated_types import Ge
from pydantic import BaseModel

from sapo_studio.config.overrides import merged
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.methods import METHODS
from sapo_studio.forecast import Forecast, Machine, ModelShape, Unknown, forecast

SIZES = {
    "task": ("train_questions", "development_questions", "test_questions", "process_solutions"),
    "sampling": ("questions", "start_questions"),
    "labeling": ("trajectories", "start_trajectories"),
    "verifier": ("max_trajectories",),
    "optimiser": ("max_pairs",),
}
"""What makes a run longer, by section."""
SMALLEST = 0.01
SHARES = 40
"""Shares of the sizes that are tried, from all of them to the smallest."""
MOST_SAMPLES = 64
"""Of a question, for the run at equal FLOPs."""


def scaled(config: RunConfig, share: float) -> RunConfig:
    """`config` with `share` of its sizes, but never less than a setting allows."""
    data: dict[str, dict[str, int]] = {}
    for section, names in SIZES.items():
        part: BaseModel = getattr(config, section)
        data[section] = {name: max(_least(part, name), round(share * getattr(part, name))) for name in names}
    return parse_config(merged(config.model_dump(mode="json"), data))


def _least(part: BaseModel, name: str) -> int:
    bounds = [one.ge for one in type(part).model_fields[name].metadata if isinstance(one, Ge)]
    return max((int(str(bound)) for bound in bounds), default=1)


def within(config: RunConfig, shape: ModelShape | Unknown, machine: Machine, seconds: float) -> tuple[RunConfig, float]:
    """As much of `config` as the forecast says will end within `seconds`, and which share that is; the smallest where
    nothing will, and all of it where the forecast cannot say."""
    for step in range(SHARES):
        share = 1 - step * (1 - SMALLEST) / (SHARES - 1)
        sized = config if step == 0 else scaled(config, share)
        told = forecast(sized, shape, machine).seconds
        if told is None or told <= seconds:
            return sized, share
    return scaled(config, SMALLEST), SMALLEST


def at_equal_flops(
    config: RunConfig, shape: ModelShape | Unknown, machine: Machine, flops: float
) -> tuple[RunConfig, Forecast]:
    """Fine-tuning on correct samples in each iteration (online RFT), with as many more samples, and solutions to train
    on, as make it compute about `flops`; and its forecast."""
    base = merged(config.model_dump(mode="json"), METHODS["online-rft"].changes, {"name": f"{config.name}, RFT"})
    optimiser = config.optimiser
    changed = parse_config(base)
    told = forecast(changed, shape, machine)
    for samples in range(config.sampling.samples, MOST_SAMPLES + 1):
        more = samples / config.sampling.samples
        pairs = {
            "max_pairs": round(more * optimiser.max_pairs),
            "pairs_per_question": math.ceil(more * optimiser.pairs_per_question),
        }
        changed = parse_config(merged(base, {"sampling": {"samples": samples}, "optimiser": pairs}))
        told = forecast(changed, shape, machine)
        if (told.compute.flops or flops) >= flops:
            break
    return changed, told
