"""Algorithm 1, line for line. `Stages` (stages.py) knows how each line is done; docs/method.md says what it means.

M0   = SFT(M, D_org)
S0   = Sample(M0, D_org)
L0   = Omega(M0, subset(S0))
V0   = TrainVerifier(init M0, L0)
for i = 1..I:
    S_i = Sample(M_i, D_org);  D_i = S_i + D_{i-1}
    E_i = detect the first error by V_{i-1}'s scores
    L_i = self-verify E_i with M_i, then expand
    V_i = TrainVerifier(init M_i, L_i)
    r   = mean step score by V_i over D_i
    P_i = pairs with r(winner) - r(loser) >= eta
    M_{i+1} = ORPO(M_i, P_i)
"""

from __future__ import annotations

from sapo_engine.phases.stages import Stages
from sapo_engine.text.trajectory import Trajectory


def run(lab: Stages) -> None:
    """The whole run. Phases that are done already are read back."""
    verifies = lab.config.labeling.labeler != "none"

    model = lab.sft(lab.start())
    verifier = None
    pool: list[Trajectory] = []
    if verifies:
        samples = lab.sample(0, model)
        labels = lab.label(0, model, samples, {})
        verifier = lab.train_verifier(0, model, labels)
        pool = samples
        lab.rate(0, verifier, pool)
    benchmark = lab.benchmark(model)
    lab.evaluate(0, model, model, verifier, benchmark)

    for i in range(1, lab.config.iterations + 1):
        samples = lab.sample(i, model)
        pool = accumulate(pool, samples)
        rewards = lab.answer_rewards(pool)
        if verifies and verifier is not None:
            predictions = lab.score(i, verifier, samples)
            labels = lab.label(i, model, samples, predictions, verifier.calibration)
            verifier = lab.train_verifier(i, model, labels)
            rewards = lab.rate(i, verifier, pool)
        pairs = lab.pairs(i, pool, rewards)
        aligned = lab.align(i, model, pairs, pool)
        lab.evaluate(i, model, aligned, verifier, benchmark)
        model = aligned


def accumulate(pool: list[Trajectory], samples: list[Trajectory]) -> list[Trajectory]:
    """D_i = S_i + D_{i-1}. The task's own solution of a question that is sampled again is not taken twice."""
    return list({t.number: t for t in [*pool, *samples]}.values())
