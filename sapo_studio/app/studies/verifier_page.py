"""What was found where verifiers were evaluated, by command or in the window: as tables, a page and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sapo_studio.app.reports import drawing
from sapo_studio.app.reports.paragraphs import filled
from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.files import write_output
from sapo_studio.readable import listing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHOICES = (
    ("best_of_n", "best of N by the verifier", "best by verifier"),
    ("majority", "majority", "majority"),
    ("weighted_vote", "votes weighted by the verifier", "weighted votes"),
    ("pass_at_n", "upper bound (oracle selection)", "upper bound"),
)
"""Ways to choose one of N samples: their name in the JSON, in tables, and at the end of a line."""
LOOKS = dict(
    zip(
        (name for name, _, _ in CHOICES),
        zip((drawing.BLUE, drawing.VERMILION, drawing.GREEN, drawing.GREY), drawing.MARKERS, strict=False),
        strict=True,
    )
)
MEASURES = (
    ("step_accuracy", "step accuracy", "steps whose score is on the correct side of one half"),
    (
        "first_error_accuracy",
        "first error exact",
        "solutions whose first error, or its absence, is found exactly",
    ),
    ("f1", "ProcessBench F1", "harmonic mean of the two below"),
    ("accuracy_on_wrong", "  on incorrect solutions", "first error exact, of the incorrect ones"),
    ("accuracy_on_right", "  on correct solutions", "called free of errors, of the correct ones"),
    ("auroc", "AUROC of steps", "probability that a correct step scores above an incorrect one"),
    ("ece", "calibration error (ECE)", "mean distance of score and share correct, by tenths of the score"),
)
NO_BENCHMARK = "This run has no process benchmark."
Found = dict[str, Any]


def head(found: Found) -> str:
    """Which verifier."""
    return f"V_{found['verifier']} of {found['run']}" if isinstance(found["verifier"], int) else found["verifier"]


def share(found: dict[str, float] | float | None) -> str:
    """A share as per cent, with its interval where it has one."""
    if found is None:
        return "-"
    if isinstance(found, dict):
        return f"{found['value']:.1%} ({found['low']:.1%} to {found['high']:.1%})"
    return f"{found:.1%}"


def benchmark_sheet(found: Found, *, about: bool = False) -> Sheet:
    """The verifier on its benchmark; `about`: with a column that says what each figure is."""

    def text(name: str) -> str:
        if name in ("auroc", "ece"):
            return "-" if found[name] is None else f"{found[name]:.3f}"
        return share(found[name])

    rows = tuple((label, text(name), *((what,) if about else ())) for name, label, what in MEASURES)
    title = f"{found['solutions']} solutions, {found['steps']} steps up to the first error"
    return Sheet(title, ("figure", "value", "what it is") if about else (), rows, prose=about)


THRESHOLDED = (
    ("f1", "F1"),
    ("error_accuracy", "on incorrect"),
    ("correct_accuracy", "on correct"),
    ("prm_score", "PRMScore"),
    ("mcc", "MCC"),
    ("step_accuracy", "steps"),
)
"""What hangs on the threshold: its name in the JSON and at the head of a column."""


def threshold_sheet(found: Found, *, curve: bool = False) -> Sheet:
    """What hangs on the threshold, at one half and at the tuned one; `curve`: at all of the curve instead."""
    measured = found["thresholds"]
    named = (
        [(f"{row['threshold']:.2f}", row) for row in measured["curve"]]
        if curve
        else [("0.5", measured["half"]), ("tuned", measured["tuned"])]
    )
    rows = tuple(
        (name if name != "tuned" or row is None else f"tuned ({row['threshold']:.2f})", *_thresholded(row))
        for name, row in named
    )
    return Sheet("Threshold curve" if curve else "By threshold", ("threshold", *(s for _, s in THRESHOLDED)), rows)


def _thresholded(row: Found | None) -> list[str]:
    if row is None:
        return ["-"] * len(THRESHOLDED)
    shown = {"mcc": "{:.3f}"}
    return ["-" if row[name] is None else shown.get(name, "{:.1%}").format(row[name]) for name, _ in THRESHOLDED]


def aggregation_sheet(found: Found) -> Sheet:
    """The ways to make one score of a solution's steps."""
    names = ("auroc", "length_correlation", "length_correlation_correct")
    rows = tuple(
        (way, *("-" if row[name] is None else f"{row[name]:.3f}" for name in names))
        for way, row in found["aggregations"].items()
    )
    heads = ("steps' scores as one", "AUROC of solutions", "with length", "with length, correct ones")
    return Sheet("Solution scores", heads, rows)


