"""What the sandbox costs: programs with their tests, each in a Python of its own without any protection (a plain
subprocess), in the sandboxes that this machine has, and by the same machinery with nothing locked.

`short` are exercises whose work is next to nothing, `long` one that calculates for about a quarter of a second. Every
round has its own programs (none is known from before), rounds take turns, all go two at a time. The ratios to the plain
subprocess are what to look at. Run: python benchmarks/sandbox.py [--rounds N] [--programs N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import SANDBOXES, ProgramGrader, fault

SIDE_BY_SIDE = 2
SECONDS = 20.0

SHORT = (
    ("def f(xs):\n    return sorted(set(xs))", ("assert f([3, 1, 3]) == [1, 3]", "assert f([]) == []")),
    ("def f(n):\n    return n > 1 and all(n % k for k in range(2, n))", ("assert f(7)", "assert not f(9)")),
    ("import re\ndef f(s):\n    return re.findall(r'\\d+', s)", ("assert f('a1b22') == ['1', '22']",)),
    (
        "from collections import Counter\ndef f(s):\n    return Counter(s).most_common(1)[0]",
        ("assert f('abca') == ('a', 2)", "assert f('z') == ('z', 1)"),
    ),
    (
        "def f(a, b):\n    while b:\n        a, b = b, a % b\n    return a",
        ("assert f(12, 18) == 6", "assert f(7, 5) == 1"),
    ),
    ("def f(xs):\n    return {x: len(x) for x in xs}", ("assert f(['a', 'bc']) == {'a': 1, 'bc': 2}",)),
)
LONG = (
    "def f(n):\n    total = 0\n    for k in range(n):\n        total += k * k % 7\n    return total",
    ("assert f(7) == 14", "assert f(3_000_000) > 0"),
)

Way = Callable[[Sequence[tuple[str, tuple[str, ...]]]], list[bool]]


def plain(jobs: Sequence[tuple[str, tuple[str, ...]]]) -> list[bool]:
    """Program and tests in one new Python: right where it ends with 0."""

    def one(job: tuple[str, tuple[str, ...]]) -> bool:
        text = "\n".join((job[0], *job[1]))
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", text], capture_output=True, timeout=SECONDS, check=False
        )
        return ended.returncode == 0

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(one, jobs))


def graded(grader: ProgramGrader) -> Way:
    """By the program's own grader."""

    def work(jobs: Sequence[tuple[str, tuple[str, ...]]]) -> list[bool]:
        return [grade.correct for grade in grader.grade([(Problem("", "", tests=tests), text) for text, tests in jobs])]

    return work


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--programs", type=int, default=48, help="short programs in a round")
    chosen = options.parse_args()
    graders = {
        "nothing locked": ProgramGrader(seconds=SECONDS, processes=SIDE_BY_SIDE, sandbox="none", unsandboxed=True)
    }
    for how in SANDBOXES:
        if why := fault(how):
            print(f"{how} is left out: {why}")
        else:
            graders[how] = ProgramGrader(seconds=SECONDS, processes=SIDE_BY_SIDE, sandbox=how)
    ways: dict[str, Way] = {"plain subprocess": plain} | {how: graded(grader) for how, grader in graders.items()}
    report: dict[str, dict[str, dict[str, float]]] = {}
    for name, programs in {
        "short": [SHORT[k % len(SHORT)] for k in range(chosen.programs)],
        "long": [LONG] * 4,
    }.items():
        took: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(chosen.rounds + 1):
            for way, work in ways.items():
                jobs = [(f"{text}\n# {way} {turn} {k}", tests) for k, (text, tests) in enumerate(programs)]
                began = time.perf_counter()
                right = work(jobs)
                seconds = time.perf_counter() - began
                if not all(right):
                    sys.exit(f"{way}: a right program was called wrong.")
                if turn:  # the first starts the judges
                    took[way].append(seconds / len(jobs))
        base = statistics.median(took["plain subprocess"])
        report[name] = {}
        for way, seconds in took.items():
            middle = statistics.median(seconds)
            report[name][way] = {"ms": round(1000 * middle, 2), "ratio": round(middle / base, 3)}
            print(f"{name:<6} {way:<17} {1000 * middle:>8.2f} ms a program, {middle / base:.2f} of a plain subprocess")
    for grader in graders.values():
        grader.close()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
