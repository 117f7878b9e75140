"""People's judgements step by step: those of the person who judged a trajectory last."""

from __future__ import annotations

from sapo_studio.domain.judgements import first_error
from sapo_studio.store.db import Store

_STANDING = """
SELECT a.trajectory_id, a.annotator, a.step, a.judgement, a.filled, t.n_steps,
       (SELECT max(b.act) FROM annotations b WHERE b.trajectory_id = a.trajectory_id AND b.annotator = a.annotator
        AND b.undone_at IS NULL) AS last
FROM annotations a JOIN trajectories t ON t.id = a.trajectory_id
WHERE a.trajectory_id BETWEEN ? AND ? AND a.undone_at IS NULL AND a.id = (
    SELECT max(b.id) FROM annotations b WHERE b.trajectory_id = a.trajectory_id AND b.annotator = a.annotator
    AND b.step = a.step AND b.undone_at IS NULL)
ORDER BY a.trajectory_id, last DESC
"""


def judged_steps(store: Store, low: int, high: int) -> dict[int, dict[int, int]]:
    """For each trajectory with an id in `low`..`high` whose first error people know: judgements by step.

    What follows from "the first error is here" for the steps behind it is no judgement of them, and left out.
    """
    chosen: dict[int, str] = {}
    judged: dict[int, tuple[dict[int, int], dict[int, int], int]] = {}
    for identity, person, step, judgement, filled, n_steps, _ in store.rows(_STANDING, (low, high)):
        if chosen.setdefault(identity, person) == person:
            said, followed, _ = judged.setdefault(identity, ({}, {}, n_steps))
            (followed if filled else said)[step] = judgement
    found: dict[int, dict[int, int]] = {}
    for identity, (said, followed, n_steps) in judged.items():
        first = first_error(said | followed, n_steps)
        if first >= 0:
            before = {step: judgement for step, judgement in followed.items() if not first or step <= first}
            found[identity] = said | before
    return found
