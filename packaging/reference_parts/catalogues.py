"""What is chosen by name besides: metrics, file formats, labelers, kinds of tasks."""

from __future__ import annotations

from reference_parts.markdown import code, head, join, paragraph, table
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.domain.task_kinds import ALL
from sapo_studio.formats.registry import FORMATS

BETTER = {1: "more", -1: "less", 0: ""}

METRICS_ABOUT = (
    "Every number that a run stores of an iteration, by its name in the table `metrics` of the store "
    "([store.md](../store.md)), in `sapo report --json` and in exported tables. A share is stored as a fraction. "
    "How each is measured, [method.md](../method.md) explains."
)
FORMATS_ABOUT = (
    "Files of solutions with labeled steps that the program reads and writes; what happens to each field of a file, "
    "[formats.md](../formats.md) explains. `sapo export RUN NAME` writes one, `sapo import FILE` reads one."
)
REGISTRIES_ABOUT = "What `labeling.labeler` and `task.kind` take. How to add one, CONTRIBUTING.md shows."


def metrics_page() -> str:
    """The page of metrics."""
    rows = [(code(one.name), one.title, one.shown_unit, BETTER[one.better], one.definition) for one in METRICS.values()]
    return join([*head("Metrics", METRICS_ABOUT), table(("name", "title", "unit", "better", "meaning"), rows)])


def formats_page() -> str:
    """The page of formats."""
    rows = [
        (
            code(known.name),
            known.title,
            ", ".join(map(code, known.suffixes)),
            " and ".join(word for word, can in (("reads", known.reads), ("writes", known.writes)) if can),
            known.about,
            ", ".join(map(code, known.keys)),
        )
        for known in FORMATS
    ]
    columns = ("name", "title", "files", "the program", "what it holds", "a row is known by")
    return join([*head("File formats", FORMATS_ABOUT), table(columns, rows)])


def registries_page() -> str:
    """The page of labelers and kinds of tasks."""
    labelers = [(code(one.key), one.title, one.help, "yes" if one.rolls_out else "no") for one in LABELERS.values()]
    kinds = [(code(one.key), one.help, one.solutions if one.written else "exact truth") for one in ALL]
    return join(
        [
            *head("Labelers and kinds of tasks", REGISTRIES_ABOUT),
            "## Labelers",
            table(("labeler", "title", "how it labels", "rollouts"), labelers),
            "## Kinds of tasks",
            paragraph("`solutions` are graded by their final answer or, as programs, by tests in a sandbox."),
            table(("kind", "what it is", "solutions"), kinds),
        ]
    )
