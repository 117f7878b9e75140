"""Every field of a run's configuration, section by section."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reference_parts.markdown import code, head, join, paragraph, table
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.methods import METHODS

ABOUT = (
    "Everything that decides what a run does: the keys of a TOML file, of `--set section.key=value` and of the "
    "window's form. A file may leave out whatever is to have its default. What the method is, "
    "[method.md](../method.md) explains."
)
METHODS_ABOUT = (
    "A matrix of runs ([matrix.md](../matrix.md)) names methods; each is a change of the configuration and nothing "
    "else."
)


def page() -> str:
    """The page."""
    schema = RunConfig.model_json_schema()
    parts = head("Configuration", ABOUT)
    sections = {name: field for name, field in schema["properties"].items() if "$ref" in json.dumps(field)}
    parts += ["## The run itself", _fields("", {n: f for n, f in schema["properties"].items() if n not in sections})]
    for name, field in sections.items():
        parts += list(_section(name, _model(field, schema), schema))
    parts += ["## Methods", paragraph(METHODS_ABOUT)]
    rows = [
        (code(name), one.title, code(json.dumps(one.changes) if one.changes else "")) for name, one in METHODS.items()
    ]
    parts.append(table(("name", "method", "what it changes"), rows))
    return join(parts)


def _model(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = json.dumps(field).partition("#/$defs/")[2].partition('"')[0]
    return schema["$defs"][reference]


def _section(name: str, model: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    yield paragraph(str(model.get("description", "")))
    yield _fields(f"{name}.", model["properties"])
    for key, field in model["properties"].items():
        if "#/$defs/" in json.dumps(field):
            inner = _model(field, schema)
            yield f"### [[{name}.{key}]]"
            yield paragraph(str(inner.get("description", "")))
            yield _fields("", inner["properties"])


def _fields(prefix: str, fields: Mapping[str, Any]) -> str:
    rows = (
        (code(prefix + name), _values(field), _default(field.get("default")), str(field.get("description", "")))
        for name, field in fields.items()
    )
    return table(("key", "values", "default", "what it is"), rows)


def _default(value: Any) -> str:
    return code(json.dumps(value, ensure_ascii=False)) if value is not None else ""


def _values(field: Mapping[str, Any]) -> str:
    """The type, the choices or the bounds, and what it counts in."""
    told: list[str] = []
    for one in field.get("anyOf", [field]):
        if "enum" in one:
            told.append(", ".join(code(choice) for choice in one["enum"]))
        elif "const" in one:
            told.append(code(one["const"]))
        elif "type" in one:
            told.append(" ".join(part for part in (str(one["type"]), _bounds(one)) if part))
    unit = str(field.get("unit", ""))
    return " or ".join(told) + (f"; {unit}" if unit else "")


def _bounds(field: Mapping[str, Any]) -> str:
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    told = [
        f"from {low:,}" if low is not None else "",
        f"above {above:,}" if above is not None else "",
        f"to {high:,}" if high is not None else "",
        f"below {below:,}" if below is not None else "",
    ]
    return " ".join(part for part in told if part)
