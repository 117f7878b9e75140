"""Several processes come to what one comes to."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from sapo_engine.phases.run_files import RunFiles
from sapo_engine.process_group import ALONE, Group, partition
from sapo_engine.rollouts import Completion, Request
from sapo_engine.rollouts.sharded import ShardedBackend
from sapo_studio.domain.ledger import Usage
from sapo_studio.errors import InputError, Stopped
from sapo_studio.events import kinds as k
from tests.fixtures import ranks
from tests.fixtures import sharded_trainings as divided
from tests.fixtures.tiny_models import write_model
from tests.fixtures.trainings import StopAt
from tests.fixtures.written_tasks import gsm8k_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="several processes are refused there")


# -- Dealing


def test_dealing_gives_everything_once_in_rising_order():
    parts = partition([3, 1, 4, 1, 5, 9, 2, 6], 3)
    assert sorted(index for part in parts for index in part) == list(range(8))
    assert all(part == sorted(part) for part in parts)


def test_dealt_parts_weigh_about_the_same():
    weights = [1 + (i * 7) % 13 for i in range(100)]
    loads = [sum(weights[i] for i in part) for part in partition(weights, 8)]
    assert max(loads) - min(loads) <= max(weights)


def test_equal_neighbours_go_to_different_parts():
    assert partition([1] * 6, 2) == [[0, 2, 4], [1, 3, 5]]


def test_fewer_items_than_parts():
    assert partition([1], 3) == [[0], [], []]
    assert partition([], 2) == [[], []]


# -- The group


def test_alone_everything_is_ones_own():
    assert (ALONE.rank, ALONE.size, ALONE.leader) == (0, 1, True)
    assert ALONE.gather(3) == [3]
    assert ALONE.share("x") == "x"
    assert ALONE.map(range(3), lambda items: [item + 1 for item in items]) == [1, 2, 3]
    assert ALONE.total({"loss": 2.0}) == {"loss": 2.0}
    assert (ALONE.helpers_per_rank(0), ALONE.helpers_per_rank(5)) == (0, 5)


def test_helper_processes_are_divided_too():
    assert OneOfFour(1).helpers_per_rank(9) == 2
    assert OneOfFour(1).helpers_per_rank(2) == 1
    assert OneOfFour(1).helpers_per_rank(0) >= 1


EACH = ("exchange", "sampled", "slotted", "trained", "sharded")


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Where two ranks work, with what they need for it."""
    folder = tmp_path_factory.mktemp("two")
    gsm8k_file(folder / "train.jsonl", 100)
    gsm8k_file(folder / "far.jsonl", 12, seed=4)
    write_model(folder / "model", "llama")
    stopped_alone(folder)
    return folder


@pytest.fixture(scope="module")
def ended(ground):
    """Two ranks at their end: last words and code. Everything in one go, since ranks take seconds to start; in the end
    one of them dies and leaves the other alone."""
    return ranks.ended((*EACH, "apart", "together", "whole", "sets", "lonely"), ground)


@pytest.fixture(scope="module")
def two(ended, ground):
    """What each of two ranks came to."""
    kept = ranks.kept(ground)
    assert all("sets" in rank for rank in kept), ended
    return kept


@pytest.fixture(scope="module")
def ground_of_three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    stopped_alone(folder)
    return folder


@pytest.fixture(scope="module")
def three(ground_of_three):
    return ranks.results((*EACH, "trained_in_parts", "more_sharded"), ground_of_three, 3)


def stopped_alone(folder):
    """A training of one process that several are to go on with."""
    with pytest.raises(Stopped):
        divided.fit(ALONE, StopAt(3), state=folder / "one")


GAP = "sampler_trainer_logprob_gap"

many = pytest.mark.parametrize("many", ["two", pytest.param("three", marks=pytest.mark.slow)])


