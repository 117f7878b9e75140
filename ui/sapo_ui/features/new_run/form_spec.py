"""The New run form as data, read from RunConfig's own JSON schema; and what is wrong with what was typed into it. No
widgets here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import ValidationError

from sapo_studio.config.columns import EXAMPLE, read_columns, show_columns
from sapo_studio.config.schema import PAIRED, MisfitError, RunConfig
from sapo_studio.errors import InputError
from sapo_studio.names import name_fault
from sapo_studio.readable import fault_in_words
from sapo_ui.wording import setting_label

Kind = Literal["integer", "number", "text", "switch", "choice", "columns", "kept"]
"""What a field is edited as. `columns`: names of columns, as a line of text. `kept`: not at all, the form hands on what
a preset or file says."""

_SOME = tuple(str(number) for number in range(1, 20))
_IMITATES = (("optimiser.kind", (*PAIRED, "sft")), ("optimiser.rft_iterations", _SOME))

# Fields that matter only where others are set so. Each rule is a list of alternatives: the path of the field to look
# at and the values it may have; "hub:*" stands for everything that begins so.
ONLY_WITH: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "task.shots": (("task.prompt", ("few-shot",)),),
    "task.step_pattern": (("task.steps", ("pattern",)),),
    "model.revision": (("model.source", ("hub:*",)),),
    "model.lora_rank": (("model.tuning", ("lora", "qlora")), ("verifier.base", ("shared",))),
    "model.lora_alpha": (("model.tuning", ("lora", "qlora")), ("verifier.base", ("shared",))),
    "model.lora_dropout": (("model.tuning", ("lora", "qlora")), ("verifier.base", ("shared",))),
    "model.hidden_size": (("model.source", ("fresh",)),),
    "model.layers": (("model.source", ("fresh",)),),
    "model.heads": (("model.source", ("fresh",)),),
    "optimiser.rft_iterations": (("optimiser.kind", (*PAIRED, "grpo")),),
    "optimiser.beta": (("optimiser.kind", PAIRED),),
    "optimiser.eta": (("optimiser.kind", PAIRED),),
    "optimiser.reward": (("optimiser.kind", PAIRED),),
    "optimiser.nll_weight": (("optimiser.kind", ("rpo",)),),
    "optimiser.pairs_per_question": _IMITATES,
    "optimiser.max_pairs": _IMITATES,
    "optimiser.history": _IMITATES,
    "runtime.vllm_memory": (("runtime.backend", ("vllm",)),),
    "runtime.gpus": (("runtime.device", ("auto", "cuda")),),
    "runtime.ray_address": (("runtime.launcher", ("ray",)),),
    "runtime.hosts": (("runtime.launcher", ("ssh", "hand")),),
}


TABLES = ("task.fields",)
"""Fields that are tables themselves."""


@dataclass(frozen=True)
class FieldSpec:
    """One field of the form. Bounds are inclusive unless `above` says that the value must lie above `minimum`."""

    path: str
    label: str
    help: str
    kind: Kind
    default: Any
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    min_length: int = 0
    max_length: int | None = None
    main: bool = False
    kinds: tuple[str, ...] = ()
    """The kinds of task that it matters to; none: all."""
    picker: str = ""
    """What chooses a value beside typing it: model, data, cards or python."""

    @property
    def section(self) -> str:
        """The section it belongs to; empty for the run itself."""
        return self.path.rpartition(".")[0]

    @property
    def expected(self) -> str:
        """What would be right, as a sentence."""
        if self.kind == "choice":
            return "Choose one of " + ", ".join(self.choices) + "."
        if self.kind == "kept":
            return "What a TOML file says."
        if self.kind == "columns":
            return f"Columns by what they hold: {EXAMPLE}."
        if self.picker == "cards":
            return "Numbers of cards with commas, such as 0,2."
        if self.kind == "text" and not self.max_length:
            return "Some text." if self.min_length else "Any text, or none."
        if self.kind == "text":
            return f"{self.min_length or 'At most'}{' to' if self.min_length else ''} {self.max_length:,} characters."
        what = "A whole number" if self.kind == "integer" else "A number"
        low = "" if self.minimum is None else _bound(self.minimum)
        high = "" if self.maximum is None else _bound(self.maximum)
        if self.above and low:
            return f"{what} above {low}" + (f", up to {high}." if high else ".")
        if low and high:
            return f"{what} from {low} to {high}."
        if low:
            return f"{what}, {low} or more."
        return f"{what}, at most {high}." if high else f"{what}."

    @property
    def brief(self) -> str:
        """The same in as few words as there are."""
        words = self.expected.rstrip(".")
        for long, short in (("A whole number from ", "whole, "), ("A number ", ""), ("A whole number, ", "whole, ")):
            words = words.replace(long, short)
        return words


@dataclass(frozen=True)
class Problem:
    """Something wrong. `path` names the field to change, empty where it is the whole that does not fit together; `fix`
    is a value that would do, None where only the user knows one."""

    path: str
    message: str
    fix: Any = None


@cache
def fields() -> tuple[FieldSpec, ...]:
    """Every field of RunConfig, in order of definition."""
    schema = RunConfig.model_json_schema()
    return tuple(_collect(schema, schema.get("$defs", {}), "", RunConfig.model_validate({}).model_dump()))


def _collect(
    node: Mapping[str, Any], shared: Mapping[str, Any], prefix: str, defaults: Mapping[str, Any]
) -> list[FieldSpec]:
    found: list[FieldSpec] = []
    for name, raw in node.get("properties", {}).items():
        target = _resolve(raw, shared)
        if "properties" in target:
            found += _collect(target, shared, f"{prefix}{name}.", defaults[name])
        else:
            found.append(_field(f"{prefix}{name}", {**target, **raw}, defaults[name]))
    return found


def _resolve(raw: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = raw.get("$ref") or next((part["$ref"] for part in raw.get("allOf", ()) if "$ref" in part), None)
    return raw if reference is None else shared[str(reference).rpartition("/")[2]]


def _field(path: str, raw: Mapping[str, Any], default: Any) -> FieldSpec:
    kind: Kind
    choices: tuple[str, ...] = ()
    if "enum" in raw or "const" in raw:
        kind, choices = "choice", tuple(str(value) for value in raw.get("enum", [raw.get("const")]))
    elif raw.get("type") == "array":
        kind = "kept"
    elif raw.get("type") == "object":
        kind = "columns"
    else:
        kind = {"integer": "integer", "number": "number", "boolean": "switch"}.get(raw.get("type", ""), "text")  # type: ignore[assignment]
    minimum, above = raw.get("minimum"), "exclusiveMinimum" in raw
    return FieldSpec(
        path=path,
        label=setting_label(path),
        help=" ".join(str(raw.get("description", "")).split()),
        kind=kind,
        default=default,
        unit=str(raw.get("unit", "")),
        choices=choices,
        minimum=raw["exclusiveMinimum"] if above else minimum,
        maximum=raw.get("maximum"),
        above=above,
        min_length=int(raw.get("minLength", 0)),
        max_length=raw.get("maxLength"),
        main=raw.get("group") == "main",
        kinds=tuple(str(raw.get("kinds", "")).split()),
        picker=str(raw.get("picker", "")),
    )


def matters(spec: FieldSpec, values: Mapping[str, Any]) -> bool:
    """Whether the field decides anything beside these `values` (by dotted path). The form hides what does not."""
    if spec.kinds and values["task.kind"] not in spec.kinds:
        return False
    rules = ONLY_WITH.get(spec.path, ())
    return not rules or any(_is_one_of(str(values[path]), wanted) for path, wanted in rules)


def deciding(paths: Iterable[str]) -> set[str]:
    """The choices that have these fields matter: who sees the one has to find the other."""
    return {path for shown in paths for path, _ in ONLY_WITH.get(shown, ())}


def _is_one_of(value: str, wanted: tuple[str, ...]) -> bool:
    return any(value.startswith(one[:-1]) if one.endswith("*") else value == one for one in wanted)


def _bound(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def parse(spec: FieldSpec, text: str) -> Any:
    """The value that `text` stands for; the text itself where it cannot be read as one, so that validation marks it."""
    cleaned = text.strip().replace("\u202f", "").replace("\u2212", "-")
    if spec.kind == "integer":
        digits = cleaned.replace(",", "").replace(" ", "").replace("_", "")
        return int(digits) if re.fullmatch(r"[+-]?\d+", digits) else text
    if spec.kind == "number":
        try:
            return float(cleaned)
        except ValueError:
            return text
    if spec.kind == "columns":
        try:
            return read_columns(text)
        except InputError:
            return text
    return text.strip()


def show(value: Any) -> str:
    """A value as it is put into a text field."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return show_columns(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        rows: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(str(row["name"]) for row in rows) or "none"
    return str(value)


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"task.kind": x}` as `{"task": {"kind": x}}`."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *sections, name = path.split(".")
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = value
    return tree


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The reverse of `nest`."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in TABLES:
            flat |= flatten(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def check(values: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> tuple[RunConfig | None, list[Problem]]:
    """The configuration that `values` (by dotted path) make, or what is wrong with them."""
    try:
        config = RunConfig.model_validate(nest(values))
        why = name_fault(config.name)
        return (None, [Problem("name", why)]) if why else (config, [])
    except ValidationError as error:
        by_path = {spec.path: spec for spec in specs}
        found: list[Problem] = []
        for fault in error.errors():
            path = ".".join(str(part) for part in fault["loc"])
            path = next((table for table in TABLES if path.startswith(f"{table}.")), path)
            spec = by_path.get(path)
            if spec is None:
                found.append(_misfit(fault, path, by_path))
            elif fault["type"] == "value_error":  # a shape of its own, whose rule says what is right
                found.append(Problem(path, _sentence(fault)))
            else:
                found.append(Problem(path, spec.expected))
        return None, found


def _sentence(fault: Mapping[str, Any]) -> str:
    message = fault_in_words(fault)
    named = "." in message.split(" ", 1)[0] or "_" in message
    return (message if named else message[:1].upper() + message[1:]) + "."


def _misfit(fault: Mapping[str, Any], section: str, by_path: Mapping[str, FieldSpec]) -> Problem:
    """A fault of several fields together, at the one that its rule says is to be changed."""
    sentence = _sentence(fault)
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, MisfitError):
        parts = section.split(".")
        while parts and parts[-1].isdigit():  # a table of a list that the form does not edit: the list is named
            parts.pop()
        whole = ".".join(part for part in parts if part)
        for path in (f"{whole}.{cause.field}" if whole else cause.field, whole):
            if path in by_path:
                return Problem(path, sentence, cause.fix)
    return Problem("", sentence)
