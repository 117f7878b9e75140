"""The order of a side's solutions."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.domain.aggregation import Aggregation
from sapo_ui.services.playground_state import Phase, Solution

_LAST: dict[Phase, int] = {"done": 0, "stopped": 1, "live": 2, "waiting": 3}


def ordered(solutions: Sequence[Solution], by: Aggregation) -> list[str]:
    """Their names: those that are done first, the best by the verifier first (without one: the right ones), then what
    was stopped, what is being written, and what waits; among equals as they were asked for."""

    def place(one: Solution) -> tuple[int, float]:
        score = one.score(by)
        worth = score if score is not None else 0.5 if one.correct is None else float(one.correct)
        return _LAST[one.phase], -worth if one.phase == "done" else 0.0

    return [one.id for one in sorted(solutions, key=place)]
