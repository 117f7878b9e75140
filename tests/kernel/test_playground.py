"""What a playground offers and whether it fits: checkpoints of all runs, questions to take, memory beside a run."""

from __future__ import annotations

import pytest

from sapo_studio.app.playground import room as room_module
from sapo_studio.app.playground.checkpoints import checkpoints, find_checkpoint, find_verifier
from sapo_studio.app.playground.questions import take
from sapo_studio.app.playground.room import MemoryCheck, NoRoomError, Spot
from sapo_studio.app.run_queue.machine_now import Now
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.scheduling import CardState, MachineState, Need, RunningRun
from sapo_studio.errors import InputError
from sapo_studio.files import write_folder
from sapo_studio.hardware import CardUse
from sapo_studio.requests.play import Checkpoint, Load, Scorer
from sapo_studio.store import queries, run_keeping, runs
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

GIB = 2**30


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "studio.db") as opened:
        yield opened


def a_run(store, name, *artefacts, **sections):
    config = parse_config({"name": name, "model": {"source": "bundled:lab"}, **sections})
    run_id = runs.create_run(store, config)
    folder = store.run_dir(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(to_toml(config))
    for number, artefact in enumerate(artefacts):
        write_folder(folder / "artefacts" / f"{number:03d}-{artefact}", lambda part: None, {})
    return run_id


# -- Which there are


def test_all_reasoners_with_the_verifiers_that_read_them(store):
    first = a_run(store, "lab", "sft-0", "verifier-0", "verifier-1", "align-1", "verifier-2", "align-2")
    other = a_run(store, "other", "sft-0")
    rest = a_run(store, "rest", "verifier-0", task={"asks": "rest"}, model={"source": "bundled:lab-rest"})
    found = checkpoints(store)
    assert [(one.run_id, one.iteration) for one in found] == [
        *((rest, 0), (other, 1), (other, 0)),
        *((first, 3), (first, 2), (first, 1), (first, 0)),
    ]
    mine = [one for one in found if one.run_id == first]
    assert [one.short for one in mine] == [
        *("M3 (after alignment 2, final)", "M2 (after alignment 1)", "M1 (warmed up)", "base model"),
    ]
    assert [one.final for one in mine] == [True, False, False, False]
    # Two reasoners of a run are read by the same verifier; one of the lab's wordings does not read the other.
    assert {one.verifier.name for one in mine} == {"lab, V2"}
    assert [v.name for v in found[1].verifiers] == ["lab, V2", "lab, V1", "lab, V0"]
    assert found[1].verifier is None
    assert [v.name for v in found[0].verifiers] == ["rest, V0"]


def test_what_is_not_whole_or_thrown_away_is_not_offered(store):
    run_id = a_run(store, "lab", "sft-0", "align-1")
    (store.run_dir(run_id) / "artefacts" / "001-align-1" / "manifest.json").unlink()
    assert [one.iteration for one in checkpoints(store)] == [1, 0]
    run_keeping.put_in_bin(store, run_id)
    assert checkpoints(store) == []


def test_a_run_that_has_not_begun_is_not_offered(store):
    waits = runs.create_run(store, parse_config({"name": "waits", "model": {"source": "bundled:lab"}}))
    assert checkpoints(store) == []
    with pytest.raises(InputError, match="has no reasoner") as told:
        find_checkpoint(store, waits)
    assert "It has not begun yet" in told.value.why


def test_checkpoints_as_they_are_typed(store):
    run_id = a_run(store, "lab", "sft-0", "verifier-0", "align-1")
    assert find_checkpoint(store, "lab").iteration == 2
    assert find_checkpoint(store, "last@1").iteration == 1
    assert find_checkpoint(store, f"{run_id}@0").ref == Checkpoint(run=store.run_dir(run_id), iteration=0)
    assert find_verifier(store, "lab@0").ref == Scorer(run=store.run_dir(run_id), iteration=0)
    odd = a_run(store, "lab@home", "sft-0")
    assert find_checkpoint(store, "lab@home").run_id == find_checkpoint(store, "lab@home@1").run_id == odd
    for text in ("lab@3", "lab@x", "lab@-1", "nothing", "@1", "lab@", f"lab@{9**99}"):
        with pytest.raises(InputError):
            find_checkpoint(store, text)
    with pytest.raises(InputError, match="no verifier V7"):
        find_verifier(store, "lab@7")


# -- Questions


def test_questions_to_take(store):
    run_id = synthetic_run(store, trajectories=12, questions=24)
    known = {int(i) % 2**32: text for i, text in store.rows("SELECT id, text FROM questions")}
    number = min(known)
    taken = take(store, run_id, str(number))
    assert (taken.number, taken.text) == (number, known[number])
    asking = taken.asking("gsm8k")
    assert (asking.number, asking.answer) == (number, taken.answer)
    # The tests of a program are its run's to know: here they are one text.
    assert taken.asking("mbpp").answer == ""
    assert take(store, run_id, "random", 1) == take(store, run_id, "random", 1)
    assert len({take(store, run_id, "random", seed).number for seed in range(20)}) > 1
    with pytest.raises(InputError, match="Nobody has annotated"):
        take(store, run_id, "annotated")
    trajectory = int(queries.trace_ids(store, queries.TraceFilter(run_id))[0])
    annotate(store, trajectory, "ann", {1: 1})
    assert take(store, run_id, "annotated").text == queries.trace(store, trajectory).question
    for which in ("999999", "-1", "some", "9" * 50, "1.5"):
        with pytest.raises(InputError):
            take(store, run_id, which)


# -- Memory


def card(number, free, total=80 * GIB, held=None):
    return CardUse(f"GPU-{number}", number, "a card", total, free, None, None, held or {})


def now(*cards, free=64 * GIB, running=()):
    states = tuple(CardState(c.uuid, c.number, c.name, c.total, c.free) for c in cards)
    return Now(MachineState(states, 64 * GIB, free, 8), tuple(running), cards, "", True)


def running(name="gsm8k", cards=(), memory=0, taken=0, on_card=0):
    need = Need(cards=len(cards), memory_on_card=on_card, main_memory=memory)
    return RunningRun(f"{name}-1", name, need, cards, dict.fromkeys(cards, taken), taken)


@pytest.fixture
def check(store, monkeypatch):
    """Asks whether a checkpoint of a run finds room on a machine."""
    monkeypatch.delenv(room_module.VISIBLE, raising=False)
    run_id = a_run(store, "lab", "sft-0", "verifier-0")
    folder = store.run_dir(run_id)
    load = Load(id="l", checkpoint=Checkpoint(run=folder, iteration=1), verifier=Scorer(run=folder, iteration=0))

    def asked(machine, device="", pid=None, other=None):
        opened = Store.open(store.path)
        return MemoryCheck(lambda: opened, device, look=lambda _: machine)(load, other, pid)

    return asked


def test_without_a_card_it_is_the_cpu_where_main_memory_is_left(check):
    assert check(now()) == Spot("cpu", words="the CPU")
    with pytest.raises(NoRoomError) as refused:
        check(now(running=[running(memory=63.9 * GIB), running("small", memory=GIB)]))
    assert refused.value.run == "gsm8k-1"
    assert "beside gsm8k" in refused.value.what
    assert "by the forecast" in refused.value.why
    with pytest.raises(NoRoomError) as alone:
        check(now(free=GIB // 4))
    assert alone.value.run == ""


def test_the_card_where_nobody_works_then_the_one_with_most_room(check):
    busy, free = card(0, 70 * GIB), card(3, 20 * GIB)
    work = running(cards=("GPU-0",), on_card=8 * GIB, taken=8 * GIB)
    assert check(now(busy, free, running=[work])) == Spot("cuda", "GPU-3", "card 3")
    # What a run has not taken yet is its own all the same.
    greedy = running(cards=("GPU-0",), on_card=70 * GIB)
    with pytest.raises(NoRoomError) as refused:
        check(now(busy, running=[greedy]))
    assert refused.value.run == "gsm8k-1"
    assert "on card 0" in refused.value.why
    assert "CPU" in refused.value.fix
    assert check(now(busy, running=[greedy]), "cpu").device == "cpu"


def test_it_stays_on_the_card_where_it_is(check):
    here, free = card(0, GIB // 8, held={41: 4 * GIB}), card(1, 70 * GIB)
    assert check(now(here, free), pid=41).card == "GPU-0"
    assert check(now(here, free), pid=42).card == "GPU-1"


def test_both_sides_are_reckoned_with_and_what_they_share_counts_once(store, check):
    from sapo_studio.forecast.playground import playground_peak

    folder = store.run_dir("lab-1")
    one, two = (Load(id="l", checkpoint=Checkpoint(run=folder, iteration=i)) for i in (1, 2))
    peaks = [
        playground_peak([t for load in loads for t in room_module._tried(load)], on_card=False).bytes
        for loads in ((one,), (one, one), (one, two))
    ]
    assert peaks[0] == peaks[1] < peaks[2]


def test_devices_that_are_none(check, monkeypatch):
    with pytest.raises(InputError, match="no card"):
        check(now(), "cuda")
    with pytest.raises(InputError, match="not a device"):
        check(now(), "tpu")
    monkeypatch.setenv(room_module.VISIBLE, "")
    assert check(now(card(0, 70 * GIB))).device == "cpu"
