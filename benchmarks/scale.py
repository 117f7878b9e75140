"""What one to eight cards and two machines bring, on paper: `sapo_studio/forecast/scaling.py` over the presets for real
models, as a page; and its simulation against two real processes on this machine's CPU.

The card is the one that docs/results/gpu.json was measured on, or the one that is named.

Run: python benchmarks/scale.py [--card H100|H200] [--cards N] [--out FOLDER] [--measure]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from sapo_studio.app.commands.scaling_table import clusters_up_to
from sapo_studio.config.presets import list_presets
from sapo_studio.forecast import Machine, ModelShape, find_shape
from sapo_studio.forecast.memory import Numerics
from sapo_studio.forecast.reference_cards import REFERENCE_CARDS, with_card
from sapo_studio.forecast.run_forecast import scaling
from sapo_studio.forecast.scaling import Scaling, writing_share
from sapo_studio.forecast.throughput import pace_of

PAGE = "scale.md"
GPU = Path(__file__).parents[1] / "docs" / "results" / "gpu.json"
ROUNDS = 1
WIDTH = 100
"""Characters of a line of the page."""
# The CPU of the machine with the cards: it grades, and what it is counts for little beside that.
HOST = Machine(16, 128 * 2**30, 120 * 2**30, matrix=40e9, bandwidth=8e9, words="assumed")


def measured_card() -> str:
    """The card that was measured, if it is a known one; else the first of those."""
    if GPU.is_file():
        told = str(json.loads(GPU.read_text(encoding="utf-8"))["machine"].get("card", ""))
        return next((name for name in REFERENCE_CARDS if name in told), REFERENCE_CARDS[0])
    return REFERENCE_CARDS[0]


def table(found: Scaling) -> Iterator[str]:
    """One preset's."""
    heads = [run.cluster.words for run in found.clusters]
    yield f"| seconds on so many cards | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for kind in found.clusters[0].seconds:
        yield f"| {kind} | {' | '.join(f'{run.seconds[kind]:,.0f}' for run in found.clusters)} |"
    yield f"| **all** | {' | '.join(f'**{run.total:,.0f}**' for run in found.clusters)} |"
    yield f"| times as fast | {' | '.join(f'{found.faster(run):.1f}' for run in found.clusters)} |"


def _bullets(lines: Iterable[str]) -> list[str]:
    return [textwrap.fill(f"* {line}", WIDTH, subsequent_indent="  ") for line in dict.fromkeys(lines)]


def page(card: str, cards: int) -> str:
    """All of it, but what was measured."""
    machine = with_card(HOST, card)
    presets = [preset for preset in list_presets() if preset.config.model.source.startswith("hub:")]
    done = [
        (preset.name, scaling(preset.config, shape, machine, clusters_up_to(cards)))
        for preset in presets
        if isinstance(shape := find_shape(preset.config), ModelShape)
    ]
    lines = [
        "# What more cards bring, on paper",
        "",
        "Not measured: the forecast's seconds ([forecast.md](../forecast.md)) of the presets for real",
        "models, divided as a run divides its work (`sapo_studio/forecast/scaling.py`). `python",
        "benchmarks/scale.py --out docs/results --measure` writes this page, `sapo run PRESET --dry-run",
        f"--cards {cards}` prints a preset's table. `2 x {cards}` is two machines.",
        "",
        *_bullets(line for _, found in done for line in found.words if not line.startswith("Undivided")),
        "",
    ]
    for name, found in done:
        lines += [f"## {name}", "", *table(found), "", found.words[-1], ""]
    return "\n".join(lines)


def validation() -> str:
    """Two real processes against the simulation: passes of the network, and CPU seconds, in turn with two that do all
    of it each; the best of each."""
    from scale_parts import ranks

    alone: dict[str, float] = {}
    both: dict[str, float] = {}
    for _ in range(ROUNDS):
        for together, kept in ((False, alone), (True, both)):
            with tempfile.TemporaryDirectory() as folder:
                found = ranks.launch(Path(folder), together=together)
            for name in found[0]:
                slowest = max(rank[name] for rank in found)
                kept[name] = min(kept.get(name, slowest), slowest)
    how, shape = Numerics("full", 16, "fp32"), ranks.shape()
    pace = pace_of(Machine.here(), 1, None, "fp32")
    a_token = pace.write(shape, how, 1.0, ranks.PROMPT, ranks.MEAN, 0.0) / ranks.MEAN
    a_step = pace.write(shape, how, 0.0, ranks.PROMPT, ranks.MEAN, 1.0)
    written = ranks.lengths()

    def share(tokens: float, step: float) -> float:
        mean = sum(written) / len(written)
        return writing_share(ranks.TEXTS, 2, ranks.ROWS, mean, max(written), tokens, step, refill=False)

    def step(sequences: int) -> float:
        return pace.step(shape, how, sequences, ranks.LENGTH, 1, logits=True)

    told = {
        "passes": ("sampling, passes of the network", share(0.0, 1.0)),
        "sampling": ("sampling, CPU seconds", share(a_token, a_step)),
        "training": ("training, CPU seconds", step(ranks.BATCH // 2) / step(ranks.BATCH)),
    }
    lines = [
        "## The simulation against two processes",
        "",
        f"On the CPU, with gloo: {ranks.TEXTS} texts of {shape.name}, {ranks.ROWS} at a time, whose",
        f"lengths nobody knows beforehand, and {ranks.STEPS} training steps over {ranks.BATCH} texts. The slower",
        "process as a part of one that does all of it, beside another such.",
        "",
        "| | simulated | measured |",
        "|---|---|---|",
        *(f"| {words} | {part:.2f} | {both[name] / alone[name]:.2f} |" for name, (words, part) in told.items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--card", choices=REFERENCE_CARDS, default=measured_card())
    options.add_argument("--cards", type=int, default=8)
    options.add_argument("--out", type=Path)
    options.add_argument("--measure", action="store_true", help="hold the simulation against two processes here")
    chosen = options.parse_args()
    text = page(chosen.card, chosen.cards)
    if chosen.measure:
        text += "\n" + validation()
    if chosen.out is None:
        print(text)
    else:
        (chosen.out / PAGE).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
