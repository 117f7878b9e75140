"""What of a run's time is model arithmetic, and what is bookkeeping: events, artefacts, grading, the store, Python.

A real run of a lab preset goes through the ordinary door (engine parent, worker, a store in a data folder that is
thrown away), with one thread. Inside the worker a timer of its CPU time (ITIMER_PROF) fires every 5 ms; the stack it
meets is counted with the CPU seconds since the one before. Python takes the signal when the call under way returns, in
the frame that made the call, so that long kernels count whole and nothing has to wait for the interpreter's lock (a
sampling thread would see only the moments at which it is let go).

Kinds, by the stack: text cut, decoded or graded is `grading and cutting`, whatever library does it; likewise events,
artefacts (also saving and loading networks) and JSON, tasks and prompts, and start-up (of worker and parent: imports,
the first network), which is paid once a run. Of the rest the innermost frame of the program's own or torch's decides:
torch or transformers, the program's own tensor code (sampler, losses, batches, verifier, optimisers, training: its
Python too), or other Python. Added to these: the time in which the worker waited (its files, its pipe), and the
parent's CPU seconds, as though the worker stood still meanwhile, which it does not. All is a share of the worker's wall
time less what it stood in line for a core. That takes most of a busy machine out, but not the parent's looking round by
the clock: where a run takes five times as long, it is counted five times. Linux only.

--check runs the same once more under cProfile, which sees every call and makes calls dear: there the share of Python
comes out too high, so that the two must agree within some points and in this direction. Own time by file of the
innermost Python frame, start-up included, compared like with like; with --questions 200 on a busy machine torch and
transformers were at 71 % sampled and 65 % under cProfile, the program's own tensor code at 9 and 9, other Python at 20
and 26.
Run: python benchmarks/bookkeeping.py [--iterations N] [--questions N] [--lines N] [--check] [--json FILE]
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, cast

import psutil

INTERVAL = 0.005
TORCH, OWN = "torch and transformers", "tensor code of the program's own"
EVENTS, GRADING, TASKS = "events and artefacts", "grading and cutting", "tasks and prompts"
PYTHON, START = "other Python", "start-up"
WAITING, PARENT = "worker waits", "parent's CPU (store)"
ARITHMETIC = (TORCH, OWN)
BOOKKEEPING = (EVENTS, GRADING, TASKS, PYTHON, START, WAITING, PARENT)
ENGINE, KERNEL = "/sapo_engine/", "/sapo_studio/"
TENSORS = tuple(
    ENGINE + part
    for part in ("rollouts/", "training/", "verifier/", "models/precision.py", "models/reasoner.py", "phases/grpo.py")
)
NETWORKS, WIRE = ENGINE + "models/loading.py", ENGINE + "worker/__main__.py"
ARTEFACTS = (ENGINE + "phases/codecs.py", ENGINE + "training/state.py", KERNEL + "files.py")
ROWS, CUTTING = ENGINE + "text/trajectory.py", (ENGINE + "text/trajectory_builder.py", ENGINE + "grading/")
PROMPTS = (ENGINE + "tasks/", ENGINE + "text/prompts.py")
MESSAGES = KERNEL + "events/"
NAMED = (*TENSORS, NETWORKS, WIRE, *ARTEFACTS, ROWS, *CUTTING, *PROMPTS, MESSAGES)
"""Files and folders (these end in a slash) of the program that decide what a frame is; all of them have to be there."""
ROW_WORK = frozenset({"row", "to_json", "from_json"})


def of_file(path: str) -> str:
    """The kind of a frame by its file alone: TORCH, OWN or PYTHON. Tokenizers are Python."""
    if "/torch/" in path or "/transformers/" in path:
        return PYTHON if "/tokenization" in path else TORCH
    return OWN if any(part in path for part in TENSORS) else PYTHON


def decided(path: str, name: str) -> str:
    """The kind that a frame gives to all that goes on beneath it; empty where it gives none."""
    if "importlib" in path or path.endswith(NETWORKS):
        return START
    if path.endswith(ARTEFACTS) or "/json/" in path:
        return EVENTS
    if MESSAGES in path or (path.endswith(WIRE) and name == "send"):
        return EVENTS
    if path.endswith(ROWS):
        return EVENTS if name in ROW_WORK else GRADING
    if any(part in path for part in CUTTING):
        return GRADING
    if any(part in path for part in PROMPTS):
        return TASKS
    return ""


class Sampler:
    """Counts the main thread's stacks in CPU seconds."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self.lines: Counter[tuple[str, str]] = Counter()
        self._known: dict[Any, str] = {}
        self._last = time.process_time()

    def start(self) -> None:
        """From now on."""
        signal.signal(signal.SIGPROF, self._take)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def stop(self) -> None:
        """No more; what has passed since the last sample is start-up's and the end's."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.kinds[START] += cast("int", time.process_time() - self._last)

    def _take(self, _: int, frame: FrameType | None) -> None:
        now = time.process_time()
        passed = cast("int", now - self._last)  # a Counter of seconds, which typeshed does not know of
        self._last = now
        kind = deepest = inner = ""
        line = ("", "")
        while frame is not None:
            code = frame.f_code
            inner = inner or code.co_filename
            if not deepest and any(part in code.co_filename for part in ("/torch/", "/transformers/", "/sapo_")):
                deepest = code.co_filename  # what a library does, it does for the one that calls it
            said = self._known.get(code)
            if said is None:
                said = self._known[code] = decided(code.co_filename, code.co_name)
            if said and kind != START:
                kind = said  # what is further out has the last word, except over imports
            if not line[0] and ("/sapo_" in code.co_filename):
                line = (code.co_filename.rpartition("/sapo_")[2], code.co_name)
            frame = frame.f_back
        kind = kind or of_file(deepest)
        self.kinds[kind] += passed
        self.files[of_file(inner)] += passed
        if kind not in ARITHMETIC:
            self.lines[f"{kind}", ":".join(line)] += passed


def profiled(profile: cProfile.Profile) -> dict[str, float]:
    """Own time by kind of file. What is written in C counts for the Python that called it."""
    found: Counter[str] = Counter()
    stats = cast("Any", pstats.Stats(profile)).stats
    for (path, _, _), (_, _, own, _, callers) in stats.items():
        if path == "~" and callers:
            for (caller, _, _), (_, _, part, _) in callers.items():
                found[of_file(caller)] += part
        else:
            found[of_file(path)] += own
    return dict(found)


def schedule() -> tuple[float, float]:
    """Seconds that the main thread has had a core, and has stood in line for one."""
    ran, waited, _ = Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def inside(report: Path, check: bool) -> int:
    """The worker, watched. What was seen goes into `report`."""
    began = time.monotonic()
    parent = psutil.Process(os.getppid()).cpu_times()
    held = os.dup(1)  # the parent gives a worker that has closed its pipe five seconds, and a report may take longer
    sampler, profile = Sampler(), cProfile.Profile()
    if check:
        profile.enable()
    else:
        sampler.start()
    try:
        from sapo_engine.worker.__main__ import main as work

        return work()
    finally:
        if check:
            profile.disable()
        else:
            sampler.stop()
        ran, queued = schedule()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        found = {
            "wall": time.monotonic() - began,
            "parent_start": parent.user + parent.system,
            "ran": ran,
            "queued": queued,
            "cpu": usage.ru_utime + usage.ru_stime,
            "kinds": dict(sampler.kinds),
            "files": profiled(profile) if check else dict(sampler.files),
            "lines": [[*where, seconds] for where, seconds in sampler.lines.most_common(40)],
        }
        report.write_text(json.dumps(found), encoding="utf-8")
        os.close(held)


def outside(seen: Path, run_id: str) -> int:
    """The engine's parent; the CPU seconds of its own go into `seen`."""
    from sapo_engine.__main__ import main as work

    code = work(["run", run_id])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seen.write_text(json.dumps(usage.ru_utime + usage.ru_stime), encoding="utf-8")
    return code


