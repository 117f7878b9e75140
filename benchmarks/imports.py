"""What starting costs before anything is done: `sapo --help`, `sapo runs` over three runs, the window up to its first
paint over the same three, the engine's parent, the worker up to the first progress of preset lab-smoke.

Each start is a process of its own, with the same interpreter and packages; wall and CPU seconds are the best of
alternating runs, after one run that compiles what has to be compiled and counts the modules loaded. --against DIR
starts the code of another checkout in turn with this one's and gives the ratios (below 1: this one is quicker), and
names the modules outside the program that only one of the two loads.

Run: python benchmarks/imports.py [--runs N] [--only START] [--against DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

COMMAND = """
import sys
from sapo_studio.cli import main
sys.argv = ["sapo", {!r}]
main()
"""
THREE_RUNS = """
from sapo_studio.config.presets import find_preset
from sapo_studio.store.db import Store
from sapo_studio.store.runs import create_run
with Store.open() as store:
    for _ in range(3):
        create_run(store, find_preset("lab-smoke").config)
"""
WINDOW = """
from pathlib import Path
from sapo_ui.app import Program
from PySide6.QtCore import QEvent, QObject
program = Program(settings=Path("settings.ini"))
class Painted(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.UpdateRequest and watched is program.window:  # at its end it is painted
            program.app.removeEventFilter(self)
            program.app.sendEvent(watched, event)
            program.close()
            program.app.quit()
            return True
        return False
painted = Painted()
program.app.installEventFilter(painted)
program.execute()
"""
PARENT = "import sapo_engine.__main__"
WORKER = """
import runpy
runpy.run_module("sapo_engine.worker", run_name="__main__", alter_sys=True)
"""
STARTS = {
    "sapo --help": COMMAND.format("--help"),
    "sapo runs": COMMAND.format("runs"),
    "window": WINDOW,
    "parent": PARENT,
    "worker": WORKER,
}
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


def make_home(checkout: Path, home: Path) -> None:
    """A data folder with three runs that wait, by the checkout's own code."""
    home.mkdir()
    subprocess.run([sys.executable, "-P", "-c", THREE_RUNS], env=environment(checkout, home), check=True)


def environment(checkout: Path, home: Path) -> dict[str, str]:
    """What a start of `checkout` finds."""
    code = os.pathsep.join(str(checkout / part) for part in (".", "ui", "engine"))
    ours = {"PYTHONPATH": code, "SAPO_STUDIO_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **ours}


def begin(checkout: Path, start: str, home: Path, before: str = "") -> subprocess.Popen[bytes]:
    """Start it, after the code `before`. A worker is told to compute a run."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", before + STARTS[start]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if before else subprocess.DEVNULL,
        env=environment(checkout, home),
        cwd=home,
    )
    if start == "worker" and process.stdin is not None:
        from sapo_studio.config.overrides import override
        from sapo_studio.config.presets import find_preset
        from sapo_studio.events.control import Start

        config = override(find_preset("lab-smoke").config.model_dump(mode="json"), ["runtime.device=cpu"])
        folder = tempfile.mkdtemp(dir=home)
        process.stdin.write(Start(run_dir=folder, config=config).model_dump_json().encode() + b"\n")
        process.stdin.flush()
    return process


def seconds(checkout: Path, start: str, home: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one start; a worker is ended once it has told of progress."""
    before, began = cpu_seconds(), time.perf_counter()
    process = begin(checkout, start, home)
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    if start == "worker":
        kinds = (json.loads(line)["kind"] for line in process.stdout)
        if "phase_progress" not in kinds:  # read up to there
            raise SystemExit(f"the worker of {checkout} told of no progress")
        process.kill()
    else:
        process.stdout.read()
    process.wait()
    return time.perf_counter() - began, cpu_seconds() - before


def cpu_seconds() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def modules(checkout: Path, start: str, home: Path) -> set[str]:
    """Names of all modules that the start loads. A worker ends at its Hello, for which it has no reader here: what it
    would load after that is not counted."""
    process = begin(checkout, start, home, COUNTED)
    if start == "worker" and process.stdout is not None:
        process.stdout.close()
    told = process.stderr.read() if process.stderr is not None else b""
    process.wait()
    return set(json.loads(told.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path, metavar="DIR")
    parser.add_argument("--only", action="append", choices=list(STARTS), metavar="START")
    given = parser.parse_args()
    checkouts = [ROOT] + ([given.against.resolve()] if given.against else [])
    print(f"{'':12} {'checkout':24} {'wall s':>8} {'CPU s':>8} {'modules':>8}")
    with tempfile.TemporaryDirectory() as folder:
        homes = {checkout: Path(folder, str(number)) for number, checkout in enumerate(checkouts)}
        for checkout, home in homes.items():
            make_home(checkout, home)
        for start in given.only or STARTS:
            found = {checkout: Measured(modules(checkout, start, home)) for checkout, home in homes.items()}
            for turn in range(given.runs):
                for checkout in checkouts if turn % 2 else reversed(checkouts):
                    wall, cpu = seconds(checkout, start, homes[checkout])
                    found[checkout].wall.append(wall)
                    found[checkout].cpu.append(cpu)
            report(start, found)


def report(start: str, found: dict[Path, Measured]) -> None:
    """Print one kind of start."""
    rows = [(min(it.wall), min(it.cpu), len(it.modules)) for it in found.values()]
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
