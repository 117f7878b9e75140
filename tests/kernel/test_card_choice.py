"""Which cards a run may ask for: one rule for the command line, the forecast, the queue, the form and the engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.run_queue.needs import need_of
from sapo_studio.config.card_check import check_cards, trouble_here
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.card_choice import card_trouble
from sapo_studio.domain.scheduling import CardState, MachineState, WaitingRun, place
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_studio.hardware import read_cards, visible_cards
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.command_line import said
from tests.fixtures.two_cards import TwoCards

LAB = {"source": "tiny"}


def config(**runtime: object) -> RunConfig:
    return RunConfig.model_validate({"model": LAB, "runtime": runtime})


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> TwoCards:
    made = TwoCards()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return made


REFUSED = [
    ({"processes": 3}, "processes", 2, "there are 2 cards to work on"),
    ({"processes": 2, "gpus": "1"}, "processes", 1, "there is 1 card to work on"),
    ({"gpus": "0,7"}, "gpus", "0", "names card 7"),
    ({"gpus": "0,0"}, "gpus", "0", "card 0 more than once"),
    ({"device": "cuda:2"}, "device", "cuda:0", "There is no device cuda:2"),
    ({"device": "cuda:1", "gpus": "1"}, "device", "cuda:0", "There is no device cuda:1"),
    ({"device": "cuda:1", "processes": 2}, "device", "cuda", "is one card"),
    ({"device": "gpu"}, "device", "auto", "not a valid device"),
]
FINE = [
    {},
    {"processes": 2},
    {"processes": 2, "device": "cuda", "gpus": "1,0"},
    {"device": "cuda:1"},
    {"device": "cuda:1", "gpus": "0,1"},
    {"device": "cpu", "processes": 5, "gpus": "9"},
]


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(("runtime", "key", "value", "words"), REFUSED)
def test_what_the_machine_lacks_is_refused_with_the_setting_and_a_value_that_would_do(
    runtime: dict[str, object], key: str, value: object, words: str
) -> None:
    found = trouble_here(config(**runtime))
    assert found is not None
    assert words in found.what
    assert (found.key, found.value) == (key, value)
    mended = trouble_here(config(**{**runtime, key: value}))
    assert mended is None or mended.key != key  # what is offered would do


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize("runtime", FINE)
def test_what_the_machine_has_is_taken(runtime: dict[str, object]) -> None:
    check_cards(config(**runtime))


def test_cards_hidden_from_this_process_are_not_counted(two_cards: TwoCards, monkeypatch: pytest.MonkeyPatch) -> None:
    for visible, numbers in (("1", (1,)), ("GPU-0", (0,)), ("1,5,0", (1,)), ("", ()), ("MIG-1", None)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert visible_cards(read_cards().cards) == numbers
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = trouble_here(config(processes=2))
    assert found is not None
    assert found.value == 1
    check_cards(config(processes=2, gpus="0,1"))  # names its own
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES hides"):
        check_cards(config(device="cuda"))
    check_cards(config(processes=3))  # on the CPU
    two_cards.silent = True  # nobody can say now
    check_cards(config(device="cuda", processes=2))


@given(
    device=st.sampled_from(["auto", "cpu", "cuda", "cuda:0", "cuda:3", "gpu", "mps"]),
    gpus=st.lists(st.integers(0, 4), max_size=4),
    processes=st.integers(1, 6),
    there=st.sets(st.integers(0, 4)),
)
def test_nothing_that_cannot_work_is_taken(device: str, gpus: list[int], processes: int, there: set[int]) -> None:
    cards = sorted(there)
    found = card_trouble(device=device, gpus=",".join(map(str, gpus)), processes=processes, there=cards)
    if found is not None:
        assert found.key in ("device", "gpus", "processes")
    elif device == "cuda" or (device == "auto" and cards):
        assert set(gpus) <= there
        assert processes <= len(gpus or cards)
        assert len(set(gpus)) == len(gpus)
    elif device.startswith("cuda:"):
        assert processes == 1
        assert int(device[5:]) < len(gpus or cards)
    else:
        assert device in ("auto", "cpu") or processes == 1


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(("runtime", "key", "value", "words"), REFUSED)
def test_forecast_and_queue_say_the_same(runtime: dict[str, object], key: str, value: object, words: str) -> None:
    del key, value
    cards = read_cards().cards
    wanted = config(**runtime)
    machine = Machine(8, 2**36, 2**36, 1e11, 1e10, cards)
    assert any(words in warned.what for warned in forecast(wanted, find_shape(wanted), machine).warnings)
    need = need_of(wanted, machine)
    state = MachineState(
        tuple(CardState(card.uuid, card.number, card.name, card.total, card.free) for card in cards), 2**36, 2**36, 8
    )
    found = place(state, (), [WaitingRun("one", "one", need)])
    if runtime == {"gpus": "0,7"}:  # it needs one, which is there: the queue hands it that and no other
        assert [start.cards for start in found.starts] == [("GPU-0",)]
    else:
        assert not found.starts
        assert found.waits["one"].hopeless


@pytest.mark.usefixtures("two_cards")
def test_the_command_line_refuses_before_there_is_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path))
    code, _, told = said("run", "lab-smoke", "--detach", "--set", "runtime.processes=3")
    assert code == 2
    assert "runtime.processes = 3, but there are 2 cards" in told
    assert "runtime.processes = 2" in told
    with Store.open() as store:
        assert queries.list_runs(store) == []
