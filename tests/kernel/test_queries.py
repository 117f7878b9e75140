"""Queries against brute force over plain rows, and their speed at 20,000 trajectories."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import annotations, queries
from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.queries import HeatmapQuery, TraceFilter
from tests.fixtures.synthetic import synthetic_queued, synthetic_run


@dataclass(frozen=True)
class Plain:
    """A trajectory as brute force sees it."""

    id: int
    question: int
    text: str
    iteration: int
    sample: int
    source: str
    steps: list[str]
    correct: bool
    truth: int
    case: str
    verified: int
    scores: dict[int, tuple[list[float], float, int]]

    def disagreement(self, verifier: int) -> float:
        reference = self.verified if self.verified >= 0 else self.truth
        right = len(self.steps) if reference == 0 else reference - 1
        return abs(self.scores[verifier][1] * len(self.steps) - right)

    def first_error(self) -> int:
        return self.verified if self.verified >= 0 else self.truth


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str, list[Plain]]]:
    with Store.open(tmp_path_factory.mktemp("queries") / "studio.db") as store:
        synthetic_run(store, name="other", trajectories=30, questions=8, seed=5)
        run_id = synthetic_run(store, name="first", trajectories=60, questions=16, iterations=2)
        for identity in queries.trace_ids(store, TraceFilter(run_id))[:5]:
            annotations.annotate(store, int(identity), "ann", {1: -1})
        yield store, run_id, plain(store, run_id)


def plain(store: Store, run_id: str) -> list[Plain]:
    labels: dict[int, tuple[str, int]] = {}
    for identity, case, verified in store.rows('SELECT trajectory_id, "case", verified FROM labels'):
        if case:
            labels[identity] = (case, verified)
    scores: dict[int, dict[int, Any]] = {}
    for identity, verifier, blob, mean, predicted in store.rows("SELECT * FROM scores"):
        scores.setdefault(identity, {})[verifier] = (unpack_scores(blob).tolist(), mean, predicted)
    return [
        Plain(
            *(identity, question, text, iteration, sample, source, json.loads(steps), bool(correct)),
            *(-1 if truth is None else truth, *labels.get(identity, ("", -1)), scores.get(identity, {})),
        )
        for identity, question, text, iteration, sample, source, steps, correct, truth in store.rows(
            "SELECT t.id, t.question_id, q.text, t.iteration, t.sample, t.source, t.steps, t.correct, t.truth"
            " FROM trajectories t JOIN questions q ON q.id = t.question_id WHERE t.run_id = ?",
            (run_id,),
        )
    ]


def wanted(row: Plain, iteration: int, source: str, outcome: str, case: str) -> bool:
    return (
        (iteration < 0 or row.iteration == iteration)
        and row.source == source
        and (outcome == "all" or row.correct == (outcome == "right"))
        and (not case or row.case == case)
    )


ORDERS = {
    "score": lambda row, v: (row.scores[v][1], row.id),
    "question": lambda row, v: (row.question, row.iteration, row.sample, row.id),
    "length": lambda row, v: (len(row.steps), row.scores[v][1], row.id),
    "first_error": lambda row, v: (row.first_error() == 0, row.first_error(), row.scores[v][1], row.id),
    "disagreement": lambda row, v: (-row.disagreement(v), row.id),
}


def test_heatmap_equals_brute_force(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, rows = annotated
    human = {row.id: 1 for row in sorted((r for r in rows if r.source == "sample"), key=lambda r: r.id)[:5]}
    compared = nonempty = 0
    for iteration, verifier, source, outcome, case, sort in itertools.product(
        (-1, 0, 1, 2), (0, 1, 2), ("sample", "process"), ("all", "right", "wrong"), ("", "later"), ORDERS
    ):
        found = queries.heatmap(store, HeatmapQuery(run_id, iteration, verifier, source, outcome, case, sort))
        expected = sorted(
            (r for r in rows if verifier in r.scores and wanted(r, iteration, source, outcome, case)),
            key=lambda row: ORDERS[sort](row, verifier),
        )
        compared += 1
        nonempty += bool(expected)
        assert found.ids.tolist() == [row.id for row in expected]
        assert found.total == len(expected)
        for at, row in enumerate(expected):
            n = len(row.steps)
            assert found.n_steps[at] == n
            assert found.scores[at, :n].tolist() == row.scores[verifier][0]
            assert np.isnan(found.scores[at, n:]).all()
            assert (found.predicted[at], found.verified[at], found.truth[at]) == (
                *(row.scores[verifier][2], row.verified, row.truth),
            )
            assert (found.question_ids[at], found.correct[at], found.case[at]) == (row.question, row.correct, row.case)
            assert found.human[at] == human.get(row.id, -1)
    assert compared == 4 * 3 * 2 * 3 * 2 * 5
    assert nonempty > 100


def test_heatmap_limit_keeps_the_first_and_counts_all(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    whole = queries.heatmap(store, HeatmapQuery(run_id, -1, 2, sort="score"))
    part = queries.heatmap(store, HeatmapQuery(run_id, -1, 2, sort="score", limit=7))
    assert part.ids.tolist() == whole.ids[:7].tolist()
    assert part.total == whole.total == 180


def test_an_empty_heatmap(store: Store):
    run_id = synthetic_queued(store)
    found = queries.heatmap(store, HeatmapQuery(run_id, 0, 0))
    assert (found.total, len(found.ids), found.scores.shape, found.case) == (0, 0, (0, 0), [])


def test_trace_ids_equal_brute_force(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, rows = annotated
    marked = {row.id for row in sorted((r for r in rows if r.source == "sample"), key=lambda r: r.id)[:5]}

    def newest(row: Plain) -> int:
        return max(row.scores)

    keys = {
        "id": lambda row: row.id,
        "mean": lambda row: row.scores[newest(row)][1],
        "first_error": lambda row: row.first_error(),
        "steps": lambda row: len(row.steps),
        "disagreement": lambda row: row.disagreement(newest(row)),
    }
    compared = 0
    for iteration, outcome, case, text, annotated_only, sort, descending in itertools.product(
        (None, 1), ("all", "wrong"), ("", "confirmed"), ("", "Ann has", "= 3"), (None, True, False), keys, (False, True)
    ):
        found = queries.trace_ids(
            store,
            TraceFilter(run_id, iteration, "sample", outcome, case, text, annotated_only, sort, descending),
        )
        expected = sorted(
            (
                row
                for row in rows
                if wanted(row, -1 if iteration is None else iteration, "sample", outcome, case)
                and (text in row.text or any(text in step for step in row.steps))
                and (annotated_only is None or (row.id in marked) == annotated_only)
            ),
            key=lambda row: (keys[sort](row), row.id),
            reverse=descending,
        )
        compared += 1
        assert found.tolist() == [row.id for row in expected]
    assert compared == 2 * 2 * 2 * 3 * 3 * 5 * 2


def test_wildcards_in_a_search_are_letters(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    for text in ("%", "_", "\\", "' OR 1=1 --"):
        assert len(queries.trace_ids(store, TraceFilter(run_id, text=text))) == 0


def test_trace_rows_keep_the_order_asked_for(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, rows = annotated
    by_id = {row.id: row for row in rows}
    ids = queries.trace_ids(store, TraceFilter(run_id, sort="mean", descending=True))[:40]
    found = queries.trace_rows(store, ids)
    assert [row.id for row in found] == ids.tolist()
    for row in found:
        own = by_id[row.id]
        scores, mean, predicted = own.scores[max(own.scores)]
        assert (row.question, row.n_steps, row.correct, row.case) == (own.text, len(own.steps), own.correct, own.case)
        checked = store.value("SELECT max(predicted) FROM labels WHERE trajectory_id = ?", (row.id,))
        shown = checked if checked is not None and checked > 0 else predicted
        assert (row.verified, row.truth, row.mean, row.predicted) == (own.verified, own.truth, mean, shown)
        assert row.scores.tolist() == scores
    assert queries.trace_rows(store, [1, int(ids[0])])[0].id == ids[0]
    assert queries.trace_rows(store, []) == []
    unscored = queries.trace_rows(store, ids[:1], verifier=9)[0]
    assert (unscored.mean, unscored.predicted, len(unscored.scores)) == (None, -1, 0)


def test_a_trace_has_everything(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, rows = annotated
    checked = 0
    for own in [row for row in rows if row.case in ("confirmed", "later")][:20]:
        found = queries.trace(store, own.id)
        assert (found.steps, found.question, found.truth) == (own.steps, own.text, own.truth)
        assert {verifier: scores.tolist() for verifier, scores in found.scores.items()} == {
            verifier: scores for verifier, (scores, _, _) in own.scores.items()
        }
        assert [label.case for label in found.labels] == [own.case]
        assert {sibling.id for sibling in found.siblings} == {
            row.id for row in rows if row.question == own.question and row.id != own.id
        }
        assert len(found.rollouts) == found.labels[0].rollouts
        checked += 1
    assert checked == 20
    assert run_id == queries.trace(store, rows[0].id).run_id
    with pytest.raises(InputError):
        queries.trace(store, 1)


def test_counts_pairs_and_margins(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, rows = annotated
    counts: dict[int, dict[str, int]] = {}
    for row in rows:
        if row.case:
            of = counts.setdefault(row.iteration, {})
            of[row.case] = of.get(row.case, 0) + 1
    assert queries.case_counts(store, run_id) == counts
    assert queries.verifiers_of(store, run_id) == [0, 1, 2]
    pairs = queries.pairs(store, run_id, 2)
    assert len(pairs) > 5
    assert queries.margins(store, run_id, 2).tolist() == sorted(pair.margin for pair in pairs)
    by_id = {row.id: row for row in rows}
    for pair in pairs:
        winner, loser = by_id[pair.winner_id], by_id[pair.loser_id]
        assert winner.question == loser.question == pair.question_id
        assert (winner.correct, loser.correct) == (True, False)
        assert pair.margin == pytest.approx(winner.scores[2][1] - loser.scores[2][1])


def test_metrics_and_headline(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    metrics = queries.metrics(store, run_id)
    assert sorted(metrics) == [0, 1, 2]
    assert "self_verification_error" not in metrics[0]
    run = queries.get_run(store, run_id)
    assert run.headline["gap"] == metrics[2]["gap"].value
    assert metrics[1]["label_tokens_shepherd"].estimate
    assert not metrics[1]["label_tokens_sapo"].estimate
    assert [each for each in queries.list_runs(store) if each.id == run_id] == [run]


def test_curves_come_in_parts(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    whole = queries.curves(store, run_id)
    assert len(whole) == 2 * (1 + 3 + 2)  # loss and learning rate of warm-up, verifiers, alignments
    first = whole[0]
    assert first.steps.tolist() == list(range(1, 41))
    known = {(curve.ordinal, curve.name): 40 for curve in whole}
    assert queries.curves(store, run_id, known) == []
    known[first.ordinal, first.name] = 35
    (part,) = queries.curves(store, run_id, known)
    assert (part.name, part.steps.tolist()) == (first.name, [36, 37, 38, 39, 40])
    assert part.values.tolist() == first.values[35:].tolist()


def test_the_log_can_be_searched_and_continued(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    lines = queries.log(store, run_id)
    assert [line.id for line in lines] == sorted(line.id for line in lines)
    assert queries.log(store, run_id, after_id=lines[4].id) == lines[5:]
    assert queries.log(store, run_id, limit=3) == lines[-3:]
    assert queries.log(store, run_id, text="WARM-up") == [line for line in lines if "Warm-up" in line.message]
    assert queries.log(store, run_id, levels=["warning"]) == [line for line in lines if line.level == "warning"]
    assert queries.log(store, run_id, levels=[]) == []


def test_finding_a_run_by_what_a_person_types(store: Store):
    first, second, third = (synthetic_queued(store, name=name) for name in ("Lab demo", "Lab demo", "other"))
    assert (first, second, third) == ("lab-demo-1", "lab-demo-2", "other-3")
    assert queries.find_run(store, "lab-demo-1") == first
    assert queries.find_run(store, "Lab demo") == second  # the newest of that name
    assert queries.find_run(store, "oth") == third
    assert queries.find_run(store, "last") == third
    with pytest.raises(InputError, match="several"):
        queries.find_run(store, "lab")
    with pytest.raises(InputError) as caught:
        queries.find_run(store, "lab-dmo-1")
    assert "lab-demo-1" in caught.value.fix
    with pytest.raises(InputError):
        queries.find_run(store, "")


@pytest.mark.parametrize("call", [queries.get_run, queries.get_config, queries.verifiers_of])
def test_a_run_that_is_not_there(store: Store, call: Any):
    with pytest.raises(InputError, match="no run"):
        call(store, "nobody")


@pytest.mark.parametrize("status", list(RunStatus))
def test_synthetic_runs_of_every_status(store: Store, status: RunStatus):
    run_id = synthetic_run(store, status=status, trajectories=12, questions=8)
    run = queries.get_run(store, run_id)
    assert run.status is status
    assert (run.error is not None) == (status is RunStatus.FAILED)
    assert (run.progress == 1.0) == (status is RunStatus.DONE)


def test_unknown_sorts_and_outcomes_are_refused(annotated: tuple[Store, str, list[Plain]]):
    store, run_id, _ = annotated
    with pytest.raises(InputError, match="sort"):
        queries.heatmap(store, HeatmapQuery(run_id, 0, 0, sort="beauty"))
    with pytest.raises(InputError, match="sort"):
        queries.trace_ids(store, TraceFilter(run_id, sort="beauty; DROP TABLE runs"))
    with pytest.raises(InputError, match="outcome"):
        queries.heatmap(store, HeatmapQuery(run_id, 0, 0, outcome="half"))


@pytest.mark.slow
def test_a_view_of_20000_trajectories_is_quick(tmp_path: Path):
    with Store.open(tmp_path / "studio.db", checkpointer=True) as store:
        run_id = synthetic_run(store, iterations=1, questions=2000, trajectories=20_000)

        def cpu(call: Any) -> float:
            spent: list[float] = []
            for _ in range(4):
                began = time.thread_time()
                call()
                spent.append(time.thread_time() - began)
            return min(spent)

        ids = queries.trace_ids(store, TraceFilter(run_id, iteration=1))
        assert len(ids) == 20_000
        # about twice what they took on two busy cores
        assert cpu(lambda: queries.heatmap(store, HeatmapQuery(run_id, 1, 0, sort="disagreement"))) < 0.3
        assert cpu(lambda: queries.trace_ids(store, TraceFilter(run_id, iteration=1, sort="mean"))) < 0.2
        assert cpu(lambda: queries.trace_rows(store, ids[:100])) < 0.05
        assert cpu(lambda: queries.case_counts(store, run_id)) < 0.1
        assert cpu(lambda: queries.list_runs(store)) < 0.02
