"""People's judgements as labels of steps."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, UNKNOWN

_MARKS = {1: CORRECT, 0: NEUTRAL, -1: INCORRECT}


def labels_by(judged: Mapping[int, int], n: int) -> str:
    """A character a step. `judged`: by step, as `judged_steps` gives it."""
    return "".join(_MARKS[judged[step]] if step in judged else UNKNOWN for step in range(1, n + 1))
