"""What starting costs before anything is done: `sapo --help`, the window's class, the engine worker up to its Hello.

Each start is a process of its own, with the same interpreter and packages; wall and CPU seconds are medians of
alternating runs, after one run that compiles what has to be compiled and counts the modules loaded. --against DIR
starts the code of another checkout in turn with this one's and gives the ratios (below 1: this one is quicker), and
names the modules outside the program that only one of the two loads.

Run: python benchmarks/imports.py [--runs N] [--against DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

HELP = """
import sys
from sapo_studio.cli import main
sys.argv = ["sapo", "--help"]
main()
"""
WINDOW = """
import importlib
import sapo_ui.app
for name in ("sapo_ui.shell.main_window", "sapo_ui.main_window"):  # the second is where it was once
    try:
        found = importlib.import_module(name)
        break
    except ModuleNotFoundError as error:
        if not name.startswith(str(error.name)):
            raise
found.MainWindow
"""
WORKER = """
import runpy
runpy.run_module("sapo_engine.worker", run_name="__main__", alter_sys=True)
"""
STARTS = {"sapo --help": HELP, "window": WINDOW, "worker": WORKER}
COUNTED = """
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(list(sys.modules)), file=sys.stderr))
"""
OWN = ("sapo_studio", "sapo_ui", "sapo_engine")


@dataclass
class Measured:
    """One kind of start of one checkout: seconds of each run, and the modules that it loads."""

    modules: set[str]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def begin(checkout: Path, start: str, folder: str, before: str = "") -> subprocess.Popen[bytes]:
    """Start it, after the code `before`. A worker is told to compute a run and says Hello once it could."""
    code = os.pathsep.join(str(checkout / part) for part in (".", "ui", "engine"))
    environment = {**os.environ, "PYTHONPATH": code, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", before + STARTS[start]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if before else subprocess.DEVNULL,
        env=environment,
        cwd=folder,
    )
    if start == "worker" and process.stdin is not None:
        from sapo_studio.config.schema import RunConfig
        from sapo_studio.events.control import Start

        config = RunConfig.model_validate({"model": {"source": "bundled:lab"}, "runtime": {"device": "cpu"}})
        line = Start(run_dir=folder, config=config.model_dump(mode="json"))
        process.stdin.write(line.model_dump_json().encode() + b"\n")
        process.stdin.flush()
    return process


def seconds(checkout: Path, start: str, folder: str) -> tuple[float, float]:
    """Wall and CPU seconds of one start; a worker is ended once it has said Hello."""
    before, began = cpu_seconds(), time.perf_counter()
    process = begin(checkout, start, folder)
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    first = process.stdout.readline()
    if start == "worker":
        process.kill()
    else:
        process.stdout.read()
    process.wait()
    wall = time.perf_counter() - began
    spent = cpu_seconds() - before
    if start == "worker" and json.loads(first)["kind"] != "hello":
        raise SystemExit(f"the worker of {checkout} said {first!r}")
    return wall, spent


def cpu_seconds() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def modules(checkout: Path, start: str, folder: str) -> set[str]:
    """Names of all modules that the start loads. A worker ends at its Hello, for which it has no reader here: what it
    would load after that is not counted."""
    process = begin(checkout, start, folder, COUNTED)
    if start == "worker" and process.stdout is not None:
        process.stdout.close()
    told = process.stderr.read() if process.stderr is not None else b""
    process.wait()
    return set(json.loads(told.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path, metavar="DIR")
    given = parser.parse_args()
    checkouts = [ROOT] + ([given.against.resolve()] if given.against else [])
    print(f"{'':12} {'checkout':24} {'wall s':>8} {'CPU s':>8} {'modules':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for start in STARTS:
            found = {checkout: Measured(modules(checkout, start, folder)) for checkout in checkouts}
            for turn in range(given.runs):
                for checkout in checkouts if turn % 2 else reversed(checkouts):
                    wall, cpu = seconds(checkout, start, folder)
                    found[checkout].wall.append(wall)
                    found[checkout].cpu.append(cpu)
            report(start, found)


def report(start: str, found: dict[Path, Measured]) -> None:
    """Print one kind of start."""
    rows = [(statistics.median(it.wall), statistics.median(it.cpu), len(it.modules)) for it in found.values()]
    for checkout, (wall, cpu, count) in zip(found, rows, strict=True):
        print(f"{start:12} {checkout.name:24} {wall:8.3f} {cpu:8.3f} {count:8}")
    if len(found) < 2:
        return
    print(f"{'':12} {'ratio':24} " + " ".join(f"{a / b:8.3f}" for a, b in zip(*rows, strict=True)))
    here, there = (it.modules for it in found.values())
    for words, only in (("only here", here - there), ("only there", there - here)):
        names = sorted(name for name in only if not name.startswith(OWN))
        if names:
            print(f"{'':12} {words}: {', '.join(names)}")


if __name__ == "__main__":
    main()
