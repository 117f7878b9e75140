"""What a run would take of each of the machine's cards, were it to work there: which are too small for it."""

from __future__ import annotations

from dataclasses import replace

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast.device_plan import place_of
from sapo_studio.forecast.lengths import lengths
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.memory_parts import Peak
from sapo_studio.forecast.memory_use import card_peaks, settled
from sapo_studio.forecast.model_shape import ModelShape


def card_needs(config: RunConfig, shape: ModelShape, machine: Machine) -> dict[int, Peak]:
    """The largest peak of `config` on each card of `machine`, by the card's number."""
    texts = lengths(config.task, shape.positions)
    found: dict[int, Peak] = {}
    for card in machine.cards:
        runtime = config.runtime.model_copy(update={"device": "cuda", "gpus": str(card.number)})
        place = replace(place_of(config.model_copy(update={"runtime": runtime}), machine), cards=(card.number,))
        whole = settled(config, shape, place, texts, card.total, card.total)
        found[card.number] = max(card_peaks(whole, shape, place, texts, card.total), key=lambda peak: peak.bytes)
    return found
