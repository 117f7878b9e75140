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
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from tests.fixtures.two_processes import SECONDS, Outcome, make, outcome

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
    bench.seconds = SECONDS
    return bench


def on_ray(lab: Bench, cluster: Nodes, **runtime: Any) -> str:
    return make(lab, **{"launcher": "ray", "ray_address": cluster.address} | runtime)


def kept(lab: Bench, run_id: str, file: str) -> None:
    """Wait until a phase that is under way has left this file behind, and is still at work."""
    there = lab.store.run_dir(run_id) / "artefacts"
    lab.until(run_id, lambda _: any(there.glob(file)))


def test_two_nodes_come_to_what_one_machine_does(lab: Bench, cluster: Nodes, in_two_processes: Outcome) -> None:
    with cluster.added():
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        assert outcome(lab, run_id) == in_two_processes
        assert "Ray has placed 2 workers, each on a CPU" in lab.log(run_id)
        assert lab.gone()


def test_a_node_lost_in_sampling(lab: Bench, cluster: Nodes, in_two_processes: Outcome) -> None:
    """The run goes on with the node that is left, and with two again once another has come: other batches, the same
    trajectories."""
    with cluster.added() as node:
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        kept(lab, run_id, "*-sample-1.shards/00000")
        cluster.lose(node)
        lab.until(run_id, lambda _: "the run goes on with 1." in lab.log(run_id))
        supervisor.pause(lab.store, run_id)  # so that the other node is there in time
        lab.until(run_id, lambda run: run.status is RunStatus.PAUSED)
        with cluster.added():
            lab.until(run_id, lambda _: "The cluster has room for all workers again" in lab.log(run_id))
            supervisor.resume(lab.store, run_id)
            found = outcome(lab, run_id)
    log = lab.log(run_id)
    assert "was lost with its place on the cluster" in log, log
    assert "state-dump" not in log, log  # what Ray tells of the raylet that died
    assert log.index("room for 1 of 2 workers now") < log.index("The run goes on with 2 workers."), log
    assert log.count("Ray has placed 2 workers") == 2, log
    assert queries.get_run(lab.store, run_id).restarts == 1
    assert {row[:3] for row in found.rows} == {row[:3] for row in in_two_processes.rows}
    assert found.numbers == pytest.approx(in_two_processes.numbers, abs=0.02)


def test_a_node_lost_in_training_that_comes_back(lab: Bench, cluster: Nodes, in_two_processes: Outcome) -> None:
    with cluster.added() as node:
        run_id = on_ray(lab, cluster)
        supervisor.launch(lab.store, run_id)
        kept(lab, run_id, "*-sft-0.shards/training.safetensors")
        cluster.lose(node)
        with cluster.added():
            assert outcome(lab, run_id) == in_two_processes
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
        run_id = make(lab, launcher="ray", ray_address=address, processes=1)
        supervisor.launch(lab.store, run_id)
        ended = lab.ended(run_id)
    assert ended.error is not None
    assert ended.error.what == f"No Ray cluster answers at {address}"
    assert ended.restarts == 0
