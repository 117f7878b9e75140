"""Cards to reckon with where there is none: as their drivers tell of them."""

from __future__ import annotations

from dataclasses import replace

from sapo_studio.forecast.machine import Machine
from sapo_studio.hardware import Card, card_speed

GIB = 2**30
# Cores, clock, capability, bits of the memory bus, its clock, GiB.
_KNOWN = {
    "H100": ("NVIDIA H100 80GB HBM3", 16896, 1.98e9, 9, 0, 5120, 2.619e9, 80),
    "H200": ("NVIDIA H200", 16896, 1.98e9, 9, 0, 6144, 3.201e9, 141),
}
REFERENCE_CARDS = tuple(_KNOWN)
"""Their short names."""


def with_card(machine: Machine, name: str) -> Machine:
    """`machine` with one empty card of this name."""
    full, cores, clock, major, minor, bus, memory_clock, memory = _KNOWN[name]
    matrix, bandwidth, words = card_speed(cores, clock, major, minor, bus, memory_clock)
    card = Card(0, full, memory * GIB, (memory - 1) * GIB, matrix, bandwidth, words)
    return replace(machine, cards=(card,), card_words="", visible=None, certain=True)
