"""What grading an answer costs: this checkout, another one (`--against DIR`), and math-verify alone, in turns.

Each grades the same completions one by one in a process of its own: `numbers` are answers of school problems, `answers`
expressions, points, intervals and the like, right ones and wrong ones in equal parts. No two are equal, and the first
ones are not counted (they start what there is to start). Beside the cost stands how many verdicts are right. The ratios
to this checkout are what to look at. Run: python benchmarks/grading.py [--rounds N] [--against DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

WARM = 3

EXPRESSIONS = (
    (r"\frac{%d}{%d}", r"%d/%d", r"\frac{%d}{%d1}"),
    (r"%d\sqrt{%d}", r"\sqrt{%d}\cdot %d", r"%d\sqrt{%d+1}"),
    (r"\left(%d, \frac{\pi}{%d}\right)", r"(%d,\tfrac{\pi}{%d})", r"(%d,\frac{\pi}{%d+1})"),
    (r"x^2+%dx+%d", r"%d x + x^2 + %d", r"x^2+%dx-%d"),
    (r"(-\infty, -%d)\cup(%d, \infty)", r"(%d,\infty) \cup (-\infty,-%d)", r"(-\infty,-%d]\cup(%d,\infty)"),
    (r"%d + %di", r"%di+%d", r"%d - %di"),
    (r"\{%d, -%d\}", r"-%d, %d", r"%d, %d"),
    (
        r"\begin{pmatrix} %d \\ %d \end{pmatrix}",
        r"\begin{bmatrix} %d\\%d \end{bmatrix}",
        r"\begin{pmatrix} %d \\ -%d \end{pmatrix}",
    ),
    (r"%d^\circ + %d^\circ", r"%d^\circ+%d^\circ", r"%d^\circ - %d^\circ"),
    (r"y = %dx + %d", r"%dx - y + %d = 0", r"y = %dx - %d"),
    (r"%d\pi + \frac{%d}{7}", r"\frac{%d}{7} + %d\pi", r"%d\pi - \frac{%d}{7}"),
    (r"\frac{1}{%d^{%d}}", r"%d^{-%d}", r"\frac{1}{%d^{%d+1}}"),
)
TURNED = frozenset((1, 4, 5, 6, 10))
"""Which of them have their numbers the other way round in the right answer."""

OURS = """
import json, sys, time
from sapo_engine.grading.answers import AnswerGrader
from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import final_expression, final_number
graders = {"numbers": AnswerGrader(final_number, processes=1), "answers": AnswerGrader(final_expression, processes=1)}
for line in sys.stdin:
    kind, reference, text = json.loads(line)
    began = time.perf_counter()
    grade = graders[kind].grade([(Problem("", "", answer=reference), text)])[0]
    print(json.dumps([time.perf_counter() - began, grade.correct]), flush=True)
"""
ALONE = """
import json, logging, sys, time
from math_verify import parse, verify
logging.disable(logging.CRITICAL)
for line in sys.stdin:
    kind, reference, text = json.loads(line)
    began = time.perf_counter()
    both = [parse(part, parsing_timeout=None) for part in (f"${reference}$", text)]
    correct = verify(*both, timeout_seconds=None)
    print(json.dumps([time.perf_counter() - began, bool(correct)]), flush=True)
"""


def pairs(kind: str, turn: int) -> list[tuple[str, str, bool]]:
    """Reference, completion and whether it is right; other numbers each turn."""
    found: list[tuple[str, str, bool]] = []
    if kind == "numbers":
        for k in range(24):
            number = 1000 + 97 * k + 7 * turn
            written = (f"{number:,}", f"${number}.00", f"{number} apples", str(number))[k % 4]
            text = f"She has {k} + {number - k} = {number}.\n#### "
            found += [(str(number), text + written, True), (str(number), f"{text}{number + 1}", False)]
        return found
    for at, (reference, right, wrong) in enumerate(EXPRESSIONS):
        for k in (0, 1):
            one, two = 11 + 2 * turn + k, 5 + 3 * turn + k
            numbers = (two, one) if at in TURNED else (one, two)
            found.append((reference % (one, two), rf"So it is $\boxed{{{right % numbers}}}$.", True))
            found.append((reference % (one, two), rf"So it is $\boxed{{{wrong % (one, two)}}}$.", False))
    return found


def measured(code: str, python: str, path: str, kind: str, turn: int) -> tuple[list[float], int]:
    """Seconds of each grade, and how many verdicts are right."""
    asked = pairs(kind, turn)
    lines = [*asked[:1] * WARM, *asked]
    text = "".join(json.dumps([kind, reference, written]) + "\n" for reference, written, _ in lines)
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [python, "-P", "-c", code], input=text, capture_output=True, text=True, env=environment, check=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines()][WARM:]
    return [seconds for seconds, _ in told], sum(
        verdict == right for (_, verdict), (_, _, right) in zip(told, asked, strict=True)
    )


def path_of(checkout: Path) -> str:
    return os.pathsep.join(str(checkout / part) for part in ("", "engine", "ui"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--against", type=Path, default=None, help="another checkout of this program")
    chosen = options.parse_args()
    here = Path(__file__).resolve().parents[1]
    ways = {"this checkout": (OURS, sys.executable, path_of(here)), "math-verify alone": (ALONE, sys.executable, "")}
    if chosen.against is not None:
        own = chosen.against.resolve() / ".venv" / "bin" / "python"
        ways["the other"] = (OURS, str(own) if own.exists() else sys.executable, path_of(chosen.against.resolve()))
    report: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("numbers", "answers"):
        took: dict[str, list[float]] = {way: [] for way in ways}
        right = dict.fromkeys(ways, 0)
        for turn in range(chosen.rounds):
            for way, (code, python, path) in ways.items():
                seconds, told = measured(code, python, path, kind, turn)
                took[way] += seconds
                right[way] += told
        base = statistics.median(took["this checkout"])
        report[kind] = {}
        for way, seconds in took.items():
            middle = statistics.median(seconds)
            late = statistics.quantiles(seconds, n=20)[-1]
            rightly = right[way] / len(seconds)
            report[kind][way] = {
                "ms": round(1000 * middle, 4),
                "ratio": round(middle / base, 2),
                "right": round(rightly, 4),
            }
            print(
                f"{kind:<8} {way:<18} median {1000 * middle:>8.3f} ms, one in twenty over {1000 * late:>8.3f} ms, "
                f"{middle / base:>7.2f} of this checkout; {rightly:.1%} of verdicts right"
            )
    print(json.dumps(report))


if __name__ == "__main__":
    main()
