"""What is asked of a Ray cluster, and what is said of it, without one: Ray is stood in for."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from sapo_engine.cluster import attach, places
from sapo_engine.cluster.growth import Growth
from sapo_engine.cluster.host import Facts, RankHost, interface_of
from sapo_engine.cluster.nodes import Node, differences, living, misfit
from sapo_engine.cluster.places import Places, take_places
from sapo_studio import __version__
from sapo_studio.config.schema import RuntimeConfig, parse_config
from sapo_studio.errors import InputError
from sapo_studio.events import PROTOCOL

posix = pytest.mark.skipif(sys.platform == "win32", reason="workers are held by signals")

# -- Joining


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach.importlib.util, "find_spec", lambda name: object())


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs Ray") as told, attach.attached(""):
        pass
    assert "sapo-studio[ray]" in told.value.fix


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("address", "what"), [("ray://there:10001", "Ray client"), ("nowhere", "is no address"), ("a:b", "is no address")]
)
def test_an_address_that_cannot_be_one(address: str, what: str) -> None:
    with pytest.raises(InputError, match=what), attach.attached(address):
        pass


@pytest.mark.usefixtures("installed")
def test_an_address_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(InputError, match=f"No Ray cluster answers at {address}"), attach.attached(""):
            pass


# -- Nodes


def facts(**other: Any) -> Facts:
    packages = dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors"), "1")
    told = {"release": __version__, "protocol": PROTOCOL, "packages": packages}
    found = Facts(address="10.0.0.2", host="b", cores=8, cards=["0"], python="/py", told=told, why="")
    if "told" in other:
        other["told"] = other["told"] and told | other["told"]
    return {**found, **other}  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, ""),
        ({"told": None, "why": "no such file"}, "/py on node b (10.0.0.2) says nothing: no such file"),
        ({"told": {"protocol": None, "why": "No module"}}, "Node b (10.0.0.2) has no SAPO Studio engine: No module"),
        ({"told": {"release": "9.9"}}, "Node b (10.0.0.2) has release 9.9"),
        ({"told": {"protocol": PROTOCOL + 1}}, f"protocol {PROTOCOL + 1}"),
        ({"told": {"packages": {"torch": "1"}}}, "lacks transformers, tokenizers, safetensors"),
    ],
)
def test_a_node_that_does_not_fit_is_named(other: dict[str, Any], why: str) -> None:
    assert why in misfit(facts(**other))
    assert bool(misfit(facts(**other))) == bool(why)


def test_packages_that_differ_are_named() -> None:
    other = facts(host="c", told={"packages": {"torch": "2", "transformers": "1"}})
    assert differences([facts(), other]) == ["torch is not the same everywhere: 1 on b, 2 on c."]
    assert differences([facts(), facts(host="c")]) == []


def row(address: str, cpus: float = 2, cards: float = 0, alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpus, "GPU": cards, "accelerator_type:H100": 1.0} if cards else {"CPU": cpus}
    return {
        "NodeID": address, "NodeManagerAddress": address, "NodeManagerHostname": f"host {address}",
        "Resources": resources, "Alive": alive,
    }  # fmt: skip


def test_nodes_that_live_with_what_they_have() -> None:
    ray = SimpleNamespace(nodes=lambda: [row("2", cards=4), row("1"), row("3", alive=False)])
    first, second = living(ray)
    assert (first.address, first.cards, first.kinds) == ("1", 0, ())
    assert (second.address, second.cards, second.kinds) == ("2", 4, ("H100",))
    assert [second.ranks(cpus, cards) for cpus, cards in ((1, 1), (1, 0), (2, 1), (3, 1))] == [2, 2, 1, 0]
    assert Node("", "", "", cpus=100, cards=4).ranks(1, 1) == 4


# -- Places


class StoodIn:
    """A cluster whose nodes come and go as `states` says, one each time somebody looks; the last one stays. `free`: as
    many places can be had."""

    def __init__(self, *states: list[dict[str, Any]], here: str = "1", free: int = 99) -> None:
        self._states, self._free = list(states), free
        self.asked: list[list[dict[str, float]]] = []
        self.util = SimpleNamespace(placement_group=self._group, remove_placement_group=lambda group: None)
        self._here = here

    def nodes(self) -> list[dict[str, Any]]:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: self._here)

    def available_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def _group(self, bundles: list[dict[str, float]], strategy: str) -> Any:
        self.asked.append(bundles)
        return SimpleNamespace(wait=lambda seconds: len(bundles) <= self._free)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes whenever somebody looks at the time or sleeps."""
    now = [0.0]

    def tick(seconds: float = 1.0) -> float:
        now[0] += seconds
        return now[0]

    monkeypatch.setattr(places, "time", SimpleNamespace(monotonic=tick, sleep=tick))


