"""Roll-out back ends behind one interface."""

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend, Usage
from sapo_engine.rollouts.hf import HfBackend
from sapo_engine.rollouts.keys import key_of

__all__ = ["Completion", "HfBackend", "Request", "RolloutBackend", "Usage", "key_of"]
