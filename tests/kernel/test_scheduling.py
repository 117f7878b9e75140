"""Who starts, on which cards, and why the others wait: by example, and what holds for any queue on any machine."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain.scheduling import (
    GIB,
    CardState,
    MachineState,
    Need,
    RunningRun,
    WaitingRun,
    place,
    timeline,
)


def card(number: int, total: int = 24, free: int | None = None) -> CardState:
    return CardState(f"GPU-{number}", number, "RTX", total * GIB, (total if free is None else free) * GIB)


def machine(*cards: CardState, memory: int = 64, cores: int = 8) -> MachineState:
    return MachineState(cards, memory * GIB, memory * GIB, cores)


def on_card(size: int = 20, cards: int = 1, only: tuple[int, ...] = (), seconds: float | None = 60.0) -> Need:
    return Need(cards, size * GIB, 0.0, GIB, 0, frozenset(f"GPU-{number}" for number in only), seconds)


def on_cpu(cores: int = 1, memory: int = 1, seconds: float | None = 60.0) -> Need:
    return Need(main_memory=memory * GIB, cores=cores, seconds=seconds)


def waiting(**needs: Need) -> list[WaitingRun]:
    return [WaitingRun(name, name, need) for name, need in needs.items()]


def started(machine_: MachineState, running: list[RunningRun], **needs: Need) -> dict[str, tuple[str, ...]]:
    return {start.run_id: start.cards for start in place(machine_, running, waiting(**needs)).starts}


def whys(machine_: MachineState, running: list[RunningRun], **needs: Need) -> dict[str, str]:
    return {run: wait.why for run, wait in place(machine_, running, waiting(**needs)).waits.items()}


def test_each_run_gets_a_card_of_its_own_while_there_is_one():
    two = machine(card(0), card(1))
    assert started(two, [], a=on_card(5), b=on_card(5)) == {"a": ("GPU-0",), "b": ("GPU-1",)}
    assert started(two, [], a=on_card(20, cards=2), b=on_card(5)) == {"a": ("GPU-0", "GPU-1")}


def test_memory_that_a_run_has_not_taken_yet_is_taken():
    young = RunningRun("r", "gsm8k", on_card(20), ("GPU-0",))
    assert started(machine(card(0)), [young], a=on_card(10)) == {}
    assert whys(machine(card(0)), [young], a=on_card(10)) == {"a": "waits for 6.0 GB on card 0, where gsm8k works"}
    grown = replace(young, taken_on_cards={"GPU-0": 20 * GIB})
    assert whys(machine(card(0, free=4)), [grown], a=on_card(10)) == {
        "a": "waits for 6.0 GB on card 0, where gsm8k works"
    }
    assert started(machine(card(0, free=4)), [grown], a=on_card(4)) == {"a": ("GPU-0",)}


def test_what_other_programs_hold_is_not_free():
    assert whys(machine(card(0, free=11)), [], a=on_card(20)) == {"a": "waits for 9.0 GB on card 0"}


def test_only_the_cards_that_are_allowed():
    assert started(machine(card(0), card(1)), [], a=on_card(5, only=(1,))) == {"a": ("GPU-1",)}
    full = machine(card(0), card(1, free=0))
    assert whys(full, [], a=on_card(5, only=(1,))) == {"a": "waits for 5.0 GB on card 1"}
    missing = place(machine(card(0)), [], waiting(a=on_card(5, only=(3,)))).waits["a"]
    assert missing.hopeless
    assert missing.why == "needs a card, and none of those it may use is in this machine"


def test_a_later_run_starts_on_what_the_first_does_not_wait_for():
    busy = RunningRun("r", "r", on_card(20), ("GPU-0",), seconds_left=60)
    machine_ = machine(card(0), card(1), card(2))
    # a needs two cards, 1 and 2 are free: it starts. Three, and it waits; then nothing else may take 1 and 2.
    assert set(started(machine_, [busy], a=on_card(20, cards=2), b=on_card(5))) == {"a"}
    assert started(machine_, [busy], a=on_card(20, cards=3), b=on_card(5)) == {}
    told = whys(machine_, [busy], a=on_card(20, cards=3), b=on_card(5))
    assert told["a"] == "waits for 16 GB on card 0 and 2 more, where r works"
    assert told["b"].endswith("which is kept for a")
    # One that works on the CPU takes nothing from it, and neither does one on a card that it may not use.
    assert started(machine_, [busy], a=on_card(20, only=(0,)), b=on_card(5), c=on_cpu()) == {"b": ("GPU-1",), "c": ()}


def test_without_cards_by_cores_and_memory():
    small = machine(memory=16, cores=4)
    assert started(small, [], a=on_cpu(2), b=on_cpu(2), c=on_cpu(1)) == {"a": (), "b": ()}
    assert whys(small, [], a=on_cpu(3), b=on_cpu(2), c=on_cpu(1)) == {
        "b": "waits for 1 core, while a works",
        "c": "waits for 1 core, after b",
    }
    assert whys(small, [], a=on_cpu(1, 12), b=on_cpu(1, 12)) == {"b": "waits for 8.0 GB of main memory, while a works"}
    # More threads than there are cores: then it gets all of them.
    assert started(small, [], a=on_cpu(64)) == {"a": ()}


def test_what_never_fits_keeps_nobody_from_starting():
    small = machine(card(0, total=6), memory=16)
    found = place(small, [], waiting(a=on_card(9), b=on_card(5), c=on_cpu(1, 99)))
    assert [start.run_id for start in found.starts] == ["b"]
    assert found.waits["a"].why == "needs 9.0 GB on a card, and card 0 has 6.0 GB: it does not fit here"
    assert found.waits["c"].why == "needs 99 GB of main memory, and this machine has 16 GB: it does not fit here"
    assert place(machine(), [], waiting(a=on_card(9))).waits["a"].why == "needs a card, and no card can be seen now"


def test_a_need_that_nobody_knows_is_alone():
    unknown = Need(1, known=False)
    two = machine(card(0), card(1))
    assert started(two, [], a=unknown, b=on_card(5)) == {"a": ("GPU-0",), "b": ("GPU-1",)}
    busy = RunningRun("r", "r", on_card(2), ("GPU-0",))
    assert started(machine(card(0)), [busy], a=unknown) == {}
    alone = RunningRun("u", "u", Need(known=False))
    assert started(machine(), [alone], a=on_cpu()) == {}
    assert started(machine(), [alone], a=on_card()) == {}


def test_vllm_takes_its_share_of_whatever_card_it_is_on():
    share = replace(on_card(5), share_of_card=0.85)
    assert started(machine(card(0, free=20)), [], a=share) == {}
    assert started(machine(card(0, total=80, free=70)), [], a=share) == {"a": ("GPU-0",)}


def test_the_timeline_is_what_will_happen():
    busy = RunningRun("r", "r", on_card(20), ("GPU-0",), {"GPU-0": 20 * GIB}, seconds_left=100)
    machine_ = machine(card(0, free=4), card(1))
    queue = waiting(a=on_card(20, seconds=50), b=on_card(20, seconds=70), c=on_card(20, seconds=10))
    plan = {one.run_id: (one.cards, one.start, one.end) for one in timeline(machine_, [busy], queue)}
    assert plan == {
        "r": (("GPU-0",), 0.0, 100),
        "a": (("GPU-1",), 0.0, 50.0),
        "b": (("GPU-1",), 50.0, 120.0),
        "c": (("GPU-0",), 100.0, 110.0),
    }
    endless = replace(busy, seconds_left=None)
    plan = {one.run_id: one.start for one in timeline(machine(card(0, free=4)), [endless], waiting(a=on_card(20)))}
    assert plan == {"r": 0.0, "a": None}


# -- rules that hold for all

cards = st.lists(st.integers(4, 80), min_size=0, max_size=4).flatmap(
    lambda totals: st.tuples(
        *(st.integers(0, total).map(lambda free, n=n, t=total: card(n, t, free)) for n, total in enumerate(totals))
    )
)
machines = st.builds(
    MachineState, cards, st.just(64 * GIB), st.integers(0, 64).map(lambda size: size * GIB), st.integers(1, 16)
)
needs = st.one_of(
    st.builds(on_card, st.integers(1, 40), st.integers(1, 3), st.lists(st.integers(0, 4), max_size=3).map(tuple)),
    st.builds(on_cpu, st.integers(1, 8), st.integers(0, 40)),
)
queues = st.lists(needs, max_size=6).map(
    lambda found: [WaitingRun(f"w{n}", f"w{n}", need) for n, need in enumerate(found)]
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[MachineState, list[RunningRun], list[WaitingRun]]:
    there = draw(machines)
    running: list[RunningRun] = []
    for number, need in enumerate(draw(st.lists(needs, max_size=3))):
        on = tuple(one.uuid for one in there.cards[: need.cards])
        taken = {uuid: draw(st.integers(0, 40)) * GIB for uuid in on}
        running.append(RunningRun(f"r{number}", f"r{number}", need, on, taken, draw(st.integers(0, 40)) * GIB))
    return there, running, draw(queues)


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_nothing_is_given_twice(world: tuple[MachineState, list[RunningRun], list[WaitingRun]]):
    there, running, queue = world
    found = place(there, running, queue)
    by_id = {run.run_id: run.need for run in queue}
    assert {start.run_id for start in found.starts} | set(found.waits) == set(by_id)
    assert not {start.run_id for start in found.starts} & set(found.waits)
    for one in there.cards:
        coming = [by_id[s.run_id].memory_on_card for s in found.starts if one.uuid in s.cards]
        growing = [
            max(0, run.need.memory_on_card - run.taken_on_cards.get(one.uuid, 0))
            for run in running
            if one.uuid in run.cards
        ]
        assert not coming or sum(coming) + sum(growing) <= one.free
    if found.starts:
        growing = [max(0, run.need.main_memory - run.taken_memory) for run in running]
        assert sum(by_id[s.run_id].main_memory for s in found.starts) + sum(growing) <= there.memory_free
    on_cores = [min(by_id[s.run_id].cores, there.cores) for s in found.starts if not by_id[s.run_id].cards]
    busy = [min(run.need.cores, there.cores) for run in running if not run.need.cards]
    assert not any(on_cores) or sum(on_cores) + sum(busy) <= there.cores
    for start in found.starts:
        need = by_id[start.run_id]
        assert len(set(start.cards)) == need.cards
        assert not need.only or set(start.cards) <= need.only
    assert all(wait.why for wait in found.waits.values())


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_those_behind_change_nothing_for_those_before(
    world: tuple[MachineState, list[RunningRun], list[WaitingRun]],
):
    there, running, queue = world
    whole = place(there, running, queue)
    for length in range(len(queue)):
        first = place(there, running, queue[:length])
        ids = {run.run_id for run in queue[:length]}
        assert first.starts == tuple(start for start in whole.starts if start.run_id in ids)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(8, 24), max_size=3), queues, st.randoms(use_true_random=False))
def test_the_first_is_never_overtaken_for_ever(totals: list[int], queue: list[WaitingRun], chance: Random):
    """Runs end in any order, however long forecasts say that they take, and new ones keep coming in at the end: a run
    that can start at all starts once all that ran before it have ended."""
    there = machine(*(card(number, total) for number, total in enumerate(totals)))
    line = [run for run in queue if not place(there, [], [run]).waits]
    going: list[RunningRun] = []
    added = 0
    served: list[str] = []
    for _ in range(200):
        for start in place(there, going, line).starts:
            run = next(one for one in line if one.run_id == start.run_id)
            line.remove(run)
            served.append(run.run_id)
            going.append(RunningRun(run.run_id, run.name, run.need, start.cards, seconds_left=chance.random() * 100))
        if not any(run.run_id.startswith("w") for run in line):
            break
        # A newcomer that wants little, behind those that wait: what would starve a large one.
        if added < 100:
            added += 1
            line.append(WaitingRun(f"n{added}", f"n{added}", on_card(1) if totals else on_cpu(1, 1)))
        if going:
            going.pop(chance.randrange(len(going)))
    assert not [run.run_id for run in line if run.run_id.startswith("w")], served
