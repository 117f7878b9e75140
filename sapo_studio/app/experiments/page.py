"""A matrix's results as Markdown, JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sapo_studio.app.experiments.matrix_file import Matrix
from sapo_studio.app.experiments.table import COMPARED, COMPARED_BY_ITERATION, Row, TaskTable
from sapo_studio.app.reports import drawing
from sapo_studio.app.reports.paragraphs import filled
from sapo_studio.domain.labelers.registry import NONE
from sapo_studio.domain.ledger import NOT_KNOWN, PARTS
from sapo_studio.domain.metric_catalog import METRICS, MetricInfo
from sapo_studio.domain.statistics import Compared, Mean
from sapo_studio.files import write_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes


AGAIN = "`sapo delete` them, and the same `sapo matrix` makes them anew."

COLUMNS = (
    "sampled_accuracy",
    "greedy_accuracy",
    "sound_accuracy",
    "false_positives",
    "verifier_step_accuracy",
    "first_error_accuracy",
    "gap",
    "label_accuracy",
)
"""Metrics that have a column, in order. One that no run has is left out."""


def write(out: Path, matrix: Matrix, tables: Sequence[TaskTable], verifiers: Sequence[Path] = ()) -> list[Path]:
    """Write results.md, results.json and a picture a task into the folder `out`. `verifiers`: further pictures there,
    by `pictures.verifiers`. Returns all of them."""
    pictures = [*(picture(out, matrix, table) for table in tables if table.curves), *verifiers]
    text = out / "results.md"
    write_output(text, filled(markdown(matrix, tables, [path.name for path in pictures])))
    raw = out / "results.json"
    write_output(raw, json.dumps([asdict(table) for table in tables], indent=1) + "\n")
    return [text, raw, *pictures]


def markdown(matrix: Matrix, tables: Sequence[TaskTable], pictures: Sequence[str] = ()) -> str:
    """All tables."""
    against = matrix.methods[matrix.against].title
    seeds = ", ".join(map(str, matrix.seeds))
    parts = [
        f"# {matrix.name}: methods side by side\n",
        f"Seeds {seeds}; mean and 95 % t interval over seeds, per cent; the last iteration of each run. All methods of",
        "a seed start from the same warmed-up reasoner.\n",
        *[f"* *{metric.column}*: {metric.meaning}." for metric in _used([r for t in tables for r in t.rows])],
        "* *generated, prefill, scored, trained*: what the method computed after the warm-up that all share, in",
        "  tokens; evaluation is left out. Prefill are prompts and prefixes as far as they were computed; scored is",
        "  what a verifier read; trained counts every epoch.",
        "* *FLOPs*: 2 a weight and token, 6 for a token that is trained on (4 with adapters).",
        f"* *share*: the FLOPs, as a share of {against}'s.",
        "* *seconds*: of work, without pauses.",
        f"* *at equal compute*: the method less {against} at equal FLOPs, paired by seed, in points. The FLOPs are all",
        "  that the cheaper of the two has computed; the other one is taken where it stood then (between two",
        "  iterations on the straight line). The columns before it are of whole runs, whatever they cost.",
        f"* *after as many iterations*: the method less {against} likewise, each after as many iterations as both went",
        "  through, whatever they cost (the paper compares so).",
        "* *p*: of the paired t test, of each difference alone, as its 95 % interval is; *Holm*: the same p corrected",
        "  for the number of tests in its table. Of differences that are none, one in twenty has a p below 0.05.\n",
    ]
    for table in tables:
        if table.task:
            parts.append(f"## {table.task}\n")
        parts += _lines(matrix, table)
        if any(row.method and row.compute is None for row in table.rows):
            parts.append(f"\n{NOT_KNOWN}: runs of a version that did not count this. {AGAIN}\n")
        if matrix.paper and not matrix.has_paper(table.task):
            parts.append(f"\nThe paper's figures ({matrix.paper}) are of another task, and left out here.")
        name = next((name for name in pictures if name == f"{table.task or matrix.name}.svg"), None)
        if name:
            parts.append(f"\n![accuracy by FLOPs]({name})\n")
            if len(matrix.seeds) > 1:
                parts.append(f"95 % intervals: the band is {against}'s, a bar stands at the end of each other line.\n")
        if (name := f"{table.task or matrix.name}-verifiers.svg") in pictures:
            parts.append(f"![gap, self-verification error, verifier and ceiling by iteration]({name})\n")
            parts += _without_error(matrix, table)
    return "\n".join(parts)


def _without_error(matrix: Matrix, table: TaskTable) -> list[str]:
    """Which methods with a verifier have no self-verification error, and why."""
    configs = {cell.method: cell.config.labeling for cell in matrix.cells if cell.task == table.task}
    missing = [
        f"{row.title} ({why})"
        for row in table.rows
        if row.method and configs[row.method].labeler != NONE and (why := configs[row.method].no_self_verification)
    ]
    return [f"Self-verification error: \u2014 for {', '.join(missing)}.\n"] if missing else []


def _lines(matrix: Matrix, table: TaskTable) -> list[str]:
    used = _used(table.rows)
    compute = [key for key in COMPARED if any(key in row.compared or key in row.by_iteration for row in table.rows)]
    iterations = [key for key in COMPARED_BY_ITERATION if any(key in row.by_iteration for row in table.rows)]
    on_sets = list(dict.fromkeys((of, key) for row in table.rows for of, found in row.sets.items() for key in found))
    heads = ["method", "seeds", "iterations", *(metric.column for metric in used)]
    heads += [f"{METRICS[key].column} on {_cell(of)}" for of, key in on_sets]
    heads += [*PARTS, "FLOPs", "share", "seconds"]
    heads += [f"{METRICS[key].column} at equal compute" for key in compute]
    heads += [f"{METRICS[key].column} after as many iterations" for key in iterations]
    paper = matrix.has_paper(table.task)
    heads += [f"paper ({matrix.paper}), greedy"] if paper else []
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in table.rows:
        cells = [row.title, str(len(row.seeds)), str(row.iterations)]
        cells += [percent(row.final.get(metric.name)) for metric in used]
        cells += [percent(row.sets.get(of, {}).get(key)) for of, key in on_sets]
        cells += [_computed(row, name) for name in (*PARTS, "flops")]
        cells += ["" if not row.method else NOT_KNOWN if row.share is None else f"{row.share:.2f}"]
        cells += [f"{row.seconds.value:.0f}" if row.method else ""]
        unknown = NOT_KNOWN if row.by_iteration and row.share is None else ""
        cells += [difference(row.compared[key]) if key in row.compared else unknown for key in compute]
        cells += [difference(row.by_iteration.get(key)) for key in iterations]
        cells += ["" if row.paper is None else f"{row.paper:.2f}"] if paper else []
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _computed(row: Row, name: str) -> str:
    """A part of what a method has computed: `1.23e+06`."""
    if not row.method:
        return ""
    return NOT_KNOWN if row.compute is None else f"{row.compute[name].value:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _used(rows: Sequence[Row]) -> list[MetricInfo]:
    return [METRICS[key] for key in COLUMNS if any(key in row.final for row in rows)]


def percent(found: Mean | None) -> str:
    """`53.1 (50.2 to 56.0)`."""
    if found is None:
        return ""
    if found.low is None or found.high is None:
        return f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def difference(found: Compared | None) -> str:
    """`-3.1 (-5.2 to -1.0), p 0.02, Holm 0.06`."""
    if found is None:
        return ""
    one = found.difference
    text = f"{100 * one.value:+.1f}"
    if one.low is not None and one.high is not None:
        text += f" ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    if found.p is not None:
        text += f", p {found.p:.2g}"
    return text + ("" if found.p_holm is None else f", Holm {found.p_holm:.2g}")


def picture(out: Path, matrix: Matrix, table: TaskTable) -> Path:
    """Accuracy by FLOPs, a line a method that counted them. 95 % intervals: a band for the one that is compared with, a
    bar at the end of each other. Raises InputError where matplotlib is missing."""
    drawn = [metric for metric in COMPARED if any(metric in curves for curves in table.curves.values())]
    path = out / f"{table.task or matrix.name}.svg"
    with drawing.drawing(path, 2 + 4.5 * len(drawn), 4.2) as figure:
        places: list[Axes] = list(figure.subplots(1, len(drawn), squeeze=False)[0])
        for metric, axes in zip(drawn, places, strict=True):
            drawing.plain(axes, "FLOPs after the warm-up, 10\u00b9\u00b2", "", f"{METRICS[metric].column}, %")
            for k, (name, curves) in enumerate(table.curves.items()):
                if metric in curves:
                    _line(axes, curves[metric], k, matrix.methods[name].title, band=name == matrix.against)
        figure.legend(*places[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8.5)
    return path


def _line(axes: Axes, points: Sequence[tuple[float, Mean]], k: int, title: str, *, band: bool) -> None:
    """One method's, the k-th."""
    colour, marker, style = drawing.look(k)
    x = [flops / 1e12 for flops, _ in points]
    y = [100 * one.value for _, one in points]
    axes.plot(x, y, color=colour, marker=marker, linestyle=style, label=title)
    if any(one.low is None for _, one in points):
        return
    low = [100 * max(0.0, one.low or 0.0) for _, one in points]
    high = [100 * min(1.0, one.high or 0.0) for _, one in points]
    if band:
        axes.fill_between(x, low, high, color=colour, alpha=drawing.BAND, linewidth=0)
    else:  # many bands over one another could not be told apart
        axes.vlines(x[-1], low[-1], high[-1], color=colour, alpha=0.6, linewidth=1.2)
