"""A run on two Ray nodes that share neither network nor the run's folder: two name spaces with a cable between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sapo_studio import paths
from sapo_studio.store import queries
from tests.fixtures import two_networks
from tests.fixtures.ray_nodes import NICENESS, OBJECT_STORE
from tests.fixtures.two_networks import FIRST, SECOND, TwoNetworks
from tests.fixtures.two_processes import SECONDS, SIZES, Outcome, outcome

if TYPE_CHECKING:
    from conftest import Bench

pytest.importorskip("ray", reason="the extra `ray` is not installed (pip install 'sapo-studio[ray]')")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="name spaces are Linux's"),
]

PORT = 6399
SAPO = [sys.executable, "-P", "-c", "from sapo_studio.cli import main; main()"]


@pytest.fixture
def networks() -> Iterator[TwoNetworks]:
    if why := two_networks.why_not():
        pytest.skip(why)
    made = TwoNetworks()
    yield made
    made.close()


def start_nodes(networks: TwoNetworks, hidden: Path) -> None:
    """A node in each network, of one core. The second sees nothing of the folder `hidden`."""
    hidden.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != paths.HOME_VARIABLE}
    environment[NICENESS] = "0"
    ray = [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--num-cpus=1",
        f"--object-store-memory={OBJECT_STORE}",
    ]
    head = [*ray, "--head", f"--node-ip-address={FIRST}", f"--port={PORT}", "--include-dashboard=false"]
    other = [*ray, f"--node-ip-address={SECOND}", f"--address={FIRST}:{PORT}"]
    apart = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden), *other]
    for space, command in enumerate([[*head, "--disable-usage-stats"], apart]):
        done = networks.run(space, command, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr


def test_a_worker_is_killed_where_nothing_is_shared(
    bench: Bench, networks: TwoNetworks, in_two_processes: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done before is sent to the second node, and all comes out as in two processes of one machine."""
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    bench.seconds = SECONDS
    start_nodes(networks, bench.home)
    told = networks.run(0, [*SAPO, "doctor", "--cluster", "--json", "--ray-address", f"{FIRST}:{PORT}"], timeout=120)
    found = json.loads(told.stdout)
    assert found["ready"], told
    assert [node["address"] for node in found["nodes"]] == [FIRST, SECOND]

    on_ray = {"runtime.processes": 2, "runtime.launcher": "ray", "runtime.ray_address": f"{FIRST}:{PORT}"}
    changed = [f"--set={key}={value}" for key, value in (SIZES | on_ray).items()]
    run = subprocess.Popen(
        networks.command(0, [*SAPO, "run", "lab-smoke", "--seed", "7", "--detach", *changed]), stdout=subprocess.PIPE
    )
    assert run.wait(60) == 0
    (run_id,) = (one.id for one in queries.list_runs(bench.store))
    there = bench.store.run_dir(run_id) / "artefacts"
    bench.until(run_id, lambda _: any(there.glob("*-sample-1.shards/00000")))
    (second,) = (one for one in networks.processes(1) if one.environ().get("RANK") == "1")
    second.send_signal(signal.SIGKILL)

    found = outcome(bench, run_id)
    log = bench.log(run_id)
    assert "Engine worker 2 of 2 (rank 1) was killed by SIGKILL" in log, log
    assert log.count("1 of 2 workers do not see the run's folder") == 2, log
    assert found.rows == in_two_processes.rows
