"""What stands in the New run form: its values, what they differ from, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sapo_studio.config.schema import RunConfig
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.field_row import FieldRow, Finding
from sapo_ui.features.new_run.form import found_by
from sapo_ui.features.new_run.form_spec import FieldSpec, Problem


@dataclass(frozen=True)
class Shown:
    """Settings by dotted path: those to be seen, those that are wrong, and those that are told as changed."""

    paths: set[str]
    wrong: set[str]
    changed: set[str]


class FormState:
    """Values of all settings, by dotted path: those of rows as they stand there, the others as they were filled in."""

    def __init__(self, base: RunConfig) -> None:
        self.specs: tuple[FieldSpec, ...] = form_spec.fields()
        self.by_path = {spec.path: spec for spec in self.specs}
        self.rows: Mapping[str, FieldRow] = {}
        """The rows there are; the form's, once it is made."""
        self.base = base
        """What is told as changed is changed from this."""
        self.config: RunConfig | None = None
        """The values as a configuration, where they are one."""
        self.problems: list[Problem] = []
        self.findings: dict[str, Finding] = {}
        self._values: dict[str, Any] = {}

    def base_values(self) -> dict[str, Any]:
        """The values of `base`, by dotted path."""
        return form_spec.flatten(self.base.model_dump())

    def fill(self, values: dict[str, Any]) -> None:
        """Put values in, for those that stand there."""
        self._values = values
        self.findings.clear()
        for path, row in self.rows.items():
            row.finding = None
            row.set_value(values[path])

    def take_row(self, row: FieldRow) -> None:
        """A row has been made: it gets its value and what is known of it."""
        path = row.spec.path
        row.set_value(self._values[path])
        row.tell(self.findings.get(path))
        self.mark(row)

    def values(self) -> dict[str, Any]:
        """What is in the form, by dotted path."""
        return {path: self.rows[path].value() if path in self.rows else value for path, value in self._values.items()}

    def check(self) -> None:
        """Make a configuration of the values, or note why there is none."""
        self.config, self.problems = form_spec.check(self.values(), self.specs)

    def mended(self) -> RunConfig | None:
        """The configuration, wrong values replaced by those of `base`: one wrong value keeps nobody from looking at a
        model. None where that does not do."""
        if self.config is not None:
            return self.config
        base = self.base_values()
        wrong = {problem.path for problem in self.problems}
        mended = {path: base[path] if path in wrong else value for path, value in self.values().items()}
        config, _ = form_spec.check(mended, self.specs)
        return config

    def mark(self, row: FieldRow) -> None:
        """Have a row say whether its value is changed or wrong, and what would do."""
        path = row.spec.path
        base = self.base_values()[path]
        problem = next((one for one in self.problems if one.path == path), None)
        fix = None
        if problem is not None:
            fix = problem.fix if problem.fix is not None else base if base != row.value() else None
        message = problem.message if problem is not None else ""
        row.say(message, changed=plain(row.value()) != plain(base), fix=fix if fix != "" else None)

    def note_finding(self, path: str, finding: object) -> None:
        """Keep what was found out about a value; anything but a Finding means that nothing was."""
        if isinstance(finding, Finding):
            self.findings[path] = finding
        else:
            self.findings.pop(path, None)
        if path in self.rows:
            self.rows[path].tell(self.findings.get(path))

    def drop_finding(self, path: str) -> None:
        """The value is another now."""
        if self.findings.pop(path, None) is not None and path in self.rows:
            self.rows[path].tell(None)

    def changed(self) -> set[str]:
        """The settings that differ from the preset's, by dotted path."""
        base = self.base_values()
        return {path for path, value in self.values().items() if plain(value) != plain(base[path])}

    def wrong(self) -> list[str]:
        """The settings that no run can begin with, from top to bottom."""
        found = {problem.path for problem in self.problems}
        found |= {path for path, finding in self.findings.items() if finding.bad}
        return [spec.path for spec in self.specs if spec.path in found]

    def shown(self, text: str, *, everything: bool) -> Shown:
        """What is to be seen: the settings that `text` finds, else those that matter, of which only the main, changed
        and wrong ones without `everything`."""
        values, wrong, changed = self.values(), self.wrong(), self.changed()
        matter = {spec.path for spec in self.specs if form_spec.matters(spec, values)}
        if text:
            paths = set(found_by(text, self.specs, values))
        elif everything:
            paths = matter
        else:
            paths = {path for path in matter if self.by_path[path].main or path in changed}
        if not text:
            paths |= set(wrong)
            paths |= form_spec.deciding(paths & (changed | set(wrong)))
        return Shown(paths, set(wrong), changed & (matter | set(wrong)))


def plain(value: Any) -> Any:
    """A value as JSON would give it back: lists for tuples, so that equal ones are equal."""
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