def test_two_ranks_exchange(two):
    first, second = (rank["exchange"] for rank in two)
    for name in ("gather", "share", "agree", "total", "map", "one", "none", "gradients", "levelled", "variables"):
        assert first[name] == second[name], name
    assert first["gather"] == ["rank 0", "rank 1"]
    assert first["share"] == {"rank": 0}
    assert first["agree"] == 10
    assert first["total"] == {"loss": 4.0, "extra": 2.0}
    assert [square for square, _ in first["map"]] == [0, 1, 4, 9, 16, 25, 36]
    assert {rank for _, rank in first["map"]} == {0, 1}
    assert first["asked"][0] == [6]  # as heavy as all the others
    assert second["asked"][0] == [0, 1, 2, 3, 4, 5]
    assert first["one"] == [(25, 0)]
    assert first["none"] == []
    assert first["gradients"] == [[3.0, 6.0, 9.0], [5.0, 7.0], None]
    assert first["levelled"] == [0.0, 0.0, 0.0]
    assert first["variables"] == []  # nothing that a library would take for an invitation


def test_a_rank_that_is_left_alone_notices(ended):
    (last_words, code), (_, dead) = ended
    assert dead == 9
    assert code not in (0, 9)
    assert "PeersLostError" in last_words


# -- The run's files


def test_who_does_not_see_the_leaders_folder_is_sent_what_is_read(two):
    first, second = (rank["apart"] for rank in two)
    assert (first["lacking"], second["lacking"]) == (1, 1)
    assert (first["own"], second["own"]) == (True, False)
    assert (first["left"], second["left"]) == (True, False)
    weights = bytes(range(256)) * 3
    sent = {"artefact/model/weights": weights, "artefact/empty": b"", "artefact/stray": b"0", "state": b"whole"}
    assert first["files"] == second["files"] == sent


def test_a_folder_that_all_see_is_everybodys(two):
    assert [rank["together"] for rank in two] == [(0, True), (0, True)]


def test_a_leader_without_the_runs_folder_says_so(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        RunFiles(tmp_path / "gone", OneOfFour(0))


# -- Rollouts


@many
def test_completions_are_the_same_however_many_write_them(request, many):
    alone = ranks.sampled(ALONE)
    assert alone["usage"].sequences == 23 * 2 + 10 + 1
    assert len({len(c.tokens) for mine in alone["warm"] for c in mine}) > 3
    for rank in request.getfixturevalue(many):
        assert rank["sampled"] == alone


@many
def test_slots_of_each_rank_write_what_the_slots_of_one_do(request, many):
    alone = ranks.slotted(ALONE)
    lengths = {len(c.tokens) for mine in alone["fp32"] for c in mine}
    assert len(lengths) > 3
    for rank in request.getfixturevalue(many):
        found = rank["slotted"]
        # One shape always: to the last bit, in bf16 as well.
        assert found["strict"] == alone["strict"]
        assert found["bf16"] == alone["bf16"]
        assert [[c.tokens for c in mine] for mine in found["fp32"]] == [
            [c.tokens for c in mine] for mine in alone["fp32"]
        ]
        flat = [c.log_probs for mine in found["fp32"] for c in mine]
        assert flat == [pytest.approx(c.log_probs, abs=1e-5) for mine in alone["fp32"] for c in mine]


class AskedError(Exception):
    """What a back end is asked for."""

    def __init__(self, requests):
        self.requests = requests


class Asking:
    """A back end that ends at the question. Implements RolloutBackend."""

    usage = Usage()

    def generate(self, requests, *, temperature, tick=None):
        raise AskedError(requests)


class OneOfFour(Group):
    """A rank of four."""

    size = local_size = 4

    def __init__(self, rank):
        self.rank = rank


def asked_of_four(requests):
    """What each of four ranks would generate of `requests`."""
    for rank in range(4):
        with pytest.raises(AskedError) as asked:
            ShardedBackend(Asking(), OneOfFour(rank)).generate(requests, temperature=1.0)
        yield asked.value.requests


def test_ranks_have_about_as_much_to_do():
    requests = [Request((1,) * (1 + i % 9), (), 5) for i in range(40)]
    lengths = []
    for share in asked_of_four(requests):
        assert len(share) == 10
        lengths.append(sum(len(request.prompt) for request in share))
    assert sum(lengths) == sum(len(request.prompt) for request in requests)
    assert max(lengths) - min(lengths) <= 10


def test_long_continuations_are_not_all_one_ranks():
    """Four requests that may go on for long, among many that may not: each rank gets one of them."""
    requests = [Request((1,) * (1 + i), (i,), 100 if i < 4 else 5) for i in range(40)]
    shares = [[request.max_new_tokens for request in share] for share in asked_of_four(requests)]
    assert [share.count(100) for share in shares] == [1] * 4
    assert max(map(sum, shares)) - min(map(sum, shares)) <= 5


class Telling:
    """Writes as many tokens as a key says, with log-probabilities where they are asked for."""

    def __init__(self):
        self.usage = Usage()

    def generate(self, requests, *, temperature, tick=None):
        return [
            [Completion((key,) * key, key > 2, tuple(-key - i / 7 for i in range(key * r.log_probs))) for key in r.keys]
            for r in requests
        ]


class OneOfTwo(Group):
    """A rank that is a thread, beside another one."""

    size = 2

    def __init__(self, rank, said, both):
        self.rank, self.said, self.both = rank, said, both

    def gather(self, value):
        self.said[self.rank] = value
        self.both.wait(10)
        return list(self.said)


def test_ranks_tell_each_other_log_probabilities():
    requests = [Request((1,) * (i + 1), (i + 1, 3), 9, log_probs=i % 2 == 0) for i in range(5)]
    said, both = [None, None], Barrier(2)
    backends = [ShardedBackend(Telling(), OneOfTwo(rank, said, both)) for rank in range(2)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda backend: backend.generate(requests, temperature=1.0), backends))
    assert found[0] == found[1] == Telling().generate(requests, temperature=1.0)