def reliability_sheet(found: Found, *, bars: bool = False) -> Sheet:
    """The reliability curve: what steps of a score come to; `bars`: drawn as well."""
    rows = tuple(
        (
            f"{point['low']:.1f}-{point['high']:.1f}",
            str(point["n"]),
            f"{point['score']:.2f}",
            f"{point['right']:.2f}",
            *(("█" * round(20 * point["right"]),) if bars else ()),
        )
        for point in found["reliability"]
    )
    return Sheet("Reliability", ("score", "steps", "mean score", "correct", *(("",) if bars else ())), rows)


def best_sheet(found: Found) -> Sheet:
    """Accuracy by N and way to choose."""
    title = f"One of N samples of M_{found['reasoner']}, {found['questions']} test questions, per cent correct"
    rows = tuple(
        (label, *(f"{100 * one['value']:.1f}" for one in found[key])) for key, label, _ in CHOICES if key in found
    )
    return Sheet(title, ("N", *map(str, found["n"])), rows)


def matrix_sheet(found: list[Found]) -> Sheet:
    """Self-verification error, verifiers down, reasoners across."""
    verifiers, reasoners, cells = _cells(found)
    rows = tuple(
        (
            f"V_{i}",
            *(
                f"{100 * cells[i, j]['error']['value']:.1f} ({100 * cells[i, j]['error_on_wrong']['value']:.1f})"
                for j in reasoners
            ),
        )
        for i in verifiers
    )
    return Sheet("Self-verification error, % (of incorrect ones)", ("", *(f"M_{j}" for j in reasoners)), rows)


def sheets(found: Found) -> tuple[Sheet, ...]:
    """The tables of all that was measured, in order."""
    tables: list[Sheet] = []
    if (measured := found["benchmark"]) is not None:
        tables += [benchmark_sheet(measured), threshold_sheet(measured)]
        tables += [aggregation_sheet(measured), reliability_sheet(measured, bars=True)]
    if "best_of" in found:
        tables.append(best_sheet(found["best_of"]))
    if "matrix" in found:
        tables.append(matrix_sheet(found["matrix"]))
    return tuple(tables)


def warnings(found: Found) -> tuple[str, ...]:
    """What whoever reads the numbers has to know, a sentence or two each."""
    told = (*found.get("leaks", ()), *found.get("unkept", ()))
    odd = found.get("contradictory")
    if not odd:
        return told
    return (
        f"In {len(odd)} solutions the answer is wrong and no step is: {listing(odd)}. They are measured so.",
        *told,
    )


def _cells(found: list[Found]) -> tuple[list[int], list[int], dict[tuple[int, int], Found]]:
    cells = {(one["verifier"], one["reasoner"]): one for one in found}
    return sorted({i for i, _ in cells}), sorted({j for _, j in cells}), cells


FILES = ("results.md", "results.json", "verifier.svg")


def write(out: Path, found: Found) -> list[Path]:
    """Write FILES into the folder `out`: the page, the numbers and the picture. Returns what was written."""
    text, raw, drawn = (out / name for name in FILES)
    image = picture(drawn, found)
    write_output(text, filled(markdown(found, image.name if image else "")))
    write_output(raw, json.dumps(found, indent=1) + "\n")
    return [text, raw, *([image] if image else [])]


def markdown(found: Found, image: str) -> str:
    """The page."""
    parts = [f"# The verifier {head(found)}\n"]
    if image:
        parts.append(f"![reliability, choosing among samples, self-verification error]({image})\n")
    if found["benchmark"] is not None:
        parts.append(benchmark_sheet(found["benchmark"], about=True).markdown())
        over = f"Student's t over the {found['runs']} runs" if "runs" in found else "over the solutions of this one run"
        parts.append(f"95 % intervals, {over}.\n")
        parts.append(threshold_sheet(found["benchmark"]).markdown())
        parts.append(
            "A step is called incorrect that scores below the threshold. *Tuned*: rows of each fifth of the questions "
            "are judged with the threshold of the best F1 on the other four. *PRMScore*: mean of the F1 of correct and "
            "of incorrect steps; *MCC*: Matthews' correlation of solutions called and being incorrect (a part of "
            "MR-Score, as the first error on incorrect solutions is).\n"
        )
        parts.append(threshold_sheet(found["benchmark"], curve=True).markdown())
        parts.append(aggregation_sheet(found["benchmark"]).markdown())
        parts.append(
            "*With length*: Spearman's correlation of a solution's score with its number of steps; far from 0, a "
            "choice by that score is partly one by length.\n"
        )
        parts.append(reliability_sheet(found["benchmark"]).markdown())
        parts.append("*score*: tenths of the step score; *correct*: the share of these steps that are correct.\n")
    if "best_of" in found:
        parts.append(best_sheet(found["best_of"]).markdown())
        parts.append(
            f"Columns are numbers of samples. The verifier takes the solution with the best {_way(found)}; voters the "
            "answer with the most samples, or the largest sum of scores; *upper bound*: any of N is correct.\n"
        )
    if "matrix" in found:
        parts.append(matrix_sheet(found["matrix"]).markdown())
        parts.append(
            "Columns are reasoners, rows verifiers: the share of M_j's own trajectories whose labels by V_i "
            "self-verification with M_j changes; in brackets, of the incorrect ones alone.\n"
        )
    return "\n".join(parts)


