"""Rollout back ends behind one interface."""

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_engine.rollouts.hf import HfBackend
from sapo_engine.rollouts.keys import key_of
from sapo_engine.rollouts.vllm import VllmBackend, vllm_installed
from sapo_studio.domain.ledger import Usage

__all__ = ["Completion", "HfBackend", "Request", "RolloutBackend", "Usage", "VllmBackend", "key_of", "vllm_installed"]
