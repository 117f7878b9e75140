"""What the consensus filter does: the same runs on the lab with and without it, and how far its estimates of label
noise are from the truth.

The runs of a seed differ in `labeling.consensus` and its bounds alone; several seeds, with 95 % t intervals over them.
The truth comes from the lab's oracle, which no run asks. Writes results.md and results.json.
Run: python benchmarks/consensus.py [--preset NAME]... [--seeds N] [--set KEY=VALUE]... [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.session import RunSession
from sapo_studio.app.reports.paragraphs import filled
from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.config.overrides import override
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.statistics import Mean, compared, mean
from sapo_studio.events.kinds import Event, Metric, PhaseCompute

SMALLER = (
    "iterations=2",
    "task.train_questions=1500",
    "task.test_questions=300",
    "task.process_solutions=300",
    "sampling.questions=400",
    "labeling.trajectories=400",
    "evaluation.mce_rollouts=1",
)
"""What makes a preset end in a minute or two of one core."""
ARMS = {
    "off": ("labeling.consensus=off",),
    "filter": ("labeling.consensus=dawid-skene",),
    # Only labels that the sources speak against go; what they leave open stays.
    "bounds in the middle": (
        "labeling.consensus=dawid-skene",
        "labeling.consensus_low=0.5",
        "labeling.consensus_high=0.5",
    ),
}
"""What is measured, and the settings behind it."""

Row = dict[str, Any]


def measure(arm: str, config: RunConfig) -> Row:
    """One run: its metrics by iteration, the tokens that the method computed, and seconds."""
    heard: list[Event] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run(RunContext(RunSession(config, Path(folder), torch.device("cpu")), plan(config), heard.append))
    bills = [event.method for event in heard if isinstance(event, PhaseCompute)]
    return {
        "seed": config.seed,
        "arm": arm,
        "seconds": time.monotonic() - began,
        "tokens": sum(b.generated + b.prefill + b.scored + b.trained_reasoner + b.trained_verifier for b in bills),
        "trained_verifier": sum(bill.trained_verifier for bill in bills),
        "metrics": {
            f"{event.name} {event.iteration}": event.value
            for event in heard
            if isinstance(event, Metric) and not event.set
        },
    }


def effects(rows: Sequence[Row], iterations: int) -> Sheet:
    """Without the filter and with it, and by how much each filter is above, over seeds."""
    last = f" {iterations}"
    wanted = [(f"verifier, steps (iteration {i})", f"verifier_step_accuracy {i}") for i in range(1, iterations + 1)]
    wanted += [
        (f"verifier, first error (iteration {i})", f"first_error_accuracy {i}") for i in range(1, iterations + 1)
    ]
    wanted += [
        ("greedy accuracy, last", "greedy_accuracy" + last),
        ("sampled accuracy, last", "sampled_accuracy" + last),
    ]
    lines: list[tuple[str, ...]] = []
    for title, name in wanted:
        lines.append(_line(title, [[row["metrics"][name] for row in _of(rows, arm)] for arm in ARMS], _points))
    for title, name in (("tokens in all", "tokens"), ("tokens a verifier is trained on", "trained_verifier")):
        lines.append(_line(title, [[row[name] / 1e6 for row in _of(rows, arm)] for arm in ARMS], _millions))
    filters = list(ARMS)[1:]
    heads = ("", *ARMS, *(f"{arm} less off (95 %)" for arm in filters))
    return Sheet("With and without the filter", heads, tuple(lines))


def _of(rows: Sequence[Row], arm: str) -> list[Row]:
    return [row for row in rows if row["arm"] == arm]


def _line(title: str, by_arm: Sequence[Sequence[float]], write: Any) -> tuple[str, ...]:
    off, *filters = by_arm
    differences = [compared(list(zip(on, off, strict=True))).difference for on in filters]
    return (title, *(write(mean(each)) for each in by_arm), *(write(one, signed=True) for one in differences))


def _points(value: Mean, *, signed: bool = False) -> str:
    return _written(value, 100, "+.1f" if signed else ".1f")


def _millions(value: Mean, *, signed: bool = False) -> str:
    return _written(value, 1, "+.2f M" if signed else ".2f M")


def _written(value: Mean, times: float, form: str) -> str:
    form, _, unit = form.partition(" ")
    unit = f" {unit}" if unit else ""
    text = f"{times * value.value:{form}}{unit}"
    if "+" not in form or value.low is None or value.high is None:
        return text
    return f"{text} ({times * value.low:{form}} to {times * value.high:{form}})"


def estimates(rows: Sequence[Row], arm: str, iterations: int) -> Sheet:
    """What the filter takes label noise for, and what it is, run by run."""
    lines: list[tuple[str, ...]] = []
    for row in _of(rows, arm):
        for i in range(1, iterations + 1):
            found = row["metrics"]
            if f"consensus_kept_share {i}" not in found:
                continue
            names = ("kept_share", "noise_before", "noise_true_before", "noise_estimate", "noise_true")
            values = (found.get(f"consensus_{name} {i}") for name in names)
            written = ("" if value is None else f"{100 * value:.1f}" for value in values)
            lines.append((f"seed {row['seed']}, iteration {i}", *written))
    heads = ("", "kept, %", "noise before, est.", "true", "noise after, est.", "true")
    return Sheet(f"Noise of the labels of incorrect trajectories, in %: {arm}", heads, tuple(lines))


def _head(preset: str, changes: Sequence[str], seeds: int) -> str:
    changed = ", ".join(f"`{one}`" for one in changes)
    return (
        f"Generated by `make results`; do not edit. Preset {preset} made smaller ({changed}), {seeds} seeds; shares in "
        f"per cent, means over seeds, differences paired by seed with 95 % t intervals. What it comes to: "
        f"[../consensus.md](../consensus.md).\n"
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--preset", action="append", help="a lab preset (lab-demo); may be given several times")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes all runs")
    parser.add_argument("--out", type=Path, default=Path("consensus"))
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    page, raw = [], {}
    for preset in wanted.preset or ["lab-demo"]:
        base = override(find_preset(preset).config.model_dump(mode="json"), [*SMALLER, *wanted.set])
        rows: list[Row] = []
        for seed in range(wanted.seeds):
            for arm, changes in ARMS.items():
                config = parse_config(override(base, [f"seed={seed}", *changes]))
                rows.append(measure(arm, config))
                print(
                    json.dumps({name: rows[-1][name] for name in ("seed", "arm", "seconds", "tokens")}),
                    flush=True,
                )
        iterations = parse_config(base).iterations
        raw[preset] = rows
        page += [f"# {preset}: the consensus filter\n", _head(preset, [*SMALLER, *wanted.set], wanted.seeds)]
        page += [effects(rows, iterations).markdown()]
        page += [estimates(rows, arm, iterations).markdown() for arm in list(ARMS)[1:]]
        (wanted.out / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
        (wanted.out / "results.md").write_text(filled("\n".join(page)))


if __name__ == "__main__":
    main()
