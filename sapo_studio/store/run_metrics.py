"""The figures of a run: metrics by iteration, training curves, and what was computed for them."""

from __future__ import annotations

from collections.abc import Mapping

from sapo_studio.domain.ledger import Compute, IterationCompute, PhaseCompute, by_iteration
from sapo_studio.store import curve_blocks
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.records import CurvePoints, MetricValue

MetricTable = dict[int, dict[str, MetricValue]]
"""Metrics by iteration and name."""

_METRICS = """
WITH RECURSIVE sets (name) AS (
    SELECT (SELECT min(m."set") FROM metrics m WHERE m.run_id = :run)
    UNION ALL
    SELECT (SELECT min(m."set") FROM metrics m WHERE m.run_id = :run AND m."set" > s.name)
    FROM sets s WHERE s.name IS NOT NULL
)
SELECT m."set", m.iteration, m.name, m.value, m.low, m.high, m.n, m.estimate
FROM sets s CROSS JOIN metrics m ON m.run_id = :run AND m."set" = s.name AND m.iteration >= :since
ORDER BY m."set", m.iteration, m.name
"""
"""From set to set by the key, past the iterations that are not asked for."""


def metrics(store: Store, run_id: str) -> MetricTable:
    """All metrics of a run by iteration and name, but those of its evaluation sets."""
    return metrics_by_set(store, run_id).get("", {})


def metrics_by_set(store: Store, run_id: str, since: int = 0) -> dict[str, MetricTable]:
    """All metrics of a run by set, iteration and name, from iteration `since` on. The set "" is the run itself, with
    its own test questions.
    """
    found: dict[str, MetricTable] = {}
    for of, iteration, name, value, low, high, n, estimate in store.rows(_METRICS, {"run": run_id, "since": since}):
        row = found.setdefault(of, {}).setdefault(iteration, {})
        row[name] = MetricValue(value, low, high, n, bool(estimate))
    return found


def compute(store: Store, run_id: str) -> dict[int, IterationCompute]:
    """What a run has computed, by iteration, as far as its phases are done."""
    bills: dict[tuple[int, str], Compute] = {}
    for ordinal, purpose, generated, prefill, scored, reasoner, verifier, flops, complete in store.rows(
        "SELECT ordinal, purpose, generated, prefill, scored, trained_reasoner, trained_verifier, flops, complete"
        " FROM compute WHERE run_id = ?",
        (run_id,),
    ):
        with reading(store.path, f"what run {run_id} has computed"):
            bills[ordinal, purpose] = Compute(
                *(int(generated), int(prefill), int(scored), int(reasoner), int(verifier), int(flops)), bool(complete)
            )
    found = store.rows(
        "SELECT ordinal, name, iteration, status FROM phases WHERE run_id = ? ORDER BY ordinal", (run_id,)
    )
    return by_iteration(
        [
            PhaseCompute(name, iteration, status == "done", bills.get((at, "method")), bills.get((at, "evaluation")))
            for at, name, iteration, status in found
        ]
    )


_CURVES = """
WITH RECURSIVE keys (ordinal, name) AS (
    SELECT p.ordinal, (SELECT min(c.name) FROM curves c WHERE c.run_id = :run AND c.ordinal = p.ordinal)
    FROM phases p WHERE p.run_id = :run
    UNION ALL
    SELECT k.ordinal,
           (SELECT min(c.name) FROM curves c WHERE c.run_id = :run AND c.ordinal = k.ordinal AND c.name > k.name)
    FROM keys k WHERE k.name IS NOT NULL
)
SELECT k.ordinal, p.name, p.iteration, k.name FROM keys k JOIN phases p ON p.run_id = :run AND p.ordinal = k.ordinal
WHERE k.name IS NOT NULL ORDER BY k.ordinal, k.name
"""
"""Which curves a run has: from name to name by the key, past their points."""


def curves(store: Store, run_id: str, after: Mapping[tuple[int, str], int] | None = None) -> list[CurvePoints]:
    """Training curves of a run; of those named in `after` (phase ordinal, name) only the points behind the
    given step.
    """
    known = after or {}
    keys = store.rows(_CURVES, {"run": run_id})
    found: list[CurvePoints] = []
    for ordinal, phase, iteration, name in keys:
        steps, values = curve_blocks.points(store, run_id, ordinal, name, known.get((ordinal, name), -1))
        if len(steps):
            found.append(CurvePoints(ordinal, phase, iteration, name, steps, values))
    return found


def last_loss(store: Store, run_id: str) -> tuple[str, float] | None:
    """(phase, loss) at the newest point of a run's loss curves; None where nothing has been trained."""
    found = store.rows(
        "SELECT name, loss FROM (SELECT p.ordinal, p.name, (SELECT c.value FROM curves c WHERE c.run_id = p.run_id"
        " AND c.ordinal = p.ordinal AND c.name = 'loss' ORDER BY c.step DESC LIMIT 1) AS loss"
        " FROM phases p WHERE p.run_id = ?) WHERE loss IS NOT NULL ORDER BY ordinal DESC LIMIT 1",
        (run_id,),
    )
    return (found[0][0], found[0][1]) if found else None
