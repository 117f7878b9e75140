"""The lean pass: small networks in fp32 on a CPU, without transformers' modules."""

from sapo_engine.rollouts.lean.forward import LeanForward
from sapo_engine.rollouts.lean.support import is_lean
from sapo_engine.rollouts.lean.weights import LeanWeights

__all__ = ["LeanForward", "LeanWeights", "is_lean"]
