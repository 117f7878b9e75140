"""What was warned of: alarms, changes on resume, restarts, and the warnings and errors of the log."""

from __future__ import annotations

from sapo_studio.app.html_report.markup import Element, element, facts, given, table
from sapo_studio.app.html_report.subject import Subject, cut, moment, nothing
from sapo_studio.app.reports.run_report import Report
from sapo_studio.readable import counted
from sapo_studio.store import alarms, queries

MOST_LINES = 60


def warned(subject: Subject, report: Report) -> list[Element]:
    """All of it, the alarms first."""
    parts: list[Element] = []
    if report.error is not None:
        error = report.error
        told = [(name, given(cut(text), "div", "text")) for name, text in _error(error.what, error.why, error.fix)]
        parts.append(element("div", element("h3", "Why it ended"), facts(told), class_="bad"))
    if report.alarms:
        rows = [
            (one.title, str(one.iteration), given(cut(one.message)), "seen" if one.seen_at is not None else "not yet")
            for one in report.alarms
        ]
        parts.append(table(("alarm", "iteration", "what is so", "seen"), rows, caption="Alarms", class_="prose"))
    if report.changes:
        changes = [
            (given(one.key), given(cut(str(one.before))), given(cut(str(one.after))), given(one.sender), moment(one.at))
            for one in report.changes
        ]
        heads = ("setting", "before", "after", "by", "when")
        parts.append(table(heads, changes, caption="Changed when it was resumed", class_="prose"))
    if subject.run.restarts:
        times = counted(subject.run.restarts, "time")
        parts.append(element("p", f"Its worker died and was started again {times}; the log says why."))
    parts += _log(subject)
    return parts or [nothing("Nothing: no alarm, no warning, no restart, and no change of its configuration.")]


def _error(what: str, why: str, fix: str) -> list[tuple[str, str]]:
    return [(name, text) for name, text in (("What", what), ("Why", why), ("What to do", fix)) if text]


def _log(subject: Subject) -> list[Element]:
    """Warnings and errors; that of an alarm stands in the table of alarms."""
    count = queries.warnings(subject.store, subject.run.id)
    lines = queries.log(subject.store, subject.run.id, limit=MOST_LINES, levels=("warning", "error"))
    shown = [line for line in lines if not line.message.startswith(alarms.LOG_LINE)]
    if not shown:
        return []
    rows = [(moment(line.at), line.level, given(cut(line.message), "div", "text")) for line in shown]
    note = f"The newest {len(lines)} of {count:,}; `sapo follow` shows the others." if count > len(lines) else ""
    return [table(("when", "level", "message"), rows, caption="From the log", note=note, class_="prose")]
