"""The head of a model card: YAML as the Hub reads it. Texts are written as JSON, which YAML takes as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from sapo_studio.app.publishing.facts import Facts
from sapo_studio.app.publishing.values import interval
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.readable import json_line

PROGRAM = "SAPO Studio"
LICENCES = frozenset(
    (
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "unlicense", "isc", "zlib", "mpl-2.0", "bsl-1.0"),
        *("gpl-2.0", "gpl-3.0", "agpl-3.0", "lgpl-2.1", "lgpl-3.0", "epl-2.0", "eupl-1.2", "ms-pl", "artistic-2.0"),
        *("cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
        *("cc-by-nd-4.0", "cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl", "cdla-permissive-2.0", "cdla-sharing-1.0"),
        *("openrail", "openrail++", "bigscience-openrail-m", "bigcode-openrail-m", "openmdw-1.0"),
        *("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4", "gemma"),
    )
)
"""Those that models mostly have, as the Hub calls them; another one is told it as text."""
_REPOSITORY = re.compile(r"hub:([\w.-]+/[\w.-]+)")
_TYPES = {
    "greedy_accuracy": "accuracy",
    "sampled_accuracy": "accuracy",
    "process_f1": "f1",
    "mcc": "matthews_correlation",
}


def head(facts: Facts) -> str:
    """Between two lines of dashes."""
    return f"---\n{''.join(_yaml(_fields(facts)))}---\n"


def licence(stated: str) -> dict[str, str]:
    """What the Hub is told of the licence that an `Origin` states."""
    name = re.split(r" \(|, as", stated)[0].strip()
    if name.lower() in LICENCES:
        return {"license": name.lower()}
    if not name or name == "not stated":
        return {"license": "other", "license_name": "unknown"}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "unknown"}


def _fields(facts: Facts) -> dict[str, Any]:
    verifier = facts.wanted.verifier
    base: dict[str, Any] = {}
    if facts.base.hub:
        relation = "adapter" if facts.chosen.adapter else "finetune"
        base = {"base_model": [facts.base.name], "base_model_relation": relation}
    task = facts.config.task
    named = [found[1] for one in (task.train_data, task.test_data) if (found := _REPOSITORY.match(one))]
    return {
        **licence(facts.origins[0].licence),
        "library_name": "peft" if facts.chosen.adapter else "transformers",
        **({"pipeline_tag": kind} if (kind := _task(facts)) else {}),
        **base,
        **({"datasets": list(dict.fromkeys(named))} if named else {}),
        "tags": ["sapo", "reasoning", *(["process-reward-model"] if verifier else [facts.config.optimiser.kind])],
        **({"model-index": [{"name": facts.name, "results": results}]} if (results := list(_results(facts))) else {}),
    }


def _task(facts: Facts) -> str:
    """What the Hub calls what the model does; "" where it has no word for it."""
    if not facts.wanted.verifier:
        return "text-generation"
    return "token-classification" if facts.answer.get("classifier", True) else ""


def _results(facts: Facts) -> Iterator[dict[str, Any]]:
    for of in dict.fromkeys(number.of for number in facts.numbers):
        where = of or ("process benchmark" if facts.wanted.verifier else f"test questions of {facts.config.task.kind}")
        yield {
            "task": {"type": _task(facts) or "other"},
            "dataset": {"name": where, "type": of or facts.config.task.kind},
            "metrics": [
                {
                    "type": _TYPES.get(number.name, number.name),
                    "name": f"{METRICS[number.name].title}: {interval(METRICS[number.name], number.value)}",
                    "value": round(number.value.value, 6),
                }
                for number in facts.numbers
                if number.of == of
            ],
        }


def _yaml(value: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    for key, held in value.items():
        yield from _entry(f"{'  ' * depth}{key}:", held, depth)


def _entry(start: str, held: Any, depth: int) -> Iterator[str]:
    if isinstance(held, dict):
        yield f"{start}\n"
        yield from _yaml(cast("dict[str, Any]", held), depth + 1)
    elif isinstance(held, list):
        yield f"{start}\n"
        for item in cast("list[Any]", held):
            if isinstance(item, dict):
                lines = list(_yaml(cast("dict[str, Any]", item), depth + 1))
                yield f"{'  ' * depth}- {lines[0].lstrip()}"
                yield from lines[1:]
            else:
                yield f"{'  ' * depth}- {json_line(item)}\n"
    else:
        yield f"{start} {json_line(held)}\n"
