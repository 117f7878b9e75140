"""Whether compiling a model's blocks pays in a training. The engine goes by it, and so does the forecast."""

from __future__ import annotations

COMPILED_FLOPS = 5e16
"""Floating-point operations of a training from which on it does. Estimated: a card that makes 300 TFLOP/s takes three
minutes for them, compiling takes some 20 s, and compiled it is faster by a seventh or more. No card was measured."""


def compiling_pays(weights: float, positions: float) -> bool:
    """For a training of all of so many `weights` on so many token `positions`, passes counted."""
    return 6.0 * weights * positions >= COMPILED_FLOPS
