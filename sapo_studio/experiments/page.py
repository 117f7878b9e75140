"""A matrix's results as Markdown, JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.experiments.plan import Matrix
from sapo_studio.experiments.table import COMPARED, Compared, Mean, TaskTable

COLUMNS = (
    ("sampled_accuracy", "sampled"),
    ("greedy_accuracy", "greedy"),
    ("verifier_step_accuracy", "verifier, steps"),
    ("first_error_accuracy", "first error"),
    ("gap", "gap"),
    ("label_accuracy", "labels right"),
)
COLOURS = (
    "#0b7285",
    "#e8590c",
    "#5f3dc4",
    "#2b8a3e",
    "#c2255c",
    "#1971c2",
    "#f08c00",
    "#495057",
    "#66a80f",
    "#862e9c",
    "#a17c2f",
    "#f783ac",
    "#15aabf",
)


def write(out: Path, matrix: Matrix, tables: Sequence[TaskTable]) -> list[Path]:
    """Write results.md, results.json and a picture a task into `out`. Returns what was written."""
    out.mkdir(parents=True, exist_ok=True)
    pictures = [picture(out, matrix, table) for table in tables if table.curves]
    text = out / "results.md"
    text.write_text(markdown(matrix, tables, [path.name for path in pictures]), encoding="utf-8")
    raw = out / "results.json"
    raw.write_text(json.dumps([asdict(table) for table in tables], indent=1) + "\n", encoding="utf-8")
    return [text, raw, *pictures]


def markdown(matrix: Matrix, tables: Sequence[TaskTable], pictures: Sequence[str] = ()) -> str:
    """All tables."""
    against = matrix.methods[matrix.against].title
    seeds = ", ".join(map(str, matrix.seeds))
    parts = [
        f"# {matrix.name}: methods side by side\n",
        f"Seeds {seeds}; mean and 95 % t interval over seeds, per cent; the last iteration of each run. All methods of",
        "a seed start from the same warmed-up reasoner. Tokens are those generated and trained on after the warm-up.\n",
        f"*At equal compute*: the method less {against}, each where it stood when both had spent as many tokens",
        "(between two iterations on the straight line), paired by seed, in points, with the p of the paired t test.\n",
    ]
    for table in tables:
        if table.task:
            parts.append(f"## {table.task}\n")
        parts += _lines(matrix, table)
        name = next((name for name in pictures if name == f"{table.task or matrix.name}.svg"), None)
        if name:
            parts.append(f"\n![accuracy by tokens]({name})\n")
    return "\n".join(parts)


def _lines(matrix: Matrix, table: TaskTable) -> list[str]:
    used = [(key, label) for key, label in COLUMNS if any(key in row.final for row in table.rows)]
    heads = ["method", "seeds", *(label for _, label in used), "tokens", "seconds"]
    heads += [f"{key.partition('_')[0]} at equal compute" for key in COMPARED]
    heads += ["paper, greedy"] if matrix.paper else []
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in table.rows:
        cells = [row.title, str(len(row.seeds))]
        cells += [percent(row.final.get(key)) for key, _ in used]
        cells += ["" if row.share is None else f"{row.share:.2f}", f"{row.seconds.value:.0f}" if row.method else ""]
        cells += [difference(row.compared.get(key)) for key in COMPARED]
        cells += ["" if row.paper is None else f"{row.paper:.2f}"] if matrix.paper else []
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def percent(found: Mean | None) -> str:
    """`53.1 (50.2 to 56.0)`."""
    if found is None:
        return ""
    if found.low is None or found.high is None:
        return f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def difference(found: Compared | None) -> str:
    """`-3.1 (-5.2 to -1.0), p 0.02`."""
    if found is None:
        return ""
    one = found.difference
    text = f"{100 * one.value:+.1f}"
    if one.low is not None and one.high is not None:
        text += f" ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return text + ("" if found.p is None else f", p {found.p:.2g}")


def picture(out: Path, matrix: Matrix, table: TaskTable) -> Path:
    """Accuracy by tokens spent, a line a method, with 95 % intervals. Raises InputError where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise InputError(
            "The pictures need matplotlib", fix="Install it with `pip install 'sapo-studio[baselines]'`."
        ) from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "sapo"  # the same numbers give the same file
    figure, axes = pyplot.subplots(1, len(COMPARED), figsize=(12, 4), layout="constrained")
    for metric, place in zip(COMPARED, axes, strict=True):
        for (name, curves), colour in zip(table.curves.items(), _colours(len(table.curves)), strict=True):
            points = curves[metric]
            x = [tokens / 1e6 for tokens, _ in points]
            y = [100 * one.value for _, one in points]
            place.plot(x, y, marker="o", markersize=4, linewidth=1.6, color=colour, label=matrix.methods[name].title)
            if all(one.low is not None for _, one in points):
                low = [100 * max(0.0, one.low or 0.0) for _, one in points]
                high = [100 * min(1.0, one.high or 0.0) for _, one in points]
                place.fill_between(x, low, high, color=colour, alpha=0.10, linewidth=0)
        place.set_xlabel("tokens generated and trained on, millions")
        place.set_ylabel(f"{metric.replace('_', ' ')}, per cent")
        place.grid(visible=True, alpha=0.25)
        for side in ("top", "right"):
            place.spines[side].set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    path = out / f"{table.task or matrix.name}.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _colours(count: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(count)]
