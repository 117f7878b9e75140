"""From a run's configuration to what it needs of the machine, by the forecast."""

from __future__ import annotations

from dataclasses import replace

from sapo_studio.config.machines import hosts_of
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.card_choice import card_trouble
from sapo_studio.domain.scheduling import Need
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_studio.forecast.device_plan import Place, place_of


def need_of(config: RunConfig, machine: Machine) -> Need:
    """What `config` needs on `machine` when nothing else runs there: the engine samples as many sequences at a time as
    a card's free memory has room for, so that with others on the card it would seem to need less than it will take.

    One whose workers Ray places needs nothing of this machine: Ray has it wait for the cluster's. Of one on several
    machines that are named, this machine's part counts."""
    if config.runtime.launcher == "ray":
        return Need()
    hosts = hosts_of(config.runtime)
    if hosts:
        part = {"launcher": "local", "processes": config.runtime.processes // len(hosts)}
        config = config.model_copy(update={"runtime": config.runtime.model_copy(update=part)})
    alone = replace(machine, free=machine.total, cards=tuple(replace(card, free=card.total) for card in machine.cards))
    place = place_of(config, alone)
    found = forecast(config, find_shape(config), alone)
    on_cards = found.memory[:-1]
    return Need(
        cards=place.processes if place.on_cards else 0,  # one each, also where the machine has fewer
        memory_on_card=round(max((one.peak.bytes for one in on_cards), default=0.0)),
        share_of_card=config.runtime.vllm_memory if config.runtime.backend == "vllm" and place.on_cards else 0.0,
        main_memory=round(found.memory[-1].peak.bytes) if found.memory else 0,
        cores=0 if place.on_cards else place.processes * (place.threads or machine.cores),
        only=_only(config, place, alone),
        seconds=found.seconds,
        known=not found.unknown,
        never=_never(config),
    )


def _never(config: RunConfig) -> str:
    """Why it can start on no machine; what this one lacks may come."""
    runtime = config.runtime
    trouble = card_trouble(device=runtime.device, gpus=runtime.gpus, processes=runtime.processes, there=None)
    return "" if trouble is None else f"{trouble.what}. {trouble.fix}"


def cards_of(config: RunConfig, machine: Machine) -> tuple[str, ...]:
    """The cards (UUIDs) that a run works on which was started without the queue."""
    numbers = place_of(config, machine).cards
    return tuple(card.uuid for card in machine.cards if card.number in numbers)


def _only(config: RunConfig, place: Place, machine: Machine) -> frozenset[str]:
    """The cards that the configuration names, if it names any. One that is not there keeps its number, so that the run
    waits for it and for no other."""
    named = {int(part) for part in config.runtime.gpus.split(",") if part}
    if config.runtime.device.startswith("cuda:"):
        named = set(place.cards)
    there = {card.number: card.uuid for card in machine.cards}
    return frozenset(there.get(number, f"card {number}") for number in named) if place.on_cards else frozenset()