def watch(iterations: int, questions: int, *, check: bool = False) -> dict[str, Any]:
    """One run from its making to its end, and what was seen in it."""
    from sapo_engine.parent.worker_process import COMMAND_VARIABLE
    from sapo_studio.config.presets import find_preset
    from sapo_studio.config.schema import parse_config
    from sapo_studio.paths import HOME_VARIABLE
    from sapo_studio.store import runs
    from sapo_studio.store.db import Store

    data = find_preset("lab-demo").config.model_dump()
    data["iterations"] = iterations
    data["runtime"] |= {"threads": 1}
    if questions:
        data["sampling"] |= {"questions": questions, "start_questions": max(questions // 2, 20)}
    config = parse_config(data)
    with tempfile.TemporaryDirectory() as name:
        home, report = Path(name), Path(name) / "report.json"
        with Store.open(home / "studio.db") as store:
            run_id = runs.create_run(store, config)
        worker = [sys.executable, "-P", str(Path(__file__).resolve()), f"--inside={report}"]
        environment = os.environ | {
            HOME_VARIABLE: name,
            COMMAND_VARIABLE: shlex.join([*worker, "--check"] if check else worker),
        }
        seen = home / "parent.json"
        engine = [sys.executable, "-P", str(Path(__file__).resolve()), f"--parent={seen}", f"--run={run_id}"]
        status = subprocess.run(engine, env=environment, check=False).returncode
        if status:
            sys.exit(f"The run failed with status {status}.")
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        found["parent"] = json.loads(seen.read_text(encoding="utf-8"))
    return found


def shares(found: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by kind, waiting and the parent among them."""
    waiting = max(0.0, found["wall"] - found["ran"] - found["queued"])
    start = found["kinds"][START] + found["parent_start"]
    return {**found["kinds"], START: start, WAITING: waiting, PARENT: found["parent"] - found["parent_start"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--questions", type=int, default=0, help="questions an iteration; 0: as the preset")
    parser.add_argument("--lines", type=int, default=12, help="the dearest functions of what is not arithmetic")
    parser.add_argument("--check", action="store_true", help="once more under cProfile")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.parent is not None:
        sys.exit(outside(given.parent, given.run))
    if given.inside is not None:
        sys.exit(inside(given.inside, given.check))
    if sys.platform != "linux":
        sys.exit("This reads /proc, which Linux alone has.")
    root = Path(__file__).parents[1]
    gone = [part for part in NAMED if not any(Path(f"{top}{part}").exists() for top in (root, root / "engine"))]
    if gone:
        sys.exit(f"Not where this looks for it any more: {', '.join(gone)}")
    found = watch(given.iterations, given.questions)
    seconds = shares(found)
    whole = found["wall"] - found["queued"]
    print(f"lab-demo, {given.iterations} iterations: {whole:.1f} s (and {found['queued']:.1f} s in line for a core)")
    for kind in (*ARITHMETIC, *BOOKKEEPING):
        print(f"{kind:<34}{seconds.get(kind, 0.0):>8.2f} s{seconds.get(kind, 0.0) / whole:>8.1%}")
    bookkeeping = sum(seconds.get(kind, 0.0) for kind in BOOKKEEPING)
    print(f"{'bookkeeping in all':<34}{bookkeeping:>8.2f} s{bookkeeping / whole:>8.1%}")
    started = seconds.get(START, 0.0)
    print(
        f"{'  without start-up':<34}{bookkeeping - started:>8.2f} s{(bookkeeping - started) / (whole - started):>8.1%}"
    )
    print("\nThe dearest functions of the program's own, with all they call:")
    for kind, where, spent in found["lines"][: given.lines]:
        print(f"  {spent:>6.2f} s  {kind:<22} {where}")
    told: dict[str, Any] = {
        "seconds": seconds,
        "whole": whole,
        "bookkeeping": bookkeeping / whole,
        "lines": found["lines"],
    }
    if given.check:
        seen = watch(given.iterations, given.questions, check=True)
        print(f"\n{'own time by file':<34}{'sampled':>8}{'cProfile':>10}")
        told["files"] = {}
        for kind in (TORCH, OWN, PYTHON):
            a, b = (one["files"].get(kind, 0.0) / sum(one["files"].values()) for one in (found, seen))
            told["files"][kind] = [a, b]
            print(f"{kind:<34}{a:>8.1%}{b:>10.1%}")
        print(f"cProfile's run took {seen['cpu'] / found['cpu']:.2f} times the CPU seconds")
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