# -- Training


@many
def test_training_curves_are_the_same_but_for_noise(request, many):
    alone = ranks.trained(ALONE)
    found = [rank["trained"] for rank in request.getfixturevalue(many)]
    for kind, (points, weights) in alone.items():
        assert len(points) >= 6
        losses = [value for (name, _), value in points.items() if name == "loss"]
        assert losses[-1] < losses[0]
        for rank in found:
            assert rank[kind][0] == pytest.approx(points, rel=1e-4), kind
            torch.testing.assert_close(rank[kind][1], weights, rtol=1e-3, atol=1e-4)
            assert torch.equal(rank[kind][1], found[0][kind][1])  # between ranks there is no noise


@pytest.mark.slow
def test_small_parts_and_mixed_precision(three):
    alone = ranks.trained(ALONE, micro_tokens=1, precision="bf16")
    for rank in three:
        for kind, (points, _) in alone.items():
            assert rank["trained_in_parts"][kind][0] == pytest.approx(points, rel=0.05), kind


# -- Training that is divided


@pytest.fixture(scope="module")
def plain():
    """What one process makes of the weights."""
    return divided.fit(ALONE)


@many
def test_a_training_that_is_divided_is_the_training_of_one(request, plain, many):
    found = [rank["sharded"]["plain"] for rank in request.getfixturevalue(many)]
    assert not torch.allclose(plain, divided.weights(divided.network()), atol=1e-2)
    for rank in found:
        torch.testing.assert_close(rank, plain, rtol=1e-3, atol=1e-5)
        assert torch.equal(rank, found[0])


