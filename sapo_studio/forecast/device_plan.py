"""Where a run will work: on which cards or on the CPU, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.throughput import Pace, pace_of


@dataclass(frozen=True, slots=True)
class Place:
    """`cards` are the numbers of those in use, `precision` is settled. `timed`: there is something to reckon time with.
    `why` and `fix` say what stands in the way of it, if anything does."""

    cards: tuple[int, ...]
    processes: int
    threads: int
    precision: str
    timed: bool
    why: str = ""
    fix: str = ""

    @property
    def on_cards(self) -> bool:
        """Whether the models are on cards."""
        return bool(self.cards)

    def pace(self, machine: Machine, precision: str) -> Pace:
        """One worker's."""
        return pace_of(machine, self.threads, self.cards[0] if self.cards else None, precision)


def place_of(config: RunConfig, machine: Machine) -> Place:
    """Where `config` will work on `machine`. A card that is asked for and not there is reckoned with all the same."""
    runtime = config.runtime
    there = [card.number for card in machine.cards]
    named = [int(part) for part in runtime.gpus.split(",") if part]
    device = runtime.device
    if device.startswith("cuda:") and device[5:].isdigit():
        named = [named[int(device[5:])] if int(device[5:]) < len(named) else int(device[5:])]
    wanted = device != "cpu" and (device != "auto" or bool(there))
    if not wanted:
        return Place((), runtime.processes, runtime.threads, _settled(config, "fp32"), timed=True)
    cards = tuple((named or there or list(range(runtime.processes)))[: runtime.processes])
    missing = [card for card in cards if card not in there]
    why = fix = ""
    if missing:
        some = machine.card_words if not there else f"cards {', '.join(map(str, there))} are there"
        asked = f"card {missing[0]}" if len(missing) == 1 else "cards " + " and ".join(map(str, missing))
        why = f"The run asks for {asked}, and this machine does not have that: {some}."
        fix = 'Set runtime.device = "auto", or run it on a machine with cards.'
    elif len(cards) < runtime.processes:
        why = f"runtime.processes = {runtime.processes}, and there are only {len(cards)} cards to work on."
        fix = f"Set runtime.processes = {len(cards)}."
    return Place(cards, runtime.processes, runtime.threads, _settled(config, "bf16"), not missing, why, fix)


def _settled(config: RunConfig, auto: str) -> str:
    return auto if config.model.precision == "auto" else config.model.precision