WAYS = {
    "mean": "mean step score",
    "min": "lowest step score",
    "last": "last step score",
    "product": "product of step scores",
}


def _way(found: Found) -> str:
    return WAYS[found["best_of"].get("aggregation", "mean")]


def picture(path: Path, found: Found) -> Path | None:
    """Reliability, best of N against votes, and the table of errors, side by side: those that were measured. None where
    nothing was."""
    parts = [name for name in ("benchmark", "best_of", "matrix") if found.get(name)]
    if not parts:
        return None
    with drawing.drawing(path, 0.6 + 4.3 * len(parts), 3.9) as figure:
        counts = ["counts" if name == "benchmark" else name for name in parts]
        places: dict[str, Axes] = figure.subplot_mosaic(cast("Any", [parts, counts]), height_ratios=[5, 1])
        if "matrix" in found:
            _errors(places["matrix"], found["matrix"])
        if "benchmark" in parts:
            _reliability(places["benchmark"], places["counts"], found["benchmark"])
        if "best_of" in found:  # last: its labels need to know how large it is
            _best(figure, places["best_of"], found["best_of"])
    return path


def _reliability(axes: Axes, below: Axes, found: Found) -> None:
    points = found["reliability"]
    error = "" if found["ece"] is None else f", calibration error {found['ece']:.3f}"
    drawing.plain(axes, "", "steps that are correct", f"Reliability{error}")
    axes.plot([0, 1], [0, 1], color=drawing.GREY, linewidth=1.0, linestyle="--")
    axes.text(0.86, 0.81, "as it says", color=drawing.GREY, fontsize=8.5, ha="left", va="top")
    axes.plot([one["score"] for one in points], [one["right"] for one in points], color=drawing.BLUE, marker="o")
    axes.set(xlim=(0, 1), ylim=(-0.03, 1.03), xticklabels=[])
    below.bar(
        [one["low"] for one in points],
        [one["n"] for one in points],
        width=[one["high"] - one["low"] for one in points],
        align="edge",
        color=drawing.BLUE,
        edgecolor="white",
    )
    most = max(one["n"] for one in points)
    below.set(
        xlim=(0, 1),
        xlabel="score",
        ylabel="steps",
        ylim=(0, 1.1 * most),
        yticks=[0, most],
        yticklabels=["0", f"{most:,}"],
    )


def _best(figure: Figure, axes: Axes, found: Found) -> None:
    drawing.plain(axes, "samples N", "correct, %", f"One of N samples of $M_{{{found['reasoner']}}}$")
    ends: list[drawing.End] = []
    for name, _, label in CHOICES:
        if name not in found:
            continue
        colour, marker = LOOKS[name]
        bound = name == "pass_at_n"
        x, y = found["n"], [100 * one["value"] for one in found[name]]
        axes.plot(x, y, color=colour, marker=marker, linestyle="--" if bound else "-")
        if name in ("best_of_n", "majority"):  # the two to be told apart; more bands would hide each other
            low, high = ([100 * one[end] for one in found[name]] for end in ("low", "high"))
            axes.fill_between(x, low, high, color=colour, alpha=drawing.BAND, linewidth=0)
        ends.append(drawing.End(x[-1], y[-1], label, colour))
    axes.set_xscale("log", base=2)
    axes.set_xticks(found["n"], [str(n) for n in found["n"]])
    axes.minorticks_off()
    drawing.label_ends(figure, axes, ends)


def _errors(axes: Axes, found: list[Found]) -> None:
    verifiers, reasoners, cells = _cells(found)
    values = [[100 * cells[i, j]["error"]["value"] for j in reasoners] for i in verifiers]
    drawing.heat(axes, values, [[f"{value:.1f}" for value in row] for row in values])
    axes.set_title("Self-verification error, %")
    axes.set_xticks(range(len(reasoners)), [f"$M_{{{j}}}$" for j in reasoners])
    axes.set_yticks(range(len(verifiers)), [f"$V_{{{i}}}$" for i in verifiers])
    axes.set_xlabel("reasoner")
    axes.set_ylabel("verifier")
