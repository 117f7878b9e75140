"""The report of an imported file: what is in it. There are no curves, since nothing was trained."""

from __future__ import annotations

from sapo_studio.app.html_report.markup import Element, element, facts, given, table
from sapo_studio.app.html_report.subject import Subject, cut, paragraphs
from sapo_studio.app.imports.facts import facts as facts_of
from sapo_studio.app.reports.provenance import file_origin
from sapo_studio.forecast import size
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store import imports

MOST_REFUSED = 40


def headline(subject: Subject) -> list[Element]:
    """What the file is, in sentences."""
    found = facts_of(subject.store, subject.run.id)
    right = found.solutions - found.unknown - found.incorrect
    verdict = (
        f"{counted(found.solutions, 'solution')}: {found.incorrect:,} with an incorrect step, {right:,} without one,"
        f" {found.unknown:,} of which that is not known."
    )
    told = paragraphs([cut(sentence) for sentence in found.sentences()])
    note = "This is an imported file: no run has computed it, so that it has no curves, costs or configuration."
    return [element("p", verdict, class_="verdict"), element("p", note, class_="state"), *told]


def refused(subject: Subject) -> list[Element]:
    """Rows that were not taken in, and why."""
    rows = imports.info(subject.store, subject.run.id).refused
    if not rows:
        return [element("p", "Every row was taken in.", class_="nothing")]
    told = [(str(row.get("line", "")), given(cut(str(row.get("why", ""))))) for row in rows[:MOST_REFUSED]]
    note = f"{len(rows) - MOST_REFUSED:,} more are left out here." if len(rows) > MOST_REFUSED else ""
    return [table(("line", "why"), told, caption=f"{len(rows):,} refused", note=note, class_="prose")]


def provenance(subject: Subject) -> list[Element]:
    """The file, as it lies there now."""
    info = imports.info(subject.store, subject.run.id)
    origin = file_origin("File", info.file, lambda: user_path(info.file))
    rows: list[tuple[str, Element | str]] = [("Named", given(cut(info.file))), ("Licence", given(origin.licence))]
    rows += [(file.name, f"{size(file.size)}, SHA-256 {file.digest}") for file in origin.files]
    if origin.note:
        rows.append(("Note", given(origin.note)))
    return [facts(rows)]
