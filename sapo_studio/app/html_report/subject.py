"""What the sections of a report read: the run, its figures and its configuration, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sapo_studio.app.html_report.markup import Element, element, table
from sapo_studio.app.reports.run_report import Report, report
from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, RunSummary, TraceDetail

LONGEST = 4_000
"""Characters of a step, a question or a message; what is longer loses its middle."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A run, or an imported file (no `report`). `config` is None where it is another version's, or a file's."""

    store: Store
    run: RunSummary
    report: Report | None
    config: RunConfig | None

    @property
    def yet(self) -> str:
        """What stands behind "there is nothing", where there may still be something."""
        return "" if self.run.status is RunStatus.DONE else " yet"

    @property
    def metrics(self) -> Mapping[int, Mapping[str, MetricValue]]:
        """The run's own figures by iteration."""
        return {} if self.report is None else {one.iteration: one.values for one in self.report.iterations}

    def is_code(self, trace: TraceDetail) -> bool:
        """Whether a trajectory is a program, whose question is graded by tests."""
        if self.config is None:
            return False
        solutions = TASK_KINDS[self.config.task.kind].solutions
        return solutions == "programs" or (solutions == "either" and "assert" in trace.reference)


def read_subject(store: Store, run_id: str) -> Subject:
    """Read it. Raises InputError where there is no such run."""
    run = queries.get_run(store, run_id)
    if run.imported:
        return Subject(store, run, None, None)
    try:
        config = queries.get_config(store, run_id)
    except InputError:  # another version's, with keys that this one does not know
        config = None
    return Subject(store, run, report(store, run_id), config)


def moment(at: float | None) -> str:
    """A time in UTC, the same on every machine; a dash where there is none."""
    return "\u2013" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def cut(text: str, most: int = LONGEST) -> str:
    """`text` with its middle left out where it has more than `most` characters."""
    if len(text) <= most:
        return text
    head, tail = most * 3 // 4, most // 4
    return f"{text[:head]} \u2026 ({len(text) - head - tail:,} more characters) \u2026 {text[-tail:]}"


def paragraphs(texts: Sequence[str], class_: str | None = None) -> list[Element]:
    """A paragraph for each."""
    return [element("p", text, class_=class_) for text in texts]


def nothing(why: str) -> Element:
    """What a section says that has nothing to show."""
    return element("p", why, class_="nothing")


def of_sheet(sheet: Sheet) -> Element:
    """A table that the command line prints too."""
    heads = sheet.heads or tuple("" for _ in sheet.rows[0])
    return table(heads, [tuple(map(cut, row)) for row in sheet.rows], caption=sheet.title, note=sheet.note)
