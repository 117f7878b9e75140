"""The queue of runs in the store, and one look of the process that keeps it: with two pretended cards."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sapo_studio import processes, supervisor
from sapo_studio.app.run_queue import keeper, putting_in
from sapo_studio.app.run_queue.machine_now import MachineWatch
from sapo_studio.app.run_queue.needs import need_of
from sapo_studio.config.overrides import configure
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.scheduling import Need
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine
from sapo_studio.hardware import read_cards
from sapo_studio.store import queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
from sapo_studio.store.records import RunSummary
from tests.fixtures.command_line import answered as sapo
from tests.fixtures.two_cards import TwoCards

GIB = 2**30
SMALL = Need(main_memory=GIB, cores=1, seconds=60.0)


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> TwoCards:
    pretended = TwoCards()
    monkeypatch.setitem(sys.modules, "pynvml", pretended)
    return pretended


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No process is started: what would have been."""
    started: list[str] = []

    def detached(store: Store, command: list[str], *_: object) -> processes.ProcessIdentity:
        started.append(command[-1])
        return processes.identify()

    monkeypatch.setattr(supervisor, "_detached", detached)
    return started


@pytest.fixture
def watch() -> Iterator[MachineWatch]:
    made = MachineWatch()
    yield made
    made.close()


def make(store: Store, name: str = "run", **runtime: object) -> str:
    return runs.create_run(store, RunConfig.model_validate({"name": name, "runtime": runtime}))


def queue(store: Store, *names: str, need: Need = SMALL) -> list[str]:
    made = [make(store, name) for name in names]
    for run_id in made:
        run_queue.add(store, run_id, need)
    return made


def order(store: Store) -> list[str]:
    return [row.name for row in run_queue.list_queue(store) if row.waits]


# -- order and contents


def test_order_is_that_of_coming_and_can_be_changed(store: Store):
    a, b, c = queue(store, "a", "b", "c")
    assert order(store) == ["a", "b", "c"]
    assert run_queue.move(store, c, 1) == 1
    assert order(store) == ["c", "a", "b"]
    assert run_queue.move(store, c, 99) == 3
    assert run_queue.move(store, a, 2) == 2
    assert order(store) == ["b", "a", "c"]
    assert [row.place for row in run_queue.list_queue(store)] == [1, 2, 3]
    with pytest.raises(InputError, match="does not wait"):
        run_queue.move(store, make(store), 1)
    with pytest.raises(InputError, match="no run"):
        run_queue.move(store, "nothing-9", 1)
    assert queries.get_run(store, b).waits_for == ""
    assert queries.get_run(store, make(store)).waits_for is None


def test_what_is_taken_out_can_be_put_back_where_it_was(store: Store, woken: list[str]):
    _, b, _ = queue(store, "a", "b", "c")
    run_queue.set_cards(store, b, ["GPU-1"])
    row = run_queue.remove(store, b)
    assert order(store) == ["a", "c"]
    assert queries.get_run(store, b).status is RunStatus.STOPPED
    putting_in.put_back(store, row)
    assert order(store) == ["a", "b", "c"]
    back = run_queue.get(store, b)
    assert (back.cards, back.need, back.status) == (("GPU-1",), SMALL, RunStatus.QUEUED)
    assert woken == ["sapo_studio.app.run_queue"]


def test_a_run_waits_once_and_only_where_it_can_start(store: Store):
    (a,) = queue(store, "a")
    with pytest.raises(InputError, match="already"):
        run_queue.add(store, a, SMALL)
    running = make(store)
    runs.set_status(store, running, RunStatus.RUNNING)
    with pytest.raises(InputError, match="cannot wait"):
        run_queue.add(store, running, SMALL)
    runs.set_status(store, running, RunStatus.DONE)
    with pytest.raises(InputError, match="cannot wait"):
        run_queue.add(store, running, SMALL)
    _, imported = runs.create_import(store, "file")
    with pytest.raises(InputError, match="imported file"):
        run_queue.add(store, imported, SMALL)


