"""Whether there is memory for a checkpoint beside what is running, before anything is loaded, and where."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil

from sapo_studio.app.run_queue.machine_now import MachineWatch, Now
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.scheduling import CardState, RunningRun
from sapo_studio.domain.scheduling import Room as MachineRoom
from sapo_studio.errors import InputError
from sapo_studio.files import parse_toml_text, read_text
from sapo_studio.forecast import ModelShape, find_shape, size
from sapo_studio.forecast.playground import Tried, playground_peak
from sapo_studio.requests.play import Checkpoint, Load, Scorer
from sapo_studio.store.db import Store

CPU, CARD, ANY = "cpu", "cuda", ""
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an engine computes: `device` as `runtime.device`, the card's UUID where it is one, and both in words."""

    device: str = ANY
    card: str = ""
    words: str = ""


class NoRoomError(InputError):
    """There is none. `run` is the id of the run that holds the most of it; empty where no run does."""

    def __init__(self, what: str, *, why: str = "", fix: str = "", run: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.run = run


class MemoryCheck:
    """Says where there is room for what is to be loaded, by the forecast and by what the machine's runs hold and are
    still to take.

    `store` opens the store that the runs are in; `device` is where to compute: `cpu`, `cuda`, or empty for a card where
    this machine has one. `look` reads the machine.
    """

    def __init__(
        self,
        store: Callable[[], AbstractContextManager[Store]],
        device: str = ANY,
        look: Callable[[Store], Now] | None = None,
    ) -> None:
        self._store = store
        self._device = device
        self._look = look or _look

    def __call__(self, load: Load, other: Load | None, pid: int | None) -> Spot:
        """Where `load` finds room beside `other`, the other side's, in an engine that is process `pid`, if it is there
        already. Raises NoRoomError; InputError where the device is none."""
        if self._device not in (CPU, CARD, ANY):
            raise InputError(f"{self._device!r} is not a device of the playground", fix="Use cpu or cuda.")
        with self._store() as store:
            now = self._look(store)
        tried = [one for side in (load, other) if side is not None for one in _tried(side)]
        cards = () if self._device == CPU or os.environ.get(VISIBLE) == "" else now.machine.cards
        if not cards:
            if self._device == CARD:
                raise InputError("There is no card to compute on", why=now.why_no_cards, fix="Compute on the CPU.")
            return self._in_memory(tried, now, pid)
        return self._on_a_card(tried, now, cards, pid)

    def _in_memory(self, tried: Sequence[Tried], now: Now, pid: int | None) -> Spot:
        room = MachineRoom(now.machine, now.running)
        peak = playground_peak(tried, on_card=False).bytes
        free = room.memory + _resident(pid)
        if peak > free:
            holder = max(now.running, key=lambda run: max(run.need.main_memory, run.taken_memory), default=None)
            raise _refusal(peak, free, "of main memory", holder, "Wait for it or stop it, or choose smaller models.")
        return Spot(CPU, words="the CPU")

    def _on_a_card(self, tried: Sequence[Tried], now: Now, cards: Sequence[CardState], pid: int | None) -> Spot:
        room = MachineRoom(now.machine, now.running)
        peak = playground_peak(tried, on_card=True).bytes
        held = {card.uuid: card.held.get(pid or -1, 0) for card in now.cards}
        left = {card.uuid: room.on_card[card.uuid] + held.get(card.uuid, 0) for card in cards}
        # Where it is already, then where nobody works, then where there is most.
        best = max(cards, key=lambda card: (held.get(card.uuid, 0), not room.holders[card.uuid], left[card.uuid]))
        if peak <= left[best.uuid]:
            return Spot(CARD, best.uuid, f"card {best.number}")
        best = max(cards, key=lambda card: left[card.uuid])
        if peak <= left[best.uuid]:
            return Spot(CARD, best.uuid, f"card {best.number}")
        on_it = [run for run in now.running if best.uuid in run.cards]
        holder = max(on_it, key=lambda run: max(run.need.on(best), run.taken_on_cards.get(best.uuid, 0)), default=None)
        where = f"on card {best.number}"
        raise _refusal(peak, left[best.uuid], where, holder, "Wait for it or stop it, or compute on the CPU.")


def _refusal(peak: float, free: float, where: str, holder: RunningRun | None, fix: str) -> NoRoomError:
    beside = f" beside {holder.name}" if holder else ""
    return NoRoomError(
        f"There is no room for this{beside}",
        why=f"It takes {size(peak)} {where} by the forecast, and {size(max(free, 0))} are left"
        + (f" by what {holder.name} holds and is still to take." if holder else "; no run of this store works there."),
        fix=fix if holder else "Close what holds the memory, or choose smaller models.",
        run=holder.run_id if holder else "",
    )


def _resident(pid: int | None) -> int:
    if pid is None:
        return 0
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _look(store: Store) -> Now:
    watch = MachineWatch()
    try:
        return watch.look(store)
    finally:
        watch.close()


def _tried(load: Load) -> Iterator[Tried]:
    """The networks that a side loads, but for those whose size nobody knows: of these the engine says what is wrong."""
    checkpoint = _known(load.checkpoint)
    if checkpoint is not None:
        config, shape, run = checkpoint
        adapters = run is not None and config.model.tuning != "full" and load.checkpoint.iteration > 0
        base = ("base", config.model.model_dump_json())
        own = ("reasoner", str(run), load.checkpoint.iteration) if load.checkpoint.iteration else base
        yield Tried(config, shape, own, base, adapters)
    verifier = None if load.verifier is None else _known(load.verifier)
    if verifier is not None and load.verifier is not None:
        config, shape, run = verifier
        base = ("base", config.model.model_dump_json())
        adapters = config.verifier.base == "shared" and config.model.tuning != "full"
        yield Tried(config, shape, ("verifier", str(run), load.verifier.iteration), base, adapters, scores=True)


def _known(ref: Checkpoint | Scorer) -> tuple[RunConfig, ModelShape, Path | None] | None:
    if ref.run is not None:
        file = ref.run / "config.toml"
        data = parse_toml_text(read_text(file), str(file))
        data.pop("preset", None)
        config = parse_config(data, source=str(file))
    else:
        told = {"source": str(ref.model), "tuning": "lora"}  # it is not trained: its weights are kept as it computes
        config = parse_config({"model": told, "task": {"kind": "gsm8k"}})
    shape = find_shape(config)
    return (config, shape, ref.run) if isinstance(shape, ModelShape) else None