def take(ray: StoodIn, wanted: int, **other: Any) -> tuple[Any, list[str]]:
    told: list[str] = []
    asked = {"cpus": 1, "device": "auto", "again": False, "tell": told.append, "stopped": lambda: False} | other
    return take_places(ray, wanted, **asked), told


@pytest.mark.usefixtures("clock")
def test_the_first_is_placed_on_this_machine_where_it_has_room() -> None:
    ray = StoodIn([row("1"), row("2")])
    found, _ = take(ray, 3)
    assert (found.count, found.on_cards) == (3, False)
    assert ray.asked == [[{"CPU": 1.0, "node:1": places._TOUCH}, {"CPU": 1.0}, {"CPU": 1.0}]]


@pytest.mark.usefixtures("clock")
def test_cards_are_taken_where_there_are_some() -> None:
    ray = StoodIn([row("1"), row("2", cpus=8, cards=4)])
    found, _ = take(ray, 2)
    assert found.on_cards
    assert ray.asked == [[{"CPU": 1.0, "GPU": 1.0}] * 2]  # no card here: the first is elsewhere, too
    found, _ = take(ray, 2, device="cpu")
    assert not found.on_cards


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("device", "told"), [("auto", "host 2 (2): 2 cards, 2 cores"), ("cuda", "2 cards"), ("cpu", "host 1 (1): 2 cores")]
)
def test_what_the_cluster_lacks_is_told_with_what_it_has(device: str, told: str) -> None:
    with pytest.raises(InputError, match="but the Ray cluster has room for") as error:
        take(StoodIn([row("1"), row("2", cards=2)]), 5, device=device)
    assert told in error.value.why


@pytest.mark.usefixtures("clock")
def test_a_node_that_is_not_yet_known_to_be_lost() -> None:
    """Ray says for a while that it is there; then the run goes on with fewer."""
    both, one = [row("1", cpus=1), row("2", cpus=1)], [row("1", cpus=1)]
    ray = StoodIn(*[both] * 2, one, free=1)
    found, told = take(ray, 2, again=True)
    assert found.count == 1
    assert told[-1] == "The cluster has room for 1 of 2 workers now: the run goes on with 1."


@pytest.mark.usefixtures("clock")
def test_a_node_that_comes_back_is_waited_for() -> None:
    one, both = [row("1", cpus=1)], [row("1", cpus=1), row("3", cpus=1)]
    found, told = take(StoodIn(*[one] * 4, both), 2, again=True)
    assert (found.count, told) == (2, [])


@pytest.mark.usefixtures("clock")
def test_a_run_that_goes_on_takes_what_others_leave() -> None:
    """There is room for two, but one place is somebody else's by now."""
    ray = StoodIn([row("1", cpus=4)], free=1)
    found, told = take(ray, 3, again=True)
    assert (found.count, [len(bundles) for bundles in ray.asked]) == (1, [3, 1])
    assert told[-1] == "Others work on the Ray cluster (1 of 4 cores free): the run goes on with 1 of 3."


