"""A whole run against its forecast: seconds of every phase, and the peak of memory.

The run goes on in a data folder of its own, which is thrown away. The forecast is made just before, with the machine's
speed measured then. Run: python benchmarks/forecast_run.py [PRESET]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import psutil

from sapo_studio.config.presets import find_preset
from sapo_studio.forecast import Machine, find_shape, forecast, size
from sapo_studio.paths import HOME_VARIABLE
from sapo_studio.store import queries
from sapo_studio.store.db import Store


def watched(command: list[str], environment: dict[str, str]) -> int:
    """Run `command`; the most memory that it and all its processes have taken at a time, in bytes. What they share
    is not counted."""
    most = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            now = 0
            for one in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):  # it has just ended
                    now += one.memory_full_info().uss
            most = max(most, now)
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    if process.returncode:
        sys.exit(f"The run failed with status {process.returncode}.")
    return most


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("preset", nargs="?", default="lab-smoke")
    chosen = options.parse_args()
    config = find_preset(chosen.preset).config
    said = forecast(config, find_shape(config), Machine.here())
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {HOME_VARIABLE: home, "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, "-P", "-m", "sapo_studio.cli", "run", chosen.preset, "--json"]
        peak = watched(command, environment)
        with Store.open(Path(home) / "studio.db", create=False) as store:
            (run,) = queries.list_runs(store)
            done = queries.phases(store, run.id)
    took: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for phase in said.phases:
        took[phase.name][0] += phase.seconds or 0.0
    for phase in done:
        took[str(phase.name)][1] += phase.seconds or 0.0
    for name, (told, was) in took.items():
        print(f"{name:<12} {was:>8.1f} s, forecast {told:>8.1f} s" + (f", {told / was:.2f} of it" if was else ""))
    told, was = (sum(both[k] for both in took.values()) for k in (0, 1))
    memory = max(one.peak.bytes for one in said.memory)
    print(f"{'in all':<12} {was:>8.1f} s, forecast {told:>8.1f} s, {told / was:.2f} of it")
    whole = (run.finished_at or 0.0) - run.created_at
    print(f"{'whole run':<12} {whole:>8.1f} s, forecast {said.seconds or 0.0:>8.1f} s")
    print(f"{'memory':<12} {size(peak)}, forecast {size(memory)}, {memory / peak:.2f} of it")
    print(json.dumps({"preset": chosen.preset, "phases": dict(took), "bytes": [memory, peak]}))


if __name__ == "__main__":
    main()
