"""Whether the trainings of a run are sharded, which is settled when it begins: by the forecast's own rule, for the
cards that are there."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from sapo_engine.models.memory import all_bytes, shape_of
from sapo_engine.process_group import Group
from sapo_engine.training.sharded import obstacle
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.forecast.device_plan import Place
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.memory_use import shards_training


def shards_trainings(
    config: RunConfig, network: PreTrainedModel, precision: str, device: torch.device, group: Group
) -> bool:
    """Whether the ranks of `group` divide what is trained among them, as `runtime.sharded_training` has it. All ranks
    have to ask together. Raises InputError where that is asked for and `network` is none that can be divided."""
    if group.size == 1:
        return False
    card = min(group.gather(all_bytes(device)))
    shape = shape_of(network)
    cards = tuple(range(group.size)) if device.type == "cuda" else ()
    place = Place(cards, group.size, config.runtime.threads, precision, timed=False)
    texts = lengths(config.task, shape.positions if shape else 1 << 20)
    wanted = shards_training(config, shape, place, texts, card)
    if wanted and (why := obstacle(network, precision)):
        raise InputError(
            f"A training of the architecture {network.config.model_type} cannot be divided among processes",
            why=f"{why[0].upper()}{why[1:]}.",
            fix='Set runtime.sharded_training = "off", or use another model or adapters (model.tuning = "lora").',
        )
    return wanted


def told(group: Group) -> str:
    """For the run's log."""
    return f"Training is sharded: each of {group.size} processes holds a part of weights, gradients and moments."
