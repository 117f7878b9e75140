"""Runs beside each other: what is picked, curves, groups, configurations, differences."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sapo_studio.app.comparison.compare import compare
from sapo_studio.app.comparison.picking import pick
from sapo_studio.app.comparison.records import Picked
from sapo_studio.app.comparison.sheets import notes_of_differences
from sapo_studio.domain.methods import PAPER, PAPER_SAPO
from sapo_studio.domain.metrics import wilson
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.run_keeping import put_in_bin
from tests.fixtures.answered_runs import FLOPS, answered_run
from tests.fixtures.later import Later

stats = Later("scipy.stats")

LEFT = "1" * 60 + "1" * 20 + "0" * 5 + "0" * 15
RIGHT = "1" * 60 + "0" * 20 + "1" * 5 + "0" * 15
"""Both 60, left only 20, right only 5, neither 15."""


@pytest.fixture
def pair(store: Store) -> tuple[str, str]:
    return answered_run(store, ["0" * 100, LEFT], name="left"), answered_run(store, ["0" * 100, RIGHT], name="right")


# -- Which runs


def test_a_run_is_picked_by_what_people_call_it(store: Store, pair: tuple[str, str]) -> None:
    left, right = pair
    assert pick(store, left) == pick(store, "left") == Picked(left)
    assert pick(store, "last") == Picked(right)
    assert pick(store, "left@1") == Picked(left, 1)
    odd = answered_run(store, ["1"], name="odd@7")
    assert pick(store, "odd@7") == Picked(odd)
    assert pick(store, "odd@7@0") == Picked(odd, 0)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (["nobody", "left"], "There is no run 'nobody'"),
        (["nobody", "left", "noone"], "2 of the runs cannot be compared"),
        (["twin", "left"], "2 runs are called twin"),
        (["left", "left"], "left-1 is given twice"),
        (["left", "left-1@1"], "left-1 is given twice"),
        (["left@9", "right"], "Iteration 9 of left-1 was not evaluated"),
        (["left@99999999999", "right"], "99999999999 is no iteration"),
        (["given", "left"], "is an imported file"),
        ([], "0 runs cannot be compared"),
    ],
)
def test_what_cannot_be_compared_is_one_error(store: Store, pair: tuple[str, str], given: list[str], what: str) -> None:
    answered_run(store, ["1"], name="twin")
    answered_run(store, ["1"], name="twin")
    runs.create_import(store, "given")
    with pytest.raises(InputError, match=r".") as raised:
        compare(store, given)
    assert what in str(raised.value)


def test_a_name_in_the_bin_is_nobody_s(store: Store, pair: tuple[str, str]) -> None:
    again = answered_run(store, ["1"], name="left")
    with pytest.raises(InputError, match="2 runs are called left"):
        pick(store, "left")
    put_in_bin(store, again)
    assert pick(store, "left") == Picked(pair[0])


def test_the_baseline_is_one_of_them(store: Store, pair: tuple[str, str]) -> None:
    third = answered_run(store, ["1"], name="third")
    assert compare(store, pair, baseline="right").baseline == 1
    assert compare(store, [f"{pair[0]}@0", pair[1]], baseline="left").baseline == 0
    with pytest.raises(InputError, match="is not among the runs"):
        compare(store, pair, baseline=third)


def test_one_run_alone_has_no_difference(store: Store, pair: tuple[str, str]) -> None:
    found = compare(store, pair[:1])
    assert (found.differences, found.configuration.different, found.questions) == ((), (), "100 questions")


# -- Curves


def test_where_a_curve_lies(store: Store, pair: tuple[str, str]) -> None:
    (start, end) = compare(store, pair).runs[0].curves["greedy_accuracy"]
    share = wilson(80, 100)
    assert (end.value, end.low, end.high, end.n) == (share.value, share.low, share.high, 100)
    assert [start.x("iteration"), end.x("iteration")] == [0.0, 1.0]
    # The start has cost nothing of its own; what was computed for the first labels counts from iteration 1 on.
    assert [start.x("flops"), end.x("flops")] == [0.0, 4 * FLOPS]
    assert [start.x("seconds"), end.x("seconds")] == [10.0, 20.0]


def test_what_nobody_counted_is_not_on_the_axis(store: Store, pair: tuple[str, str]) -> None:
    store.execute("DELETE FROM compute WHERE run_id = ?", (pair[0],))
    store.execute("UPDATE phases SET seconds = NULL WHERE run_id = ? AND iteration = 1", (pair[0],))
    start, end = compare(store, pair).runs[0].curves["greedy_accuracy"]
    assert (start.flops, end.flops) == (0.0, None)
    assert (start.seconds, end.seconds) == (10.0, None)


def test_a_run_that_is_going_is_compared_as_far_as_it_is(store: Store) -> None:
    done = answered_run(store, ["01", "11", "11"], name="done")
    going = answered_run(store, ["01", "10"], name="going", status=RunStatus.RUNNING, iterations=2)
    stopped = answered_run(store, ["01"], name="stopped", status=RunStatus.STOPPED, iterations=2)
    # An evaluation that has begun is none yet.
    store.execute(
        "INSERT INTO metrics (run_id, iteration, name, value) VALUES (?, 2, 'greedy_accuracy', 0.9)", (going,)
    )
    store.execute(
        "UPDATE phases SET status = 'running' WHERE run_id = ? AND name = 'evaluate' AND iteration = 2", (going,)
    )
    found = compare(store, [done, going, stopped])
    assert [run.iteration for run in found.runs] == [2, 1, 0]
    assert [run.going for run in found.runs] == [False, True, False]
    assert found.run(going).notes == ("going is still going: iteration 1 of 2 is compared.",)
    assert found.run(stopped).notes == ("stopped is stopped: iteration 0 of 2 is compared.",)
    fresh = runs.create_run(store, compare_config("fresh"), "")
    waiting = compare(store, [done, fresh])
    assert waiting.run(fresh).iteration is None
    assert waiting.differences[0].refused == "fresh has not measured this."


def compare_config(name: str):
    from sapo_studio.config.schema import RunConfig

    return RunConfig(name=name)


def test_at_an_iteration(store: Store) -> None:
    one = answered_run(store, ["00", "01", "11"], name="one")
    two = answered_run(store, ["00", "11", "11"], name="two")
    found = compare(store, [one, two], iteration=1)
    assert [run.values["greedy_accuracy"].value for run in found.runs] == [0.5, 1.0]
    assert [run.key for run in found.runs] == [f"{one}@1", f"{two}@1"]
    itself = compare(store, [f"{one}@0", one])
    assert [run.label for run in itself.runs] == ["one @ 0", "one"]
    assert itself.differences[0].wins == 2


def test_what_labeling_cost(store: Store) -> None:
    costs = {"label_tokens_sapo": 300.0, "label_tokens_shepherd": 1000.0, "label_tokens_omega": 600.0}
    run = answered_run(store, ["1"], metrics=costs)
    store.execute("UPDATE metrics SET estimate = 1 WHERE name IN ('label_tokens_shepherd', 'label_tokens_omega')")
    values = compare(store, [run]).runs[0].values
    assert (values["label_tokens"].value, values["label_share"].value) == (300.0, 0.3)
    store.execute("UPDATE metrics SET estimate = 1 WHERE name = 'label_tokens_sapo'")  # outcome labels cost nothing
    values = compare(store, [run]).runs[0].values
    assert (values["label_tokens"].value, values["label_share"].value) == (0.0, 0.0)
    assert "label_tokens" not in compare(store, [answered_run(store, ["1"], name="other")]).metrics


# -- Differences


def test_greedy_answers_by_mcnemar(store: Store, pair: tuple[str, str]) -> None:
    (one,) = compare(store, pair, baseline="right").differences
    assert (one.test, one.n, one.wins, one.losses) == ("mcnemar", 100, 20, 5)
    assert one.value == pytest.approx(0.15)
    assert one.p == pytest.approx(stats.binomtest(20, 25).pvalue)
    assert one.p_holm == one.p
    assert 0.0 < one.low < one.value < one.high < 0.3
    assert one.verdict == "better"
    (back,) = compare(store, pair, baseline="left").differences
    assert (back.value, back.verdict) == (pytest.approx(-0.15), "worse")


def test_samples_by_question(store: Store) -> None:
    """Four samples of a question are one unit: as many questions as there are, not as many samples."""
    a = answered_run(
        store, ["1" * 30], name="a", samples=[["1" * 20 + "0" * 10, "1" * 20 + "0" * 10, "1" * 30, "0" * 30]]
    )
    b = answered_run(store, ["1" * 30], name="b", samples=[["1" * 10 + "0" * 20, "1" * 10 + "0" * 20]])
    (one,) = compare(store, [a, b], baseline=b, metrics=["sampled_accuracy"]).differences
    share = [0.75] * 20 + [0.25] * 10
    other = [1.0] * 10 + [0.0] * 20
    differences = [x - y for x, y in zip(share, other, strict=True)]
    assert one.value == pytest.approx(sum(differences) / 30)
    assert (one.test, one.n, one.wins, one.losses) == ("bootstrap", 30, 20, 10)
    error = stats.sem(differences)
    assert (one.low, one.high) == pytest.approx((one.value - 1.96 * error, one.value + 1.96 * error), abs=0.03)
    best = compare(store, [a, b], baseline=b, metrics=["pass_at_2"]).differences[0]
    assert best.test == ""  # it was not measured
    assert best.refused == "a has not measured this."


def test_p_is_corrected_for_all_that_are_told(store: Store, pair: tuple[str, str]) -> None:
    third = answered_run(store, ["0" * 100, "1" * 60 + "0" * 40], name="third")
    found = compare(store, [*pair, third], baseline="right", every_pair=True)
    assert [(d.left, d.right) for d in found.differences] == [(0, 1), (2, 1), (0, 2)]
    ps = [d.p for d in found.differences]
    lowest = min(range(3), key=lambda at: ps[at])
    assert found.differences[lowest].p_holm == pytest.approx(3 * ps[lowest])
    assert "p is corrected for 3 tests (Holm)." in found.notes
    assert [d.verdict for d in found.differences] == ["better", "no difference shown", "better"]


def test_equal_answers_show_no_difference(store: Store) -> None:
    same = [answered_run(store, ["1" * 50 + "0" * 50], name=name) for name in "ab"]
    (one,) = compare(store, same).differences
    assert (one.value, one.p, one.verdict) == (0.0, 1.0, "no difference shown")
    assert one.low == -one.high < 0.0


def test_different_questions_are_not_paired_unasked(store: Store) -> None:
    texts = [f"q{n}" for n in range(30)]
    a = answered_run(store, ["1" * 20], name="a", questions=texts[:20])
    b = answered_run(store, ["1" * 5 + "0" * 20], name="b", questions=texts[5:])
    found = compare(store, [a, b])
    (one,) = found.differences
    assert (one.p, one.test, one.common_helps) == (None, "", True)
    assert one.refused == "Not paired: b answers 25 questions and a 20; 15 of them are the same."
    assert found.questions == "different questions: 20 to 25 each, 15 common to all"
    (one,) = compare(store, [a, b], common=True).differences
    assert (one.test, one.n, one.wins, one.losses) == ("mcnemar", 15, 0, 10)
    assert one.value == pytest.approx(-10 / 15)
    assert "Over the 15 questions that both have." in one.notes
    other = answered_run(store, ["1" * 3], name="other", questions=["x", "y", "z"])
    (one,) = compare(store, [a, other], common=True).differences
    assert (one.common_helps, one.refused.endswith("none of them is the same.")) == (False, True)


def test_the_same_text_with_another_answer_is_another_question(store: Store) -> None:
    a = answered_run(store, ["11"], name="a", questions=["p", "q"])
    b = answered_run(store, ["11"], name="b", questions=["p", "q"], answers={"q": "8"})
    assert compare(store, [a, b]).differences[0].n_common == 1
    twice = [answered_run(store, ["101"], name=name, questions=["p", "p", "q"]) for name in "cd"]
    assert compare(store, twice).differences[0].n == 3


def test_runs_that_kept_no_answers(store: Store, pair: tuple[str, str]) -> None:
    old = answered_run(store, ["0" * 100, "1" * 60 + "0" * 40], name="old", kept=False)
    found = compare(store, [old, pair[0]])
    (one,) = found.differences
    assert (one.test, one.wins, one.n) == ("apart", None, 100)
    assert one.notes == ("Not paired: single answers are not kept of old.",)
    assert one.p == pytest.approx(2 * stats.norm.sf(0.2 / (0.7 * 0.3 * 2 / 100) ** 0.5), abs=0.003)
    assert found.questions == "1 of 2 runs keep no single answers"


def test_verifiers_on_the_same_benchmark(store: Store) -> None:
    """Question by question, each with the steps of all its solutions up to the first error."""
    good, bad = [0.9, 0.9, 0.1], [0.9, 0.2, 0.1]
    judged = [("p", 0, [0.9, 0.9, 0.9]), ("p", 3, good), ("q", 3, good), *((f"r{n}", 3, good) for n in range(10))]
    worse = [(text, truth, bad if truth else scores) for text, truth, scores in judged]
    a, b = (
        answered_run(store, ["1"], name=name, judged=rows, metrics={"verifier_step_accuracy": value, "mce": 1.0})
        for name, rows, value in (("a", judged, 1.0), ("b", worse, 27 / 39))
    )
    (one,) = compare(store, [a, b], baseline=b, metrics=["verifier_step_accuracy"]).differences
    assert (one.test, one.n, one.wins, one.losses) == ("bootstrap", 12, 12, 0)
    assert one.value == pytest.approx(12 / 39)  # each of 12 wrong solutions loses one of its three steps; p has six
    assert one.verdict == "better"
    other = answered_run(
        store, ["1"], name="other", judged=[*judged[:-1], ("new", 3, good)], metrics={"verifier_step_accuracy": 1.0}
    )
    (one,) = compare(store, [a, other], metrics=["verifier_step_accuracy"]).differences
    unlike = "other is measured on solutions of 12 questions and a 12; 11 of them are the same."
    assert (one.refused, one.common_helps) == (f"Not paired: {unlike}", True)
    (one,) = compare(store, [a, other], metrics=["verifier_step_accuracy"], common=True).differences
    assert (one.n, one.value) == (11, 0.0)


def test_first_errors_on_the_same_benchmark(store: Store) -> None:
    named, missed = [0.9, 0.1], [0.9, 0.9]
    a, b = (
        answered_run(store, ["1"], name=name, judged=rows, metrics={"first_error_accuracy": 0.5})
        for name, rows in (
            ("a", [("p", 2, named), ("p", 0, missed), ("q", 2, named)]),
            ("b", [("p", 2, missed), ("p", 0, missed), ("q", 2, named)]),
        )
    )
    (one,) = compare(store, [a, b], baseline=b, metrics=["first_error_accuracy"]).differences
    assert (one.value, one.wins, one.losses, one.n) == (pytest.approx(1 / 3), 1, 0, 2)
    alone = answered_run(store, ["1"], name="alone", metrics={"first_error_accuracy": 0.5})
    (one,) = compare(store, [a, alone], metrics=["first_error_accuracy"]).differences
    assert one.test == ""  # nor has it an interval to go by


def test_numbers_that_are_no_mean_over_questions(store: Store) -> None:
    a, b = (
        answered_run(store, ["1"], name=n, metrics={"gap": v, "label_accuracy": v}) for n, v in (("a", 0.1), ("b", 0.2))
    )
    store.execute("UPDATE metrics SET low = value - 0.01, high = value + 0.01, n = 50 WHERE name = 'gap'")
    gap, labels = compare(store, [a, b], metrics=["gap", "label_accuracy"]).differences
    assert (gap.test, gap.verdict) == ("apart", "worse")  # b's gap is wider
    assert labels.refused.startswith("A single number each")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_differences_are_those_of_the_answers(store: Store, answers: list[tuple[bool, bool]]) -> None:
    marks = ["".join("01"[pair[side]] for pair in answers) for side in (0, 1)]
    a, b = (answered_run(store, [mine], name="any") for mine in marks)
    (one,) = compare(store, [a, b], baseline=b, by_seed=False).differences
    wins, losses = sum(x and not y for x, y in answers), sum(y and not x for x, y in answers)
    assert (one.wins, one.losses, one.n) == (wins, losses, len(answers))
    assert one.value == pytest.approx((wins - losses) / len(answers))
    assert one.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0)
    assert one.low - 1e-9 <= one.value <= one.high + 1e-9


# -- Seeds


def seeded(store: Store, name: str, right: list[int], *, first: int = 0, **sections: dict) -> list[str]:
    """A run a seed, each with so many right of 40 questions of its own."""
    return [
        answered_run(
            store,
            ["1" * count + "0" * (40 - count)],
            name=f"{name}/{seed}",
            seed=seed,
            questions=[f"{seed}: {n}" for n in range(40)],
            config=sections,
        )
        for seed, count in enumerate(right, start=first)
    ]


def test_seeds_of_one_configuration_are_one_side(store: Store) -> None:
    mine = seeded(store, "beta high", [30, 34, 32])
    other = seeded(store, "beta none", [24, 30, 25], optimiser={"beta": 0.0})
    found = compare(store, [*mine, *other], baseline=other[0])
    first, second = found.groups
    assert (first.label, first.seeds, first.several) == ("beta high", (0, 1, 2), True)
    assert second.label == "beta none"
    assert [run.group for run in found.runs] == [0, 0, 0, 1, 1, 1]
    spread = stats.t.ppf(0.975, 2) * stats.sem([30 / 40, 34 / 40, 32 / 40])
    value = first.values["greedy_accuracy"]
    assert (value.value, value.high - value.value, value.n) == (pytest.approx(0.8), pytest.approx(spread), 3)
    (point,) = first.curves["greedy_accuracy"]
    assert (point.value, point.low, point.n) == (value.value, value.low, 3)
    (one,) = found.differences
    assert (one.test, one.n) == ("seeds_paired", 3)
    assert one.p == pytest.approx(stats.ttest_rel([30, 34, 32], [24, 30, 25]).pvalue)
    assert "3 seeds say little" in one.notes[0]
    assert found.questions == "40 questions each, the same in runs of one seed"
    each = compare(store, [*mine, *other], by_seed=False)
    assert len(each.groups) == 6


def test_seeds_that_do_not_match(store: Store) -> None:
    mine = seeded(store, "some", [30, 34, 32])
    other = seeded(store, "others", [24, 30, 25], first=7, optimiser={"beta": 0.0})
    (one,) = compare(store, [*mine, *other], baseline=other[0]).differences
    assert (one.test, one.n) == ("seeds", 6)
    assert one.p == pytest.approx(stats.ttest_ind([30, 34, 32], [24, 30, 25], equal_var=False).pvalue)


def test_a_single_seed_against_several(store: Store) -> None:
    """Over questions where all have answered the same; else there is nothing to pair by."""
    texts = [f"q{n}" for n in range(12)]
    several = [
        answered_run(store, [marks], name="several", seed=seed, questions=texts)
        for seed, marks in enumerate(("1" * 12, "1" * 8 + "0" * 4))
    ]
    alone = answered_run(store, ["1" * 4 + "0" * 8], name="alone", questions=texts, config={"optimiser": {"beta": 0.0}})
    (one,) = compare(store, [*several, alone], baseline=alone).differences
    assert (one.test, one.n, one.wins) == ("bootstrap", 12, 8)
    assert one.value == pytest.approx(10 / 12 - 4 / 12)
    assert any("single seed" in note for note in one.notes)
    mixed = seeded(store, "mixed", [30, 20], sampling={"samples": 3})
    (one,) = compare(store, [*mixed, alone], baseline=alone).differences
    assert one.refused == "Not paired: the runs of mixed answer different questions."
    more = {"sampling": {"samples": 5}}
    partly = [
        answered_run(store, ["1" * 6], name="partly", seed=seed, questions=texts[seed : seed + 6], config=more)
        for seed in (0, 2)
    ]
    (one,) = compare(store, [*partly, alone], baseline=alone, common=True).differences
    assert (one.n, one.wins, one.value) == (4, 2, 0.5)  # questions 2 to 5, of which alone has 2 and 3


def test_a_seed_a_second_time_is_no_further_seed(store: Store) -> None:
    same = [answered_run(store, ["10"], name="same", seed=3) for _ in range(2)]
    found = compare(store, same)
    assert [group.several for group in found.groups] == [False, False]
    assert [run.label for run in found.runs] == same  # their names do not tell them apart


def test_what_was_changed_underway_is_another_configuration(store: Store) -> None:
    a, b = (answered_run(store, ["10", "11"], name=f"n{seed}", seed=seed) for seed in (0, 1))
    store.execute(
        "INSERT INTO config_changes (run_id, at, phase_ordinal, sender, key, before, after)"
        " VALUES (?, 1.0, 4, 'me', 'optimiser.learning_rate', '0.002', '0.001')",
        (b,),
    )
    found = compare(store, [a, b])
    assert len(found.groups) == 2
    (row,) = found.configuration.different
    assert (row.key, row.values, row.unlike) == ("optimiser.learning_rate", (0.001, 0.001), (False, False))
    assert row.changes[b][0].before == 0.002
    assert found.run(b).notes == ("n1 was resumed with optimiser.learning_rate = 0.001 (it was 0.002).",)
    # How the machine was used changes nothing.
    store.execute("UPDATE config_changes SET key = 'runtime.threads', before = '1', after = '2'")
    assert len(compare(store, [a, b]).groups) == 1


# -- Configurations


def test_only_keys_that_differ(store: Store) -> None:
    a = answered_run(store, ["1"], name="a", seed=1)
    b = answered_run(store, ["1"], name="b", seed=2, config={"labeling": {"rollouts": 8}, "optimiser": {"beta": 0.0}})
    told = compare(store, [a, b], baseline=b).configuration
    assert [row.key for row in told.different] == ["labeling.rollouts", "optimiser.beta"]
    assert told.different[0].values == (4, 8)
    assert told.different[0].unlike == (True, False)
    equal = {row.key for row in told.equal}
    assert not {"name", "seed", "labeling.rollouts"} & equal
    assert "sampling.samples" in equal


def test_defaults_are_filled_in_of_older_runs(store: Store) -> None:
    a, b = (answered_run(store, ["1"], name=name) for name in "ab")
    store.execute("UPDATE runs SET config = json_remove(config, '$.labeling.people') WHERE id = ?", (a,))
    assert compare(store, [a, b]).configuration.different == ()


def test_a_configuration_of_another_version(store: Store) -> None:
    a, b = (answered_run(store, ["1"], name=name) for name in "ab")
    store.execute("UPDATE runs SET config = json_set(config, '$.labeling.magic', 7) WHERE id = ?", (a,))
    found = compare(store, [a, b])
    assert [(row.key, row.values) for row in found.configuration.different] == [("labeling.magic", (7, None))]
    assert "another version" in found.run(a).notes[0]


def test_what_runs_stand_on(store: Store) -> None:
    hub = {"model": {"source": "hub:owner/name"}, "task": {"kind": "gsm8k"}}
    a, b = (answered_run(store, ["1"], name=name, config=hub, questions=["q"]) for name in "ab")
    model, trained, tested = compare(store, [a, b]).configuration.identities
    assert (model.by, model.same) == ("name", None)
    assert (trained.by, trained.same) == ("name", None)
    assert (tested.by, tested.same) == ("digest", True)
    for run, commit in ((a, "0123456789"), (b, "9876543210")):
        store.run_dir(run).mkdir(parents=True)
        (store.run_dir(run) / "model.json").write_text(f'{{"name": "owner/name", "commit": "{commit}"}}')
    model, *_ = compare(store, [a, b]).configuration.identities
    assert (model.by, model.same) == ("digest", False)
    (store.run_dir(b) / "model.json").write_text("broken")
    model, *_ = compare(store, [a, b]).configuration.identities
    assert model.by == "name"
    lab = [answered_run(store, ["1"], name=name, seed=seed) for name, seed in (("c", 0), ("d", 1))]
    model, trained, tested = compare(store, lab).configuration.identities
    assert [one.same for one in (model, trained)] == [False, False]  # drawn by the seed


# -- Sets


def test_an_evaluation_set(store: Store) -> None:
    sets = {
        "evaluation": {"sets": [{"name": "far", "kind": "gsm8k"}]},
        "model": {"source": "hub:a/b"},
        "task": {"kind": "gsm8k"},
    }
    a, b = (
        answered_run(
            store, [marks], name=name, set="far", config=sets, samples=[[marks, "1" * 10]], metrics={"gap": 0.1}
        )
        for name, marks in (("a", "1" * 9 + "0"), ("b", "1" * 2 + "0" * 8))
    )
    own = answered_run(store, ["1" * 4], name="own")
    found = compare(store, [a, b, own], set="far", metrics=["greedy_accuracy", "sampled_accuracy"])
    assert found.sets == ("", "far")
    assert found.run(a).values["greedy_accuracy"].value == 0.9
    assert "gap" in found.run(a).values  # the verifier is the run's, whatever the set
    assert found.run(own).iteration is None
    assert [d.test for d in found.differences] == ["mcnemar", "", "bootstrap", ""]
    keys = [row.key for row in found.configuration.different]
    assert "evaluation.sets.far.samples" in keys
    assert compare(store, [own, answered_run(store, ["1" * 4], name="own2")]).sets == ("",)
    with pytest.raises(InputError, match="None of the runs was measured on a set 'near'"):
        compare(store, [a, b], set="near")


# -- The paper's figures

GSM8K = {
    "task": {"kind": "gsm8k", "train_data": "hub:openai/gsm8k/main:train", "test_data": "hub:openai/gsm8k/main:test"},
    "model": {"source": "hub:Qwen/Qwen2.5-0.5B"},
}


def test_the_paper_s_figures_stand_beside_its_own_setting_alone(store: Store) -> None:
    where = "gsm8k/qwen2.5-0.5b"
    own = answered_run(store, ["1"] * 4, name="own", config=GSM8K)
    orm = answered_run(
        store, ["1"] * 4, name="orm", config=GSM8K | {"labeling": {"labeler": "outcome", "start_labeler": "outcome"}}
    )
    found = compare(store, [own, orm])
    assert found.runs[0].paper_method == "SAPO"
    figures = [PAPER[where]["SFT"], *PAPER_SAPO[where]]
    assert found.runs[0].paper == {i: pytest.approx(value / 100) for i, value in enumerate(figures)}
    assert found.runs[1].paper_method == "w/o PF"
    assert found.runs[1].paper == {0: pytest.approx(0.3419), 3: pytest.approx(PAPER[where]["w/o PF"] / 100)}


def test_an_untrained_model_stands_beside_the_paper_s(store: Store) -> None:
    run = answered_run(store, ["1"], config=GSM8K | {"warmup": {"epochs": 0}})
    assert compare(store, [run]).runs[0].paper == {0: pytest.approx(PAPER["gsm8k/qwen2.5-0.5b"]["CoT"] / 100)}
    warmed = answered_run(store, ["1"], config=GSM8K)
    assert compare(store, [warmed]).runs[0].paper == {0: pytest.approx(0.3419)}


@pytest.mark.parametrize(
    "changes",
    [
        {"warmup": {"epochs": 0}},
        {"model": {"source": "hub:Qwen/Qwen2.5-0.5B-Instruct"}},
        {"model": {"source": "/models/Qwen2.5-0.5B"}},
        {"task": GSM8K["task"] | {"test_data": "mine.jsonl"}},
        {"task": GSM8K["task"] | {"test_data": ""}},
        {"task": {"kind": "arithmetic"}, "model": {"source": "fresh"}},
        {"labeling": {"max_checks": 8}},
        {"labeling": {"people": "use"}},
        {"optimiser": {"kind": "rpo"}},
    ],
)
def test_of_any_other_it_has_none(store: Store, changes: dict) -> None:
    run = answered_run(store, ["1"] * 4, config=GSM8K | changes)
    assert compare(store, [run]).runs[0].paper == {}


# -- What is said


def test_what_holds_of_one_difference_names_it(store: Store) -> None:
    answered_run(store, ["1111", "1111"], name="base")
    answered_run(store, ["1111", "1110"], name="near")
    answered_run(store, ["1111", "1100"], name="far")
    found = compare(store, ["base", "near", "far"])
    assert notes_of_differences(found) == [
        "near less base: They differ in 1 question: too few to show anything.",
        "far less base: They differ in 2 questions: too few to show anything.",
    ]
    (alone,) = notes_of_differences(compare(store, ["base", "near"]))
    assert alone == "They differ in 1 question: too few to show anything."
    both = compare(store, ["base", "near"], metrics=("greedy_accuracy", "sampled_accuracy"))
    assert notes_of_differences(both) == [f"near less base, greedy: {alone}"]


def test_a_finished_run_that_was_not_measured_on_a_set_did_not_end_early(store: Store) -> None:
    answered_run(store, ["11", "11"], name="of a set", set="MATH")
    answered_run(store, ["11", "11"], name="own")
    (with_set, own) = compare(store, ["of a set", "own"], set="MATH").runs
    assert with_set.notes == ()
    assert own.notes == ("own was not measured on MATH.",)
    assert compare(store, ["of a set"]).runs[0].notes == ("of a set was not measured on test questions.",)


def test_a_metric_that_is_no_finite_number_was_not_measured(store: Store) -> None:
    odd = answered_run(store, ["11", "10"], name="odd", metrics={"gap": 0.1})
    answered_run(store, ["11", "11"], name="other", metrics={"gap": 0.2})
    store.execute("UPDATE metrics SET value = 9e999 WHERE run_id = ? AND name = 'gap'", (odd,))
    found = compare(store, ["odd", "other"], metrics=("gap",))
    assert "gap" not in found.runs[0].values
    assert found.differences[0].refused == "odd has not measured this."
