"""Where a run will work: on which cards or on the CPU, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.card_choice import card_trouble
from sapo_studio.forecast.machine import Machine
from sapo_studio.forecast.throughput import Pace, pace_of

_ASK_RAY = "`sapo doctor --cluster` shows them."


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
    usable = [card for card in there if machine.visible is None or card in machine.visible]
    named = [int(part) for part in runtime.gpus.split(",") if part]
    device = runtime.device
    if device.startswith("cuda:") and device[5:].isdigit():
        at, among = int(device[5:]), named or usable
        named = [among[at] if at < len(among) else at]
    if runtime.launcher != "local":
        why = "The workers are on several machines: what the others have is not known here"
        fix = _ASK_RAY if runtime.launcher == "ray" else ""
        alike = device == "cuda" or (device == "auto" and bool(there))  # the others are taken to be like this one
        cards = tuple(range(runtime.processes)) if alike else ()
        precision = _settled(config, "bf16" if cards else "fp32")
        return Place(cards, runtime.processes, runtime.threads, precision, timed=False, why=f"{why}.", fix=fix)
    trouble = card_trouble(
        device=device,
        gpus=runtime.gpus,
        processes=runtime.processes,
        there=there if machine.certain else None,
        visible=machine.visible,
        none_seen=machine.card_words,
    )
    why, fix = ("", "") if trouble is None else (f"{trouble.what}. {trouble.why}", trouble.fix)
    wanted = device.startswith("cuda") or (device == "auto" and bool(usable or (named and there)))
    if not wanted:
        return Place((), runtime.processes, runtime.threads, _settled(config, "fp32"), timed=True, why=why, fix=fix)
    cards = tuple((named or usable or list(range(runtime.processes)))[: runtime.processes])
    timed = all(card in there for card in cards)
    return Place(cards, runtime.processes, runtime.threads, _settled(config, "bf16"), timed, why, fix)


def _settled(config: RunConfig, auto: str) -> str:
    return auto if config.model.precision == "auto" else config.model.precision
