"""What a run was made with: its configuration, where it ran, what it was made from, and how to make it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sapo_studio.app.html_report.markup import Element, element, facts, given, table
from sapo_studio.app.html_report.subject import Subject, cut, moment, nothing, paragraphs
from sapo_studio.app.reports.provenance import Origin, changed_since, origins
from sapo_studio.config.changes import Change, differences
from sapo_studio.config.presets import find_preset, to_toml
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.domain.runs import PHASE_LABELS
from sapo_studio.errors import InputError
from sapo_studio.forecast import size
from sapo_studio.readable import counted, duration
from sapo_studio.store import queries

OWN = ("name", "seed")
"""Keys that every run has of its own: they are no difference to a preset."""


def configuration(subject: Subject) -> list[Element]:
    """First what differs from the preset, then everything."""
    config = subject.config
    if config is None:
        return [nothing("The configuration is another version's, with keys that this one does not know.")]
    base, called = _base(subject)
    changes = [change for change in differences(_plain(base), _plain(config)) if change.key not in OWN]
    parts: list[Element] = []
    if changes:
        rows = [(given(one.key), _value(one.after), _value(one.before)) for one in changes]
        parts.append(table(("setting", "this run", called), rows, caption=f"Other than in {called}", class_="prose"))
    else:
        parts.append(element("p", f"Everything is as in {called}."))
    rows = [(given(key), _value(value)) for key, value in _flat(_plain(config))]
    whole = table(("setting", "value"), rows, class_="prose")
    return [*parts, element("details", element("summary", f"All {len(rows)} settings"), whole)]


def _base(subject: Subject) -> tuple[RunConfig, str]:
    """What the run's configuration is compared with, and what that is called."""
    try:
        return find_preset(subject.run.preset).config, f"the preset {subject.run.preset}"
    except InputError:  # a file's, or a preset that is gone
        return parse_config({}), "the program's defaults"


def _plain(config: RunConfig) -> dict[str, Any]:
    """Plain data, with paths in the home folder of whoever makes the report begun by `~`: it is to be handed on."""
    home = str(Path.home())

    def shown(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shown(one) for key, one in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, str) and len(home) > 1 and value.startswith(home + "/"):
            return "~" + value.removeprefix(home)
        return value

    return shown(config.model_dump(mode="json"))


def _flat(data: Mapping[str, Any], at: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        inner = cast("Mapping[str, Any]", value)
        found += _flat(inner, f"{at}{key}.") if isinstance(value, Mapping) and value else [(f"{at}{key}", value)]
    return found


def _value(value: Any) -> Element:
    return given(cut(json.dumps(value, ensure_ascii=False)), "code")


def environment(subject: Subject) -> list[Element]:
    """Where it ran, with which versions of what, and when."""
    run = subject.run
    rows: list[tuple[str, Element | str]] = [("Device", given(run.device or "none yet"))]
    workers = queries.workers(subject.store, run.id)
    rows += [("Worker", given(cut(told))) for told in dict.fromkeys(workers)]
    if subject.config is not None:
        runtime = subject.config.runtime
        where = "" if runtime.launcher == "local" else f" on several machines ({runtime.launcher})"
        rows.append(("Processes", f"{runtime.processes}{where}, rollouts by {runtime.backend}"))
        if runtime.gpus:
            rows.append(("Cards asked for", given(str(runtime.gpus))))
    rows += [("Begun", moment(run.started_at)), ("Ended", moment(run.finished_at))]
    rows.append(("Time at work", duration(run.active_seconds) if run.active_seconds else "none"))
    rows.append(("Restarts of its worker", str(run.restarts)))
    phases = [phase for phase in queries.phases(subject.store, run.id) if phase.seconds is not None]
    parts = [facts(rows)]
    if phases:
        told = [
            (PHASE_LABELS.get(one.name, one.name), str(one.iteration), f"{one.seconds or 0:,.1f}") for one in phases
        ]
        shown = table(("phase", "iteration", "seconds"), told, class_="numbers")
        parts.append(element("details", element("summary", f"Time of {counted(len(phases), 'phase')}"), shown))
    return parts


def provenance(subject: Subject) -> list[Element]:
    """Model and data, with digests and licences."""
    if subject.config is None:
        return [nothing("Its configuration cannot be read, so that its model and data are not known.")]
    parts: list[Element] = []
    for one in origins(subject.config):
        rows: list[tuple[str, Element | str]] = [("Named", given(_homely(one.named))), ("Licence", given(one.licence))]
        told = paragraphs([_homely(note) for note in _notes(one, subject.run.started_at)], "note")
        parts.append(element("div", element("h3", one.role), facts(rows), _files(one), told, class_="origin"))
    note = "Digests are SHA-256 of the files as they lie on this machine now, taken when this report was made."
    return [*parts, element("p", note, class_="note")]


def _notes(origin: Origin, began: float | None) -> Sequence[str]:
    late = changed_since(origin, began)
    more = f"Written after the run began, so that it may have read something else: {', '.join(late)}." if late else ""
    return [text for text in (origin.note, more) if text]


def _files(origin: Origin) -> Element | None:
    if not origin.files:
        return None
    rows = [(given(file.name), size(file.size), element("code", file.digest)) for file in origin.files]
    return table(("file", "size", "SHA-256"), rows, class_="prose digests")


def _homely(text: str) -> str:
    home = str(Path.home())
    return text.replace(home + "/", "~/") if len(home) > 1 else text


def again(subject: Subject) -> list[Element]:
    """The command, and the whole configuration as a file for it."""
    config = subject.config
    if config is None:
        return [nothing("Its configuration is another version's: that version can run it again.")]
    base, called = _base(subject)
    changes = [change for change in differences(_plain(base), _plain(config)) if change.key not in OWN]
    parts: list[Element] = []
    if called.startswith("the preset") and not any(isinstance(one.after, Mapping | list) for one in changes):
        parts.append(element("p", "On a machine with the same presets, model and data:"))
        parts.append(_command(_typed(subject.run.preset, changes, config)))
        parts.append(
            element("p", "Or with everything written down, whatever presets there are: save this as run.toml.")
        )
    else:
        parts.append(element("p", "Save this as run.toml."))
    toml = to_toml(parse_config(_plain(config)))
    parts.append(element("details", element("summary", "The configuration as TOML"), _command(toml)))
    parts.append(_command("sapo run run.toml"))
    parts += paragraphs(
        [
            "The same configuration and seed give the same numbers on the same kind of machine with the same versions; "
            "elsewhere they differ by rounding, and what is sampled by more."
        ],
        "note",
    )
    if subject.report is not None and subject.report.changes:
        parts += paragraphs(
            ["The run was resumed with other values (see What was warned of); these are the last."], "note"
        )
    return parts


def _command(text: str) -> Element:
    return element("div", text, class_="command", dir="auto", tabindex=0, role="region", aria_label="To copy")


def _typed(preset: str, changes: Sequence[Change], config: RunConfig) -> str:
    words = ["sapo", "run", preset, "--seed", str(config.seed), "--name", config.name]
    for change in changes:
        words += ["--set", f"{change.key}={json.dumps(change.after, ensure_ascii=False)}"]
    return " ".join(shlex.quote(word) for word in words)
