"""The slot loop: a sampler whose every token step has the same shapes, waits for nothing, and can be a CUDA graph."""

from sapo_engine.rollouts.slots.backend import SlotBackend
from sapo_engine.rollouts.support import obstacle

__all__ = ["SlotBackend", "obstacle"]
