"""Roll-out back ends behind one interface."""

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend, Usage
from sapo_engine.rollouts.hf import HfBackend
from sapo_engine.rollouts.keys import key_of
from sapo_engine.rollouts.vllm import VllmBackend, vllm_installed

__all__ = ["Completion", "HfBackend", "Request", "RolloutBackend", "Usage", "VllmBackend", "key_of", "vllm_installed"]
