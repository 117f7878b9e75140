"""A run, and whatever is measured after it, computes where its configuration says."""

import os
from types import SimpleNamespace

import pytest
import torch

from sapo_engine import devices
from sapo_engine.devices import see_card, take_device
from sapo_engine.service import evaluate, label_study
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import EvaluateRequest, LabelStudyRequest
from tests.fixtures.small_run import config

VISIBLE = devices.VISIBLE


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What a test changes is put back."""
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k != VISIBLE})


@pytest.fixture
def four_cards(monkeypatch):
    """Stands for a machine with four cards: torch counts those that are visible."""

    def count():
        visible = os.environ.get(VISIBLE)
        cards = range(4) if visible is None else [int(n) for n in visible.split(",") if n]
        return sum(card < 4 for card in cards)

    monkeypatch.setattr(torch.cuda, "device_count", count)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count() > 0)


CARD = torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("asked", "visible", "device", "seen"),
    [
        ({"device": "auto"}, None, "cuda", "0"),
        ({"device": "cuda"}, None, "cuda", "0"),
        ({"device": "cuda:2"}, None, "cuda:0", "2"),
        ({"device": "cuda:1"}, "3,1", "cuda:0", "1"),
        ({"device": "auto"}, "3,1", "cuda", "3"),
        ({"device": "cuda:1", "gpus": "2,3"}, None, "cuda:0", "3"),
        ({"device": "auto", "gpus": "2,3"}, "0", "cuda", "2"),
        ({"device": "cpu"}, None, "cpu", ""),
        ({"device": "cpu", "gpus": "1"}, None, "cpu", ""),
        ({"device": "auto"}, "", "cpu", ""),
    ],
)
def test_a_process_sees_its_own_card_alone(four_cards, asked, visible, device, seen):
    if visible is not None:
        os.environ[VISIBLE] = visible
    assert take_device(RuntimeConfig(**asked)) == torch.device(device)
    assert os.environ[VISIBLE] == seen


@pytest.mark.parametrize("given", [None, "FASTEST_FIRST"])
@pytest.mark.parametrize("asked", [{"device": "cuda:1"}, {"device": "auto"}, {"gpus": "2,3"}])
def test_cards_are_numbered_as_the_driver_does(four_cards, asked, given):
    """CUDA's own numbers begin with the fastest card: `cuda:1` would be another one than the program shows."""
    os.environ.pop("CUDA_DEVICE_ORDER", None)
    if given is not None:
        os.environ["CUDA_DEVICE_ORDER"] = given
    take_device(RuntimeConfig(**asked))
    own = given is not None and "gpus" not in asked  # whoever sets it means other numbers, but not by `gpus`
    assert os.environ["CUDA_DEVICE_ORDER"] == (given if own else "PCI_BUS_ID")


@pytest.mark.parametrize(
    ("asked", "number"), [({"device": "cuda:1"}, 1), ({"device": "auto"}, 0), ({"device": "cuda:1", "gpus": "2,3"}, 3)]
)
def test_a_card_that_was_hidden_too_late_is_taken_by_its_number(monkeypatch, asked, number):
    """CUDA had been asked before: it goes on seeing four cards."""
    taken = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    assert take_device(RuntimeConfig(**asked)) == torch.device("cuda", number)
    assert taken == [number]


@pytest.mark.parametrize("wanted", ["cuda:4", "cuda:9", "cuda:x", "gpu", "cuda:-1", "", "meta", "xpu", "mps"])
def test_what_is_no_device_here_is_refused(four_cards, monkeypatch, wanted):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(InputError, match="device") as told:
        take_device(RuntimeConfig(device=wanted))
    assert '"cpu"' in told.value.fix
    said = str(told.value)
    assert "--" not in said, "a window has no options"
    assert "runtime." not in said, "what is measured after a run has no such setting"


def test_ranks_see_a_card_each():
    for rank in range(3):
        os.environ[VISIBLE] = "5,6,7"
        see_card(rank)
        assert os.environ[VISIBLE] == "567"[rank]


class TakenError(Exception):
    """Ends an answer once its device is known."""


def requests(folder, **more):
    yield label_study, LabelStudyRequest(run=folder, **more)
    yield evaluate, EvaluateRequest(run=folder, **more)


@pytest.mark.parametrize(
    ("device", "more", "wanted"),
    [("cpu", {}, "cpu"), ("cuda:2", {}, "cuda:0"), ("cuda", {}, "cuda"), ("cuda", {"device": "cpu"}, "cpu")],
)
def test_requests_compute_where_the_run_does_or_is_asked(four_cards, monkeypatch, tmp_path, device, more, wanted):
    (tmp_path / "config.toml").write_text(to_toml(config(runtime={"device": device})))

    def taken(_config, _folder, place):
        raise TakenError(str(place))

    for module, request in requests(tmp_path, **more):
        with monkeypatch.context() as patch:
            patch.setattr(module, "SavedRun", taken)
            patch.setattr(os, "environ", dict(os.environ))
            with pytest.raises(TakenError) as told:
                module.answer(request)
        assert str(told.value) == wanted


def test_a_classifier_computes_where_it_is_asked(four_cards, monkeypatch, tmp_path):
    def taken(_folder, _solutions, place):
        raise TakenError(str(place))

    monkeypatch.setattr(evaluate, "score_with_classifier", taken)
    monkeypatch.setattr(evaluate, "read_benchmark", lambda _: [SimpleNamespace(odd="")])
    for device, wanted in (("", "cuda"), ("cpu", "cpu")):
        with pytest.raises(TakenError) as told:
            evaluate.answer(EvaluateRequest(verifier=tmp_path, benchmark=tmp_path, device=device))
        assert str(told.value) == wanted


def test_a_run_of_a_card_that_is_not_here_is_refused_with_a_way_out(four_cards, tmp_path):
    os.environ[VISIBLE] = ""
    (tmp_path / "config.toml").write_text(to_toml(config(runtime={"device": "cuda:1"})))
    for module, request in requests(tmp_path):
        with pytest.raises(InputError, match="cuda:1") as told:
            module.answer(request)
        assert "another device" in told.value.fix