def test_a_run_that_ended_badly_can_wait_again(store: Store):
    for status in (RunStatus.STOPPED, RunStatus.FAILED, RunStatus.INTERRUPTED):
        run_id = make(store)
        runs.set_status(store, run_id, RunStatus.RUNNING)
        runs.set_status(store, run_id, status)
        run_queue.add(store, run_id, SMALL)
        run = queries.get_run(store, run_id)
        assert (run.status, run.finished_at, run.error) == (RunStatus.QUEUED, None, None)


def test_stopping_or_deleting_takes_a_run_out(store: Store):
    a, b, _ = queue(store, "a", "b", "c")
    supervisor.stop(store, a)
    runs.delete_run(store, b)
    assert order(store) == ["c"]


def test_needs_survive_the_store_and_damage_makes_them_unknown(store: Store):
    need = Need(2, 5 * GIB, 0.85, GIB, 0, frozenset({"GPU-1", "GPU-0"}), 12.5)
    (a,) = queue(store, "a", need=need)
    assert run_queue.get(store, a).need == need
    for damage in ("{", "[]", '{"cards": 1, "unknown": 2}', '{"only": 3}'):
        store.execute("UPDATE run_queue SET needs = ?", (damage,))
        assert run_queue.get(store, a).need in (Need(known=False), Need(cards=1))


# -- what ended and what was interrupted


def started(store: Store, name: str) -> str:
    (run_id,) = queue(store, name)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    run_queue.mark_started(store, run_id, ["GPU-0"])
    return run_id


def test_a_damaged_row_keeps_no_other_from_its_turn(store: Store):
    broken, whole = queue(store, "broken", "whole")
    store.execute(
        "UPDATE run_queue SET place = 'x', queued_at = 'y', resumes = 'z', needs = '{' WHERE run_id = ?", (broken,)
    )
    assert [(one.run_id, one.place, one.resumes) for one in run_queue.list_queue(store)] == [
        (broken, 1, 0),
        (whole, 2, 0),
    ]
    third = make(store, "third")
    run_queue.add(store, third, SMALL)
    assert order(store) == ["broken", "whole", "third"]
    store.execute("UPDATE run_queue SET started_at = 'then' WHERE run_id = ?", (broken,))
    for status in (RunStatus.RUNNING, RunStatus.INTERRUPTED):
        runs.set_status(store, broken, status)
    run_queue.settle(store)
    assert run_queue.get(store, broken).resumes == 1
    assert order(store) == ["broken", "whole", "third"]


def test_what_ended_leaves_and_what_was_interrupted_comes_first(store: Store):
    for status in (RunStatus.DONE, RunStatus.FAILED, RunStatus.STOPPED):
        runs.set_status(store, started(store, status.value), status)
    going, cut = started(store, "going"), started(store, "cut")
    queue(store, "waiting")
    runs.set_status(store, cut, RunStatus.INTERRUPTED)
    run_queue.settle(store)
    assert order(store) == ["cut", "waiting"]
    assert [row.run_id for row in run_queue.list_queue(store) if not row.waits] == [going]
    row = run_queue.get(store, cut)
    assert (row.status, row.resumes, row.placed) == (RunStatus.QUEUED, 1, ())


def test_a_run_that_is_interrupted_again_and_again_is_left(store: Store):
    run_id = started(store, "cursed")
    for _ in range(run_queue.MOST_RESUMES):
        runs.set_status(store, run_id, RunStatus.INTERRUPTED)
        run_queue.settle(store)
        runs.set_status(store, run_id, RunStatus.RUNNING)
        run_queue.mark_started(store, run_id, [])
    runs.set_status(store, run_id, RunStatus.INTERRUPTED)
    run_queue.settle(store)
    assert run_queue.list_queue(store) == []
    assert queries.get_run(store, run_id).status is RunStatus.INTERRUPTED
    assert "the queue does not start it again" in queries.log(store, run_id)[-1].message


# -- who looks after it