@pytest.mark.usefixtures("clock")
def test_what_others_use_is_waited_for_and_not_for_ever() -> None:
    told: list[str] = []
    with pytest.raises(InputError, match="had no room for 2 workers within 120 s"):
        take(StoodIn([row("1")], free=0), 2, tell=told.append)
    assert told == ["Waiting for 2 places on the Ray cluster: 1 of 4 cores free."]
    assert take(StoodIn([row("1")], free=0), 2, stopped=lambda: True) == (None, [])


# -- Growing again


@pytest.mark.parametrize(("cards", "each"), [(False, {"CPU": 2.0}), (True, {"CPU": 2.0, "GPU": 1.0})])
def test_what_was_lost_is_asked_for_until_it_is_there(cards: bool, each: dict[str, float]) -> None:
    state = {"state": "PENDING"}
    ray = StoodIn([row("1")])
    ray.util.placement_group_table = lambda group: state
    growth = Growth(ray, Places(None, 1, 2, cards), wanted=3)
    assert ray.asked == [[each, each]]
    assert not growth.has_room
    state["state"] = "CREATED"
    assert growth.has_room


def test_a_run_with_all_its_ranks_asks_for_none() -> None:
    ray = StoodIn([row("1")])
    assert not Growth(ray, Places(None, 3, 1, False), wanted=3).has_room
    assert ray.asked == []


# -- The actor


def everything(host: RankHost) -> tuple[bytes, bytes, int, str]:
    out, errors = b"", b""
    while True:
        chunk = host.more(10.0)
        out, errors = out + chunk["out"], errors + chunk["errors"]
        if chunk["code"] is not None:
            return out, errors, chunk["code"], chunk["last_words"]


@posix
def test_a_worker_is_heard_and_spoken_to() -> None:
    program = (
        "import os, sys\n"
        "open(os.environ['TORCHELASTIC_ERROR_FILE'], 'w').write('last')\n"
        "print('one'); print(sys.stdin.readline().strip(), os.environ['RANK']); print('two', file=sys.stderr)\n"
        "sys.exit(5)"
    )
    host = RankHost()
    host.start(["-c", program], {"RANK": "3"}, "127.0.0.1")
    host.feed(b"heard\n")
    assert everything(host) == (b"one\nheard 3\n", b"two\n", 5, "last")
    host.feed(b"nobody\n")
    host.signal(9)


@posix
def test_a_worker_that_says_much_is_handed_on_in_parts() -> None:
    host = RankHost()
    host.start(["-c", "for i in range(2500): print(i)"], {}, "127.0.0.1")
    out, errors, code, _ = everything(host)
    assert out.split() == [str(i).encode() for i in range(2500)]
    assert (errors, code) == (b"", 0)


def test_the_interface_of_an_address() -> None:
    assert interface_of("127.0.0.1")
    assert interface_of("203.0.113.77") == ""


# -- The configuration


@pytest.mark.parametrize(
    ("runtime", "field"),
    [
        ({"launcher": "ray", "gpus": "0"}, "gpus"),
        ({"launcher": "ray", "device": "cuda:1"}, "device"),
        ({"launcher": "ssh", "processes": 2}, "hosts"),
        ({"launcher": "hand", "hosts": "a,b", "processes": 3}, "processes"),
        ({"launcher": "ssh", "hosts": "a;rm -r /,b", "processes": 2}, "hosts"),
        ({"launcher": "ssh", "hosts": "-oProxyCommand=x,b", "processes": 2}, "hosts"),
        ({"launcher": "ssh", "hosts": "a,-oProxyCommand", "processes": 2}, "hosts"),
        ({"launcher": "ray", "ray_address": "a b"}, "ray_address"),
    ],
)
def test_what_does_not_go_with_a_launcher(runtime: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as told:
        parse_config({"runtime": runtime})
    assert field in told.value.why
    assert "runtime" in told.value.why


def test_what_goes_with_a_launcher() -> None:
    assert RuntimeConfig(launcher="ray", processes=64).gpus == ""
    assert RuntimeConfig(launcher="ssh", hosts="10.0.0.1:29501,me@node-2.local", processes=4).hosts
