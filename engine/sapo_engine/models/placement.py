"""Who is on the run's device: one owner of its memory, so that no two phases fill it behind each other's back.

| while                           | on the device                | in main memory        | given up    |
|---------------------------------|------------------------------|-----------------------|-------------|
| `hf` samples, a verifier scores | the networks that compute    | all others            | slots, vLLM |
| slots sample                    | their copy, table and graphs | all networks          | vLLM        |
| vLLM samples                    | its engine                   | all networks          | slots       |
| a network is trained            | it and its optimiser         | all others            | slots, vLLM |
| ... and paused for a check      | as for sampling              | both, unless it is the one that samples | as above |

Networks are made in main memory, and nobody but the owner takes them to the device. One that is not needed just now
stays there where it is small beside the device (`ROOM`), and a quantised one always: it lives on its card. Main memory
that `hf` keeps from call to call is given up whenever somebody else computes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import PreTrainedModel

CPU = torch.device("cpu")
ROOM = 1 / 16
"""Share of a card's memory that may be held by networks which nobody needs just now: to fetch them again takes longer
than this much more room for sequences saves."""
TRAINED = 4
"""What a training holds, in weights: these, AdamW's two moments, and as much again for what it keeps beside."""

Move = Callable[[torch.device], None]
"""Takes what somebody holds to a device."""


class Computes(Protocol):
    """What computes on the device: a reasoner, a verifier."""

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """The modules that have to be there."""
        ...


class Trainable(Computes, Protocol):
    """What is trained there."""

    def weights_changed(self) -> None:
        """The weights are others than before: who holds a copy of them fetches them anew."""
        ...


def move_to(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """`model` itself, moved to `device`. A quantised one stays: it lives on its card."""
    if getattr(model, "is_quantized", False) or model.device == device:
        return model
    return model.to(device)  # pyright: ignore[reportArgumentType]  # transformers' decorator hides `self` from the type


@dataclass(eq=False)
class _Guest:
    """Whoever takes memory by himself, of the device as a rule. `alone`: so much of it that no network may stay."""

    release: Callable[[], None]
    alone: bool
    here: bool = False


@dataclass(eq=False)
class Training:
    """A training under way: `trained` stays on the device, and with it what is kept `beside`, until it is paused. Where
    it is `stood_in` for, it waits in main memory, and the device has what is beside it alone."""

    placement: Placement
    trained: Trainable
    paused: bool = False
    beside: list[Move] = field(default_factory=list[Move])
    away: bool = False
    stood_in: bool = False

    @contextmanager
    def pause(self) -> Generator[None]:
        """Sample with the weights of now: they count as new ones, and who samples may take the device meanwhile.
        Afterwards everything is back in its place."""
        self.trained.weights_changed()
        for part in self.trained.parts:
            part.zero_grad(set_to_none=True)  # the next step makes its own
        self.paused = True
        if self.stood_in:
            self.leave()
        yield
        # Not after a failure: it ends the training.
        self.placement.place(*(() if self.stood_in else (self.trained,)))
        if self.away:
            self.away = False
            self._take_beside(self.placement.device)
        self.paused = False

    def leave(self) -> None:
        """Take what is kept beside the network to main memory."""
        if not self.away:
            self.away = True
            self._take_beside(CPU)

    def _take_beside(self, device: torch.device) -> None:
        for move in self.beside:
            move(device)


class Placement:
    """What lies on `device`. On a CPU nothing is moved, but the same things are refused."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._guests: dict[str, _Guest] = {}
        self._here: WeakKeyDictionary[nn.Module, None] = WeakKeyDictionary()  # the one needed last comes last
        self._training: Training | None = None

    def guest(self, name: str, release: Callable[[], None], *, alone: bool = False) -> None:
        """Make known who will take memory by himself (`give_to`, or `place` by him), and what makes him give it up.
        `alone`: he takes so much of the device that nothing else may stay."""
        self._guests[name] = _Guest(release, alone)

    def place(self, *wanted: Computes, by: str = "") -> None:
        """Have the parts of these on the device. Guests give up what they have, but for the one that wants this."""
        self._make_way([part for one in wanted for part in one.parts], self._guests[by] if by else None)

    def give_to(self, name: str) -> None:
        """Leave the device to a guest."""
        self._make_way([], self._guests[name])

    @contextmanager
    def training(self, trained: Trainable) -> Generator[Training]:
        """Train `trained` inside. It is on the device, and whoever would send it away is refused, until `pause`.
        Afterwards its gradients are gone, and copies of its weights count as old."""
        if self._training is not None:
            raise RuntimeError("one training at a time: another is under way")
        self.place(trained)
        self._training = training = Training(self, trained)
        try:
            yield training
        finally:
            self._training = None
            for part in trained.parts:
                part.zero_grad(set_to_none=True)
            trained.weights_changed()
            if self.device.type != "cpu":
                gc.collect()  # a library's trainer and its optimiser hold each other

    @contextmanager
    def holding(self, move: Move) -> Generator[None]:
        """Hold memory beside the network that is trained, which `move` takes to main memory and back with it."""
        training = self._training
        if training is None:  # nobody else computes meanwhile
            yield
            return
        training.beside.append(move)
        try:
            yield
        finally:
            training.beside.remove(move)

    @contextmanager
    def standing_in(self, move: Move) -> Generator[None]:
        """Train a stand-in for the network, which `move` takes to main memory and back. The network itself leaves the
        device."""
        training = self._training
        if training is None:
            yield
            return
        training.stood_in = True
        self.place()
        with self.holding(move):
            yield

    def close(self) -> None:
        """Leave nothing on the device."""
        self._release(None)
        self._send_away(list(self._here))

    # -- How

    def _make_way(self, wanted: list[nn.Module], guest: _Guest | None) -> None:
        training = self._training
        stays = training is not None and not (training.paused or training.stood_in)
        if training is not None and stays and any(one not in wanted for one in training.trained.parts):
            raise RuntimeError("a network that is being trained cannot leave the device: pause its training")
        self._release(guest)
        if self.device.type == "cpu":
            return
        self._send_away(self._too_many(wanted, 0 if guest is not None and guest.alone else self._room()))
        for part in wanted:
            _move(part, self.device)
            self._here.pop(part, None)
            self._here[part] = None
        self._empty_cache()

    def _release(self, but: _Guest | None) -> None:
        for guest in self._guests.values():
            if guest is not but and guest.here:
                guest.here = False
                guest.release()
        if but is not None:
            but.here = True

    def _too_many(self, wanted: list[nn.Module], room: int) -> list[nn.Module]:
        """Which of those that are not `wanted` have to leave: those in least use first."""
        leave: list[nn.Module] = []
        for part in reversed(list(self._here)):
            if part not in wanted:
                room -= _bytes(part) * (TRAINED if self._is_trained(part) else 1)
                if room < 0:
                    leave.append(part)
        return leave

    def _send_away(self, parts: list[nn.Module]) -> None:
        for part in parts:
            if self._training is not None and not self._training.stood_in and self._is_trained(part):
                self._training.leave()
            _move(part, CPU)
            del self._here[part]
        self._empty_cache()

    def _is_trained(self, part: nn.Module) -> bool:
        return self._training is not None and any(part is one for one in self._training.trained.parts)

    def _room(self) -> int:
        return int(ROOM * torch.cuda.mem_get_info(self.device)[1]) if self.device.type == "cuda" else 0

    def _empty_cache(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _move(part: nn.Module, device: torch.device) -> None:
    if isinstance(part, PreTrainedModel):
        move_to(part, device)
    else:
        part.to(device)


def _bytes(part: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in part.parameters())
