"""Algorithm 1, line for line. `phases` knows how each line is done; docs/method.md says what it means.

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

from sapo_engine.models.reasoner import discard
from sapo_engine.phases.align import align
from sapo_engine.phases.benchmark import process_benchmark
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.evaluate import evaluate
from sapo_engine.phases.label import label
from sapo_engine.phases.pairs import answer_rewards, preference_pairs
from sapo_engine.phases.sample import sample
from sapo_engine.phases.score import rate, score
from sapo_engine.phases.train_verifier import train_verifier
from sapo_engine.phases.warmup import warm_up
from sapo_engine.text.trajectory import Trajectory


def run(context: RunContext) -> None:
    """The whole run. Phases that are done already are read back."""
    config = context.config
    verifies = config.labeling.labeler != "none"

    start = context.session.start()
    model = warm_up(context, start)
    if model is not start:
        discard(start)
    if not config.iterations:
        evaluate(context, 0, model, model, None, [])
        return
    verifier = None
    pool: list[Trajectory] = []
    if verifies:
        samples = sample(context, 0, model)
        labels = label(context, 0, model, samples, {})
        verifier = train_verifier(context, 0, model, labels)
        pool = samples
        rate(context, 0, verifier, pool)
    benchmark = process_benchmark(context, model)
    evaluate(context, 0, model, model, verifier, benchmark)

    for i in range(1, config.iterations + 1):
        samples = sample(context, i, model)
        pool = accumulate(pool, samples)
        rewards = answer_rewards(pool)
        if verifies and verifier is not None:
            predictions = score(context, i, verifier, samples)
            labels = label(context, i, model, samples, predictions, verifier.calibration, pool)
            before, verifier = verifier, train_verifier(context, i, model, labels)
            discard(before.base)
            rewards = rate(context, i, verifier, pool)
        pairs = preference_pairs(context, i, pool, rewards)
        aligned = align(context, i, model, pairs, pool)
        evaluate(context, i, model, aligned, verifier, benchmark)
        if aligned is not model:
            discard(model)
        model = aligned
        if i < config.iterations and not context.goes_on(i):
            return


def accumulate(pool: list[Trajectory], samples: list[Trajectory]) -> list[Trajectory]:
    """D_i = S_i + D_{i-1}. The task's own solution of a question that is sampled again is not taken twice."""
    return list({t.number: t for t in [*pool, *samples]}.values())
