"""People's judgements as labels of steps."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_studio.domain.judgements import first_error
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, labels_of

_MARKS = {1: CORRECT, 0: NEUTRAL, -1: INCORRECT}


def labels_by(judged: Mapping[int, int], n: int) -> str:
    """A character a step. Steps up to the first error that nobody judged follow from it, as they do in the window."""
    implied = labels_of(max(0, first_error(judged, n)), n)
    return "".join(_MARKS[judged[step]] if step in judged else implied[step - 1] for step in range(1, n + 1))
