"""A run on a Ray cluster of two nodes: what it computes on one machine, also when a node is lost on the way."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from sapo_studio import supervisor
from sapo_studio.app.commands.cluster import show_cluster
from sapo_studio.config.overrides import configure
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from tests.fixtures.ray_nodes import SIZES

if TYPE_CHECKING:
    from conftest import Bench

    from tests.fixtures.ray_nodes import Nodes

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed (pip install 'sapo-studio[ray]')")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="the extra is for Linux"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    from tests.fixtures.ray_nodes import Nodes

    nodes = Nodes()
    yield nodes
    nodes.close()


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    bench.seconds = 400.0
    return bench


def make(lab: Bench, **runtime: Any) -> str:
    settings = SIZES | {f"runtime.{name}": value for name, value in runtime.items()}
    preset, config = configure("lab-smoke", [f"{key}={value}" for key, value in settings.items()], seed=7, name=None)
    return runs.create_run(lab.store, config, preset)


def on_ray(lab: Bench, cluster: Nodes, **runtime: Any) -> str:
    return make(lab, **{"launcher": "ray", "ray_address": cluster.address, "processes": 2} | runtime)


def finished(lab: Bench, run_id: str) -> tuple[set[tuple[Any, ...]], dict[tuple[int, str], float]]:
    """Trajectories with their scores, and all metrics but measured times, of a run that has come to its end."""
    ended = lab.ended(run_id)
    assert ended.status is RunStatus.DONE, (ended.error, lab.log(run_id))
    numbers = {key: value for key, value in lab.metrics(run_id).items() if not key[1].endswith("_seconds")}
    return lab.rows(run_id), numbers


def kept(lab: Bench, run_id: str, file: str) -> None:
    """Wait until a phase that is under way has left this file behind, and is still at work."""
    there = lab.store.run_dir(run_id) / "artefacts"
    lab.until(run_id, lambda _: any(there.glob(file)))


@pytest.fixture(scope="module")
def on_one() -> dict[str, Any]:
    """What the run comes to in two processes of this machine, without Ray; filled by the first test that asks."""
    return {}


def expected(lab: Bench, on_one: dict[str, Any]) -> Any:
    if not on_one:
        run_id = make(lab, processes=2)
        supervisor.launch(lab.store, run_id)
        on_one["it"] = finished(lab, run_id)
    return on_one["it"]


def test_two_nodes_come_to_what_one_machine_does(lab: Bench, cluster: Nodes, on_one: dict[str, Any]) -> None:
    with cluster.added():
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        assert finished(lab, run_id) == expected(lab, on_one)
        assert "Ray has placed 2 workers, each on a CPU" in lab.log(run_id)
        assert lab.gone()


def test_a_node_lost_in_sampling(lab: Bench, cluster: Nodes, on_one: dict[str, Any]) -> None:
    """The run goes on with the node that is left: other batches, the same trajectories."""
    with cluster.added() as node:
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        kept(lab, run_id, "*-sample-1.shards/00000")
        cluster.lose(node)
        rows, numbers = finished(lab, run_id)
    log = lab.log(run_id)
    assert "was lost with its place on the cluster" in log, log
    assert "state-dump" not in log, log  # what Ray tells of the raylet that died
    assert "room for 1 of 2 workers now: the run goes on with 1" in log, log
    assert queries.get_run(lab.store, run_id).restarts == 1
    right, right_numbers = expected(lab, on_one)
    assert {row[:3] for row in rows} == {row[:3] for row in right}
    assert numbers == pytest.approx(right_numbers, abs=0.02)


def test_a_node_lost_in_training_that_comes_back(lab: Bench, cluster: Nodes, on_one: dict[str, Any]) -> None:
    with cluster.added() as node:
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        kept(lab, run_id, "*-sft-0.shards/training.safetensors")
        cluster.lose(node)
        with cluster.added():
            assert finished(lab, run_id) == expected(lab, on_one)
    assert queries.get_run(lab.store, run_id).restarts == 1


def test_doctor_shows_nodes_and_versions(
    cluster: Nodes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    with cluster.added():
        show_cluster(cluster.address, as_json=True)
        told = json.loads(capsys.readouterr().out)
        show_cluster(cluster.address, as_json=False)
    assert (told["ready"], told["ray"], told["differences"]) == (True, ray.__version__, [])
    assert [(node["cores"], node["cards"], node["trouble"]) for node in told["nodes"]] == [(1, 0, "")] * 2
    assert {node["packages"]["torch"] for node in told["nodes"]} == {version("torch")}
    shown = capsys.readouterr().out
    assert "2 nodes, 0 cards" in shown
    assert shown.count(version("torch")) == 2


def test_more_workers_than_the_cluster_has_room_for(lab: Bench, cluster: Nodes) -> None:
    run_id = on_ray(lab, cluster, processes=9)
    supervisor.launch(lab.store, run_id)
    ended = lab.ended(run_id)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.what.startswith("runtime.processes = 9, but the Ray cluster has room for")
    assert "1 core" in ended.error.why


def test_nobody_answers(lab: Bench) -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run_id = make(lab, launcher="ray", ray_address=address)
        supervisor.launch(lab.store, run_id)
        ended = lab.ended(run_id)
    assert ended.error is not None
    assert ended.error.what == f"No Ray cluster answers at {address}"
    assert ended.restarts == 0