def test_it_is_looked_after_while_there_is_something_to_do(store: Store, woken: list[str]):
    assert not supervisor.wake_queue(store)
    run_queue.pause(store)
    (a,) = queue(store, "a")
    supervisor.reconcile(store)
    assert woken == []  # paused, and nothing that it started runs
    putting_in.resume(store)
    assert woken == ["sapo_studio.app.run_queue"]
    supervisor.reconcile(store)
    assert len(woken) == 1  # this process was noted as the one, and it lives
    run_queue.set_process(store, processes.identify().pid, 1.0)  # somebody else's number by now: after a reboot
    supervisor.reconcile(store)
    assert len(woken) == 2
    run_queue.remove(store, a)
    run_queue.set_process(store, None)
    assert not supervisor.wake_queue(store)


def test_only_one_process_looks_after_it(store: Store):
    assert not keeper.claim(store)  # nothing to do
    queue(store, "a")
    other = processes.identify(1)
    run_queue.set_process(store, other.pid, other.started)
    if not processes.stems_from(1):
        assert not keeper.claim(store)
    run_queue.set_process(store, 1, other.started - 1000)
    assert keeper.claim(store)
    assert supervisor.queue_process(store) == processes.identify()


# -- one look


def on_card(config: RunConfig) -> Need:
    return need_of(config, Machine(8, 64 * GIB, 64 * GIB, 1e11, 1e10, read_cards().cards))


def test_a_run_on_several_machines_needs_its_part_of_this_one(two_cards: TwoCards):
    def need(**runtime: object) -> Need:
        settings = [f"runtime.{name}={value}" for name, value in runtime.items()]
        _, lab = configure("lab-smoke", settings, seed=None, name=None)
        return on_card(lab)

    assert need(launcher="ray", processes=8) == Need()
    assert need(launcher="ssh", hosts="a,b", processes=4) == need(processes=2)
    assert need(launcher="hand", hosts="a,b", processes=2, device="cpu") == need(device="cpu")


def test_needs_come_from_the_forecast(two_cards: TwoCards):
    _, lab = configure("lab-smoke", [], seed=None, name=None)
    need = on_card(lab)
    assert need.known
    assert (need.cards, need.cores, need.only) == (1, 0, frozenset())
    assert 0 < need.memory_on_card <= 24 * GIB
    assert need.seconds
    fixed = lab.model_copy(update={"runtime": lab.runtime.model_copy(update={"gpus": "1"})})
    assert on_card(fixed).only == {"GPU-1"}
    # How full the card is when a run is put in says nothing about what it will take.
    two_cards.held[0][7] = 20 * GIB
    assert on_card(lab) == need
    on_cpu = lab.model_copy(update={"runtime": lab.runtime.model_copy(update={"device": "cpu", "threads": 3})})
    assert (on_card(on_cpu).cards, on_card(on_cpu).cores) == (0, 3)
    unknown = lab.model_copy(update={"model": lab.model.model_copy(update={"source": "/nowhere"})})
    assert not on_card(unknown).known


