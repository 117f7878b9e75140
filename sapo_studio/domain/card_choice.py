"""Whether the cards that a run asks for are there: the one rule of the form, the forecast, `sapo run`, the queue and
the engine. What it refuses could only start and fail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DEVICE = re.compile(r"auto|cpu|mps|xpu|cuda(:[0-9]{1,4})?")
DEVICES = "There are auto, cpu, cuda, and one card such as cuda:1."


def is_device(text: str) -> bool:
    """Whether `text` is how a device is named, whether it is there or not."""
    return _DEVICE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class CardTrouble:
    """Why no run can begin. `key`: the setting of the section `runtime` to change, to `value` where one would do."""

    key: str
    what: str
    why: str
    fix: str
    value: str | int | None = None


def card_trouble(
    *,
    device: str,
    gpus: str,
    processes: int,
    there: Sequence[int] | None,
    visible: Sequence[int] | None = None,
    none_seen: str = "",
) -> CardTrouble | None:
    """What stands in the way of a run with these values of `runtime`. None where nothing does.

    `there`: the numbers of the machine's cards, None where nobody can say. `visible`: those that a run which names none
    may use (`CUDA_VISIBLE_DEVICES`), None for all. `none_seen`: why there is none, in words.
    """
    named = [int(part) for part in gpus.split(",") if part]
    found = _lasting(
        device,
        named,
        processes,
        on_cards=device != "cpu" and not (device == "auto" and there is not None and not there),
    )
    if found is not None or device in ("cpu", "mps", "xpu"):
        return found
    if there is None:
        return _too_few(processes, named) if named and device == "cuda" else None
    usable = [card for card in there if visible is None or card in visible]
    if device == "auto" and not usable and not (named and there):
        return None  # on the CPU
    if not there or not (usable or named):
        return _none_there(device, processes, bool(there), none_seen)
    if device.startswith("cuda:"):
        return _one(device, named, usable, there)
    missing = [card for card in named if card not in there]
    if missing:
        left = [card for card in named if card in there]
        return CardTrouble(
            key="gpus",
            what=f"runtime.gpus names {_cards(missing)}, which this machine does not have",
            why=f"{_cards(there).capitalize()} {'is' if len(there) == 1 else 'are'} there.",
            fix="Name cards that are there, or none: then a run takes as many as it needs.",
            value=",".join(map(str, left)),
        )
    return _too_few(processes, named or usable)


def _lasting(device: str, named: list[int], processes: int, *, on_cards: bool) -> CardTrouble | None:
    if not is_device(device):
        return CardTrouble(
            key="device",
            what=f"runtime.device = {device!r} is not a valid device",
            why=DEVICES,
            fix='Set runtime.device = "auto".',
            value="auto",
        )
    if processes > 1 and device not in ("auto", "cpu", "cuda"):
        return CardTrouble(
            key="device",
            what=f"runtime.device = {device!r} is one card, but runtime.processes = {processes}",
            why="Each process has a card of its own.",
            fix='Set runtime.device = "cuda", and runtime.gpus to the cards that are to be used.',
            value="cuda",
        )
    if device.startswith("cuda:") and named and int(device[5:]) >= len(named):
        return _no_such_device(device, len(named), "runtime.gpus names")
    once = list(dict.fromkeys(named))
    if on_cards and len(once) < len(named):
        twice = next(card for card in once if named.count(card) > 1)
        return CardTrouble(
            key="gpus",
            what=f"runtime.gpus names card {twice} more than once",
            why="Each process has a card of its own.",
            fix=f'Set runtime.gpus = "{",".join(map(str, once))}".',
            value=",".join(map(str, once)),
        )
    return None


def _none_there(device: str, processes: int, hidden: bool, none_seen: str) -> CardTrouble:
    fix = 'Set runtime.device to "auto", which takes the CPU where there is no card.'
    why = "CUDA_VISIBLE_DEVICES hides all cards of this machine" if hidden else none_seen or "no CUDA card is seen here"
    if processes > 1:
        what = f"runtime.processes = {processes}, but there are 0 cards to work on"
    else:
        what = f"There is no device {device}"
    return CardTrouble(key="device", what=what, why=f"{why[0].upper()}{why[1:]}.", fix=fix, value="auto")


def _one(device: str, named: list[int], usable: list[int], there: Sequence[int]) -> CardTrouble | None:
    among = named or usable
    at = int(device.partition(":")[2])
    if at < len(among):
        if among[at] in there:
            return None
        return CardTrouble(
            key="gpus",
            what=f"There is no device {device}",
            why=f"It is {_cards([among[at]])} of runtime.gpus, which this machine does not have.",
            fix="Name cards that are there.",
        )
    return _no_such_device(device, len(among), "runtime.gpus names" if named else "this machine has")


def _no_such_device(device: str, count: int, where: str) -> CardTrouble:
    return CardTrouble(
        key="device",
        what=f"There is no device {device}",
        why=f"Devices count from 0, and {where} {count} {'card' if count == 1 else 'cards'}.",
        fix='Set runtime.device = "cuda:0", or "auto".',
        value="cuda:0",
    )


def _too_few(processes: int, among: list[int]) -> CardTrouble | None:
    if processes <= len(among):
        return None
    number = len(among)
    return CardTrouble(
        key="processes",
        what=f"runtime.processes = {processes}, but there {'is' if number == 1 else 'are'} {number} "
        f"{'card' if number == 1 else 'cards'} to work on",
        why="Each process has a card of its own.",
        fix=f"Set runtime.processes = {number}, or name more cards in runtime.gpus.",
        value=number,
    )


def _cards(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"card {numbers[0]}"
    return f"cards {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
