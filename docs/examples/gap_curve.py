"""Draw the reasoner-verifier gap of runs by iteration, with its 95 % intervals.

python docs/examples/gap_curve.py lab-demo-1 lab-demo-2 --out gap.svg
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

import sapo_studio


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the metrics and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", default=["last"])
    parser.add_argument("--home", help="the data folder, if it is not the usual one")
    parser.add_argument("--metric", default="gap")
    parser.add_argument("--out", type=Path, default=Path("gap.svg"))
    asked = parser.parse_args(arguments)
    with sapo_studio.open_store(asked.home) as store:
        runs = [store.run(text) for text in asked.runs]
        points = store.table("metrics", runs=runs, where={"metric": asked.metric, "set": ""}).pandas()
    if points.empty:
        raise SystemExit(f"No run has measured {asked.metric}.")
    unit = points["unit"].iloc[0]
    if unit in ("share", "points"):  # kept as fractions
        points[["value", "low", "high"]] *= 100
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for run, line in points.groupby("run", observed=True):
        (drawn,) = axes.plot(line["iteration"], line["value"], marker="o", label=run)
        axes.fill_between(line["iteration"], line["low"], line["high"], color=drawn.get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="iteration", ylabel=f"{asked.metric} ({'%' if unit == 'share' else unit})")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    figure.savefig(asked.out)
    plt.close(figure)
    print(f"{len(points)} points in {asked.out}")


if __name__ == "__main__":
    main()