def launches(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Runs that were launched, with their cards."""
    found: dict[str, tuple[str, ...]] = {}

    def started(store: Store, run_id: str, _folder: object, _python: object, cards: tuple[str, ...]) -> object:
        found[run_id] = tuple(cards)
        return processes.identify()

    monkeypatch.setattr(supervisor, "_start_engine", started)
    return found


BIG = Need(1, 20 * GIB, 0.0, GIB, 0, frozenset(), 60.0)


def test_two_cards_take_two_runs_and_the_third_says_what_it_waits_for(
    store: Store, two_cards: TwoCards, watch: MachineWatch, monkeypatch: pytest.MonkeyPatch
):
    found = launches(monkeypatch)
    a, b, c = queue(store, "a", "b", "c", need=BIG)
    assert keeper.step(store, watch) == [a, b]
    assert found == {a: ("GPU-0",), b: ("GPU-1",)}
    assert [row.placed for row in run_queue.list_queue(store)] == [("GPU-0",), ("GPU-1",), ()]
    # This process is the engine of both here, and holds what it needs on the second card only.
    two_cards.held[1][processes.identify().pid] = 20 * GIB
    assert keeper.step(store, watch) == []
    assert queries.get_run(store, c).waits_for == "waits for 16 GB on card 0, where a works"
    for run_id in (a, b):
        runs.set_status(store, run_id, RunStatus.RUNNING)
        runs.set_status(store, run_id, RunStatus.DONE)
    two_cards.held[0][1] = 9 * GIB  # somebody else
    two_cards.held[1].clear()
    assert keeper.step(store, watch) == [c]
    assert found[c] == ("GPU-1",)


def test_a_kill_proves_that_the_card_has_its_memory_back(
    store: Store, two_cards: TwoCards, monkeypatch: pytest.MonkeyPatch
):
    (a,) = queue(store, "a", need=BIG)
    runs.set_status(store, a, RunStatus.RUNNING)
    runs.heartbeat(store, a, pid=77, pid_started=1.0)
    engine = processes.ProcessIdentity(77, 1.0)
    two_cards.held[1] = {77: 20 * GIB, 5: GIB}

    def held(run: RunSummary) -> bool:
        return run.pid == 77

    def family(_: processes.ProcessIdentity) -> list[processes.ProcessIdentity]:
        return [engine]

    def killed(_: processes.ProcessIdentity) -> bool:
        two_cards.held[1].pop(77, None)
        return True

    def stuck(_: processes.ProcessIdentity) -> bool:
        return True

    monkeypatch.setattr(supervisor, "is_held", held)
    monkeypatch.setattr(processes, "family", family)
    monkeypatch.setattr(processes, "kill_tree", killed)
    ended = supervisor.kill(store, a)
    assert ended.words == "1 process ended, none is left. Card 1 has 20.0 GB back; 23.0 of 24.0 GB are free."
    assert queries.get_run(store, a).status is RunStatus.STOPPED
    assert queries.log(store, a)[-1].message == f"Killed. {ended.words}"
    # A card that does not give it back is told.
    runs.set_status(store, a, RunStatus.RUNNING)
    runs.heartbeat(store, a, pid=77, pid_started=1.0)
    two_cards.held[1][77] = 3 * GIB
    monkeypatch.setattr(processes, "kill_tree", stuck)
    monkeypatch.setattr(supervisor, "CARD_SECONDS", 0.0)
    assert "Card 1 still shows 3.0 GB as held" in supervisor.kill(store, a).words


def test_a_card_that_was_ruled_out_is_left_alone(
    store: Store, two_cards: TwoCards, watch: MachineWatch, monkeypatch: pytest.MonkeyPatch
):
    found = launches(monkeypatch)
    (a,) = queue(store, "a", need=BIG)
    putting_in.choose_cards(store, a, [1], watch.look(store).cards)
    with pytest.raises(InputError, match="no card 7"):
        putting_in.choose_cards(store, a, [7], watch.look(store).cards)
    keeper.step(store, watch)
    assert found == {a: ("GPU-1",)}


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("runtime.processes=3", "needs 3 cards, and only 2 that it may use are in this machine"),
        ('runtime.gpus="5"', "needs a card, and none of those it may use is in this machine"),
        ("runtime.device=cuda:7", "needs a card, and none of those it may use is in this machine"),
        ("runtime.device=gpu", "cannot start: runtime.device = 'gpu' is not a valid device"),
    ],
)
def test_a_run_whose_cards_are_not_there_is_put_in_as_stuck_and_starts_nothing(
    store: Store,
    two_cards: TwoCards,
    watch: MachineWatch,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    why: str,
):
    del two_cards
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    started = launches(monkeypatch)
    assert sapo("run", "lab-smoke", "--queue", "--set", setting)[0] == 0
    (behind,) = queue(store, "behind")
    keeper.step(store, watch)
    assert list(started) == [behind], "it keeps nobody waiting"
    (stuck,) = [row for row in run_queue.list_queue(store) if row.waits]
    assert stuck.stuck
    assert stuck.waits_for.startswith(why)


def test_a_silent_driver_starts_nothing_and_says_so(
    store: Store, two_cards: TwoCards, watch: MachineWatch, monkeypatch: pytest.MonkeyPatch
):
    found = launches(monkeypatch)
    (a,) = queue(store, "a", need=BIG)
    two_cards.silent = True
    assert keeper.step(store, watch) == []
    row = run_queue.get(store, a)
    assert (row.waits_for, row.stuck) == ("needs a card, and no card can be seen now", True)
    two_cards.silent = False
    assert keeper.step(store, watch) == [a]
    assert found == {a: ("GPU-0",)}


def test_nothing_starts_while_it_is_paused_or_after_it_was_taken_out(
    store: Store, watch: MachineWatch, monkeypatch: pytest.MonkeyPatch
):
    found = launches(monkeypatch)
    (a,) = queue(store, "a")
    run_queue.pause(store)
    assert keeper.step(store, watch) == []
    run_queue.resume(store)
    # Between the choice and the start somebody takes it out.
    chosen = supervisor.launch

    def late(at: Store, run_id: str, *, cards: tuple[str, ...], from_queue: bool) -> None:
        run_queue.remove(at, run_id)
        chosen(at, run_id, cards=cards, from_queue=from_queue)

    monkeypatch.setattr(supervisor, "launch", late)
    assert keeper.step(store, watch) == []
    assert found == {}
    assert queries.get_run(store, a).status is RunStatus.STOPPED


def test_a_disk_that_is_full_for_a_while_does_not_end_it(store: Store, monkeypatch: pytest.MonkeyPatch):
    launches(monkeypatch)
    (a,) = queue(store, "a")
    real, told = keeper.step, list[str]()

    def full_at_first(at: Store, watch: MachineWatch) -> list[str]:
        if not told:
            raise StoreFault("full", "The disk is full")
        found = real(at, watch)
        runs.set_status(at, a, RunStatus.RUNNING)
        runs.set_status(at, a, RunStatus.DONE)
        run_queue.settle(at)
        return found

    monkeypatch.setattr(keeper, "step", full_at_first)
    monkeypatch.setattr(keeper, "READ_SECONDS", 0.0)
    assert keeper.keep(store, sleep=lambda _: None, tell=told.append)
    assert told == ["The disk is full", f"started {a}"]
    assert supervisor.queue_process(store) is None


def test_a_running_run_that_cannot_be_read_takes_all(store: Store, watch: MachineWatch):
    run_id = make(store)
    runs.set_status(store, run_id, RunStatus.RUNNING)
    store.execute("UPDATE runs SET config = '{'")
    (found,) = watch.look(store).running
    assert not found.need.known


# -- the command


@pytest.mark.usefixtures("woken")
def test_the_command_puts_in_moves_and_takes_out(store: Store):
    assert sapo("queue", "pause")[:2] == (0, [{"kind": "queue", "paused": True}])
    assert sapo("run", "lab-smoke", "--queue")[1] == [{"kind": "queued", "run_id": "lab-smoke-1", "place": 1}]
    sapo("run", "lab-smoke", "--queue", "--name", "second")
    assert sapo("queue", "move", "second", "1")[1] == [{"kind": "queued", "run_id": "second-2", "place": 1}]
    head, *lines = sapo("queue")[1]
    assert head == {"kind": "queue", "paused": True, "running": 0}
    assert [(line["run_id"], line["place"], line["waits_for"]) for line in lines] == [
        ("second-2", 1, "the queue is paused"),
        ("lab-smoke-1", 2, "the queue is paused"),
    ]
    assert sapo("queue", "remove", "second")[0] == 0
    code, _, err = sapo("queue", "remove", "second")
    assert (code, "not in the queue" in err) == (2, True)
    assert sapo("queue", "add", "second")[1][0]["place"] == 2
    assert sapo("queue", "move", "second", "0")[0] == 2
    code, _, err = sapo("queue", "wait")
    assert (code, err) == (3, "The queue is paused: sapo queue resume\n")
    assert sapo("queue", "resume")[1] == [{"kind": "queue", "paused": False}]
    assert sapo("run", "lab-smoke", "--queue", "--detach")[0] == 2
    assert sapo("queue", "cards", "second", "one")[0] == 2


@pytest.mark.usefixtures("woken")
def test_an_empty_queue_is_said_and_not_waited_for(store: Store):
    assert sapo("queue", "wait") == (0, [], "")
    assert sapo("queue", "list")[1] == [{"kind": "queue", "paused": False, "running": 0}]
