"""The data of a task as a form tells of them: rows, how solutions are cut up, and which golds do not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sapo_studio import engines
from sapo_studio.config.columns import show_columns
from sapo_studio.config.places import whole_paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import PreviewRequest

EXAMPLES = 5
SECONDS = 300.0
HUB = "hub:"


@dataclass(frozen=True, slots=True)
class Example:
    """A question and its own solution, cut up into steps."""

    question: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataLook:
    """`bad`: golds that are not graded as right, with the reason, of so many `graded`. `prompt`: what the reasoner is
    shown. `leaks`: sentences on measured questions that stand in the training data."""

    rows: int
    splits: Mapping[str, int]
    examples: tuple[Example, ...]
    prompt: str
    graded: int
    bad: tuple[tuple[str, str], ...]
    leaks: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """In a line: `7,473 questions, all golds hold`."""
        rows = f"{self.rows:,} question{'' if self.rows == 1 else 's'}"
        if not self.graded:
            return rows
        return f"{rows}, " + (f"{len(self.bad):,} of {self.graded:,} golds fail" if self.bad else "all golds hold")


def previewed(config: RunConfig) -> bool:
    """Whether the questions to learn from lie on this machine, so that they can be looked at now: for a form nothing is
    fetched."""
    task = config.task
    return TASK_KINDS[task.kind].written and bool(task.train_data) and not task.train_data.startswith(HUB)


def look_at_data(config: RunConfig) -> DataLook:
    """Have the engine read the data of `config` and grade each gold against itself. Takes seconds. Test questions that
    lie on the Hub are left out.

    Raises InputError where the data cannot be used, EngineError where there is no engine to read them.
    """
    task = whole_paths(config).task
    request = PreviewRequest(
        task=task.kind,
        data=task.train_data,
        test_data="" if task.test_data.startswith(HUB) else task.test_data,
        fields=show_columns({str(part): names for part, names in task.fields.items()}),
        benchmark=task.process_data,
        steps=task.steps,
        pattern=task.step_pattern,
        count=EXAMPLES,
    )
    with engines.lives_in(config.runtime.engine_python):
        told = ask(request, seconds=SECONDS)
    return _look(told)


def _look(told: Mapping[str, Any]) -> DataLook:
    golds = cast("Mapping[str, Any]", told["golds"])
    bad = [*golds["bad"], *(one for one in told["wrong"] if one not in golds["bad"])]
    return DataLook(
        rows=told["rows"],
        splits=told["splits"],
        examples=tuple(Example(one["question"], tuple(one["steps"])) for one in told["solutions"]),
        prompt=told["prompt"],
        graded=max(golds["checked"], told["graded"]),
        bad=tuple((str(one["id"]), str(one["reason"])) for one in bad),
        leaks=tuple(one["note"] for one in told["leaks"]),
    )