@pytest.mark.slow
def test_trainings_of_each_kind_that_are_divided_are_those_of_one(three):
    alone, plain, bf16 = ranks.trained(ALONE), three[0]["sharded"]["plain"], divided.fit(ALONE, precision="bf16")
    for rank in (each["more_sharded"] for each in three):
        for kind, (points, weights) in alone.items():
            assert rank["kinds"][kind][0] == pytest.approx(points, rel=1e-4), kind
            torch.testing.assert_close(rank["kinds"][kind][1], weights, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(rank["bf16"], bf16, rtol=0.05, atol=0.02)
        assert not torch.equal(rank["bf16"], plain)
        assert torch.equal(rank["bf16"], three[0]["more_sharded"]["bf16"])


@many
def test_each_rank_holds_its_part_of_weights_gradients_and_moments(request, many):
    found = [rank["sharded"]["bytes"] for rank in request.getfixturevalue(many)]
    (whole,) = {whole for _, whole in found}
    assert whole == 4 * 4 * divided.weights(divided.network()).numel()
    assert sum(own for own, _ in found) == whole
    assert max(own for own, _ in found) < 1.2 * whole / len(found)


@pytest.mark.slow
def test_a_divided_training_is_looked_at(three):
    for rank in three:
        looked = rank["more_sharded"]
        assert torch.equal(looked["looked at"], rank["sharded"]["plain"])
        first, second = looked["seen"]
        assert not torch.equal(first, second)
        assert not torch.equal(second, rank["sharded"]["plain"])
        assert all(torch.equal(*both) for both in zip(looked["seen"], three[0]["more_sharded"]["seen"], strict=True))


@many
def test_a_divided_training_is_taken_over_by_more_and_by_fewer(request, plain, many):
    for rank in (each["sharded"] for each in request.getfixturevalue(many)):
        assert torch.equal(rank["resumed"], rank["plain"])
        torch.testing.assert_close(rank["taken over"], plain, rtol=1e-3, atol=1e-5)
    left = request.getfixturevalue("ground" if many == "two" else "ground_of_three")
    torch.testing.assert_close(divided.fit(ALONE, state=left / "several"), plain, rtol=1e-3, atol=1e-5)


# -- Whole runs


def metrics(events):
    return {
        (e.iteration, e.name): e.value for e in events if isinstance(e, k.Metric) and not e.name.endswith("_seconds")
    }


def rows(events, kind):
    return {
        (getattr(e, "source", ""), getattr(row, "number", getattr(row, "trajectory", None))): row
        for e in events
        if isinstance(e, kind)
        for row in e.rows
    }


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return ranks.whole(ALONE, tmp_path_factory.mktemp("alone"))


def test_a_run_of_two_processes_is_the_run_of_one(alone, two):
    events, nothing = (rank["whole"] for rank in two)
    assert nothing == []  # only rank 0 speaks
    first = {n: row for n, row in rows(alone, k.Trajectories).items() if row.iteration == 0}
    assert first.items() <= rows(events, k.Trajectories).items()
    points = {(e.ordinal, e.name, e.step): e.value for e in events if isinstance(e, k.CurvePoint)}
    expected = {(e.ordinal, e.name, e.step): e.value for e in alone if isinstance(e, k.CurvePoint)}
    assert points == pytest.approx(expected, rel=1e-4)
    for kind in (k.Trajectories, k.Labels, k.Rollouts):
        assert rows(events, kind) == rows(alone, kind), kind
    pairs, expected = rows(events, k.Pairs), rows(alone, k.Pairs)
    assert [(p.winner, p.loser, p.used) for p in pairs.values()] == [
        (p.winner, p.loser, p.used) for p in expected.values()
    ]
    assert [p.margin for p in pairs.values()] == pytest.approx([p.margin for p in expected.values()], abs=1e-4)
    assert metrics(events) == pytest.approx(metrics(alone), abs=1e-4)
    assert len(metrics(events)) > 40


def test_two_processes_answer_evaluation_sets_as_one(ground, two):
    alone = ranks.measured_on_sets(ALONE, ground)
    events, nothing = (rank["sets"] for rank in two)
    assert nothing == []
    for kind in (k.Trajectories, k.Questions):
        assert rows(events, kind) == rows(alone, kind), kind
    assert {e.set for e in events if isinstance(e, k.Metric)} == {"", "far", "few"}
    found, expected = ([e for e in each if isinstance(e, k.Metric)] for each in (events, alone))
    assert [e for e in found if e.name != GAP] == [e for e in expected if e.name != GAP]
    # What the sampler and the trained network differ by is rounding, which depends on what else is in a batch.
    assert [(e.iteration, e.set, e.n) for e in found if e.name == GAP] == [
        (e.iteration, e.set, e.n) for e in expected if e.name == GAP
    ]
    assert all(e.value < 1e-5 for e in found if e.name == GAP)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["stopped", "stopped_with_parts"])
def test_two_processes_stop_together_and_go_on(alone, tmp_path, scenario):
    events, other = (rank[scenario] for rank in ranks.results([scenario], tmp_path))
    assert events.pop() == other.pop() >= 4  # attempts
    assert other == []
    assert metrics(events) == pytest.approx(metrics(alone), abs=1e-4)
    assert {e.ordinal for e in events if isinstance(e, k.PhaseFinished)} == set(range(15))
    starts = [e.ordinal for e in events if isinstance(e, k.PhaseStarted)]
    assert len(starts) > len(set(starts))  # some stops came inside a phase
