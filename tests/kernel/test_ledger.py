"""The ledger: what is added to whom, what is not known, and what `sapo report` says of runs with and without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sapo_studio import cli
from sapo_studio.domain.ledger import (
    UNCOUNTED,
    Bill,
    Compute,
    IterationCompute,
    Meter,
    PhaseCompute,
    Usage,
    by_iteration,
    part,
    read,
    rolled_out,
    scored,
    total,
    trained,
    until,
)
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures import old_stores
from tests.fixtures.synthetic import synthetic_run

NAMES = ("generated", "prefill", "scored", "trained", "flops")


def test_flops_a_token():
    usage = Usage(sequences=3, generated_tokens=10, prefill_tokens=5, prefix_hits=100)
    assert rolled_out(usage, 7) == Compute(generated=10, prefill=5, flops=2 * 7 * 15)
    assert read(10, 7) == Compute(prefill=10, flops=140)
    assert scored(10, 7) == Compute(scored=10, flops=140)
    assert trained(10, 7, frozen=False, who="reasoner") == Compute(trained_reasoner=10, flops=420)
    assert trained(10, 7, frozen=True, who="verifier") == Compute(trained_verifier=10, flops=280)


def test_spans_hear_what_is_done_inside_them_and_nothing_else():
    meter = Meter()
    meter.add(read(1, 1))  # nobody listens
    with meter.span() as outer:
        meter.add(read(2, 1))
        with meter.span() as inner, meter.measuring():
            meter.add(scored(3, 1))
            meter.include(Bill(read(4, 1), scored(5, 1)))  # as it was then, whatever is done now
        meter.add(read(6, 1))
    assert inner == Bill(read(4, 1), scored(8, 1))
    assert outer == Bill(read(12, 1), scored(8, 1))
    with meter.span() as bill, pytest.raises(ZeroDivisionError), meter.measuring():
        1 / 0  # noqa: B018
    meter.add(read(1, 1))
    assert bill == Bill()


def test_a_bill_goes_to_a_file_and_back():
    bill = Bill(Compute(1, 2, 3, 4, 5, 6 * 10**30), UNCOUNTED)
    assert Bill.from_json(bill.to_json()) == bill
    for broken in ("", "{}", "[]", "{", '{"method": {}}', '{"method": {"x": 1}, "evaluation": {}}'):
        assert Bill.from_json(broken) is None


def test_what_is_missing_is_not_nothing():
    one, two = read(10, 1), read(20, 1)
    found = by_iteration(
        [
            PhaseCompute("sft", 0, done=True, method=one, evaluation=Compute()),
            PhaseCompute("sample", 0, done=True),
            PhaseCompute("sample", 1, done=True),
            PhaseCompute("label", 1, done=True, method=two, evaluation=Compute()),
            PhaseCompute("evaluate", 1, done=True, method=Compute(), evaluation=one),
            PhaseCompute("sample", 2, done=True, method=two, evaluation=Compute()),
            PhaseCompute("align", 2, done=False),
        ]
    )
    assert found[0] == IterationCompute(None, one, Compute(), {"sample": None})
    assert found[1].method == two + UNCOUNTED
    assert found[1].evaluation == one
    assert found[1].phases == {"sample": None, "label": two}
    assert found[2].method == two  # the alignment has not come yet
    assert until(found) == {0: None, 1: None, 2: None}
    assert total(found.values()).method == two + two + UNCOUNTED
    assert [part(found[i].method, "prefill") for i in range(3)] == [None, 20, 20]
    assert [part(found[i].method, "scored") for i in range(3)] == [None, None, 0]


def test_later_iterations_hold_those_before():
    found = by_iteration([PhaseCompute("sample", i, done=True, method=read(i + 1, 1)) for i in range(3)])
    assert [bill.prefill for bill in until(found).values() if bill] == [1, 3, 6]


# -- What `sapo report` says


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["sapo", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_a_report_has_the_sums_of_the_rows(capsys, monkeypatch, store: Store):
    run_id = synthetic_run(store, trajectories=24, questions=8)
    rows = store.rows(
        "SELECT iteration, phase, purpose, generated, prefill, scored, trained, flops FROM v_compute WHERE run_id = ?",
        (run_id,),
    )

    def summed(iteration: int, purpose: str, *, shared: bool) -> dict[str, float]:
        mine = [row[3:] for row in rows if row[0] == iteration and row[2] == purpose and (row[1] == "sft") == shared]
        return dict(zip(NAMES, map(sum, zip(*mine, strict=True)), strict=True)) if mine else dict.fromkeys(NAMES, 0)

    found = json.loads(told(capsys, monkeypatch, "report", run_id, "--json"))["iterations"]
    assert len(found) == 4
    for one in found:
        i = one["iteration"]
        assert one["compute"] == summed(i, "method", shared=False)
        assert all(one["compute"].values())
        assert one["compute_warm_up"] == summed(i, "method", shared=True)
        assert one["compute_evaluation"] == summed(i, "evaluation", shared=False)
        assert one["compute_complete"] is True
        assert one["compute_by_phase"]["sample"]["scored"] == 0 < one["compute_by_phase"]["sample"]["prefill"]
    text = told(capsys, monkeypatch, "report", run_id)
    for title in ("Generated, tokens", "Prompts computed, tokens", "Scored, tokens", "Trained on, tokens", "FLOPs"):
        (line,) = (line for line in text.splitlines() if line.startswith(title))
        assert "\u2014" not in line


def test_a_run_of_an_older_store_has_a_report_without_them(capsys, monkeypatch, home: Path):
    home.mkdir()
    old_stores.unpacked(1, home / "studio.db")
    found = json.loads(told(capsys, monkeypatch, "report", "last", "--json"))["iterations"]
    assert found
    for one in found:
        assert one["compute"] == one["compute_evaluation"] == dict.fromkeys(NAMES)
        assert one["compute_complete"] is False
        assert one["sampled_accuracy"] > 0
    text = told(capsys, monkeypatch, "report", "last")
    (line,) = (line for line in text.splitlines() if line.startswith("FLOPs"))
    assert line.split()[1:] == ["\u2014"] * len(found)
    with Store.open() as store:
        assert queries.compute(store, queries.find_run(store, "last"))[1].method is None
