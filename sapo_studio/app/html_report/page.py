"""The whole report: its sections in order, put into one HTML file with its style sheet in it.

The file needs nothing else: a content security policy forbids it to load or run anything. It is the same, byte for
byte, whenever the store holds the same: no clock is read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sapo_studio import __version__
from sapo_studio.app.html_report import imported, outcome, setting, trust
from sapo_studio.app.html_report.markup import Element, element, given, written
from sapo_studio.app.html_report.samples import samples
from sapo_studio.app.html_report.subject import Subject, nothing, read_subject
from sapo_studio.app.html_report.verifier import verifier
from sapo_studio.app.html_report.warned import warned
from sapo_studio.files import write_output
from sapo_studio.paths import resources_dir
from sapo_studio.readable import sentences
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault

TRACES = 6
"""Sample solutions, where nobody says how many."""
MOST_TRACES = 200
Tick = Callable[[str, int, int], None]
"""Told what is read now, how many sections are done, and of how many. What it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: the id of its place, its heading, and what makes it."""

    place: str
    title: str
    make: Callable[[], Sequence[Element]]


def write(store: Store, run_id: str, file: Path, traces: int = TRACES, tick: Tick | None = None) -> int:
    """Write the report of a run or an imported file, whole or not at all. Returns its size in bytes.

    Raises InputError where there is no such run or `file` cannot be written to, StoreError where writing fails.
    """
    text = build(store, run_id, traces, tick)
    write_output(file, text)
    return len(text.encode())


def build(store: Store, run_id: str, traces: int = TRACES, tick: Tick | None = None) -> str:
    """The report with `traces` sample solutions. Raises InputError where there is no such run."""
    subject = read_subject(store, run_id)
    sections = _sections(subject, min(traces, MOST_TRACES))
    made: list[Element] = []
    for done, section in enumerate(sections):
        if tick is not None:
            tick(section.title, done, len(sections))
        heading = element("h2", section.title, id=f"{section.place}-title")
        try:
            parts = section.make()
        except StoreFault as fault:  # of one row: the others are there
            parts = [nothing(sentences(fault.what, fault.why))]
        made.append(element("section", heading, parts, id=section.place, aria_labelledby=f"{section.place}-title"))
    links = [element("li", element("a", one.title, href=f"#{one.place}")) for one in sections]
    body = element(
        "body",
        element("a", "Skip to the report", href="#report", class_="skip"),
        _header(subject),
        element("nav", element("ul", links), aria_label="Sections"),
        element("main", made, id="report"),
        _footer(subject),
    )
    return _document(f"{subject.run.name}: report", body)


def _sections(subject: Subject, traces: int) -> list[Section]:
    if subject.report is None:
        return [
            Section("summary", "Summary", lambda: imported.headline(subject)),
            Section("samples", "Sample solutions", lambda: samples(subject, traces)),
            Section("people", "What people say", lambda: trust.people(subject)),
            Section("refused", "Refused rows", lambda: imported.refused(subject)),
            Section("provenance", "Where it comes from", lambda: imported.provenance(subject)),
        ]
    report = subject.report
    return [
        Section("summary", "Summary", lambda: outcome.headline(subject, report)),
        Section("curves", "Curves", lambda: outcome.curves(subject, report)),
        Section("numbers", "Numbers", lambda: outcome.tables(subject, report)),
        Section("verifier", "Verifier", lambda: verifier(subject)),
        Section("warned", "What was warned of", lambda: warned(subject, report)),
        Section("samples", "Sample solutions", lambda: samples(subject, traces)),
        Section("audit", "Label audit", lambda: trust.label_audit(subject)),
        Section("people", "What people say", lambda: trust.people(subject)),
        Section("configuration", "Configuration", lambda: setting.configuration(subject)),
        Section("environment", "Environment", lambda: setting.environment(subject)),
        Section("provenance", "Model and data", lambda: setting.provenance(subject)),
        Section("again", "Run it again", lambda: setting.again(subject)),
    ]


def _header(subject: Subject) -> Element:
    run = subject.run
    kind = "imported file" if run.imported else "run"
    told = element("p", f"SAPO Studio, report of the {kind} ", element("code", run.id), class_="of")
    status = None if run.imported else element("span", run.status.value, class_=f"status {run.status.value}")
    return element("header", told, element("h1", given(run.name), " ", status))


def _footer(subject: Subject) -> Element:
    text = (
        f"Made by SAPO Studio {__version__} from what its store holds of {subject.run.id}. Shares are of what was"
        " measured, intervals are 95\u00a0% ones. This file loads nothing and runs nothing."
    )
    return element("footer", element("p", text))


def _document(title: str, body: Element) -> str:
    style = (resources_dir() / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    metas = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
    ]
    head = "".join(map(written, [*metas, element("title", title)]))
    # The style sheet is the program's own, and the one text that is not escaped.
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}<style>{style}</style></head>\n{written(body)}</html>\n'
