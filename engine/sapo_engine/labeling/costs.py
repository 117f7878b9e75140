"""What labeling has cost, and what the other labelers would have cost on the same trajectories (an estimate,
marked as one).

A check of a prefix with r steps to go costs, where it fails, all T rollouts, and where it succeeds, as many
waves as it took; both are averaged over the checks really made, by outcome, with tokens proportional to r. Each
labeler is then run on the first errors that were found.
"""

from __future__ import annotations

from sapo_engine.labeling.labelers import PrefixResult
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.labeling_cost import CheckCost, CostCase
from sapo_studio.events.kinds import LabelRow


def check_cost(checked: PrefixResult, to_go: int, prefix_tokens: int, wave: int) -> CheckCost:
    """The cost of a check that was made."""
    count = len(checked.rollouts)
    return CheckCost(
        succeeded=checked.succeeded,
        to_go=to_go,
        prefix_tokens=prefix_tokens,
        rollouts=count,
        tokens=sum(len(r.tokens) for r in checked.rollouts),
        waves=-(-count // wave),
    )


def cost_case(session: RunSession, trajectory: Trajectory, row: LabelRow, *, closed: bool) -> CostCase:
    """What is known of the first error: one step, or (`closed` False, not confirmed) all that two checks leave open."""
    prompt = len(session.prompts.of(trajectory.question))
    first = row.verified or trajectory.n
    if closed or session.config.labeling.max_checks > 2 or row.case not in ("later", "earlier"):
        return CostCase(trajectory.n, row.predicted, first, prompt)
    if row.case == "later":
        return CostCase(trajectory.n, row.predicted, first, prompt, latest=trajectory.n)
    return CostCase(trajectory.n, row.predicted, 1, prompt, latest=first)
