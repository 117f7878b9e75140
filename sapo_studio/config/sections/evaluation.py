"""What is measured: the section `evaluation`, and the sets in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sapo_studio.config.choices import one_of
from sapo_studio.config.columns import Columns
from sapo_studio.config.sections.base import OWN, MisfitError, Section, unit
from sapo_studio.config.sections.task import TaskConfig
from sapo_studio.domain import task_kinds
from sapo_studio.names import name_fault


class EvalSetConfig(Section):
    """Questions that a run is measured on beside its own test questions, such as those of another data set."""

    name: str = Field(max_length=40)
    """What the set is called in reports and charts. The run's own test questions are the set without a name."""

    kind: Annotated[str, one_of(task_kinds.WRITTEN)] = Field(description="The kind of its questions, as `task.kind`.")

    data: str = Field(default="", json_schema_extra={"picker": "data"})
    """Where its questions are, written like `task.train_data`. Empty: the test questions of the kind's own data set on
    the Hub."""

    fields: Columns = Field(default_factory=dict)
    """Which columns of your own file (kind `jsonl`) hold the question, the answer and so on, as `task.fields`; those of
    the task are not taken over."""

    prompt: Literal["task", "plain", "few-shot", "chat"] = "task"
    """How its questions are presented, as `task.prompt`; `task`: as the run's own are. Worked examples are rows of its
    own data, which are then not asked."""

    instruction: str = Field(default="", max_length=4000)
    """What the reasoner is told to do. Empty: the kind's own wording."""

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=unit("samples"))
    """Samples per question, beside one greedy solution."""

    questions: int = Field(default=500, ge=1, le=10_000, json_schema_extra=unit("questions"))
    """Most questions that are asked; of more rows a choice that the seed decides."""

    max_new_tokens: int = Field(default=0, ge=0, le=8192, json_schema_extra=unit("tokens"))
    """Longest solution that is generated. 0: as `task.max_new_tokens`."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if name_fault(self.name) or self.name != self.name.strip():
            raise MisfitError("name", f"name ({self.name!r}) must be some words on one line, without space around them")
        kind = task_kinds.TASK_KINDS[self.kind]
        if not kind.own_data and not self.data:
            raise MisfitError(
                "data", f'the set {self.name} of kind "{self.kind}" needs data, the file of its questions'
            )
        if self.fields and self.kind != OWN:
            raise MisfitError(
                "fields",
                f'the set {self.name} has fields, which are for kind = "{OWN}": '
                f'columns of kind "{self.kind}" have names of their own',
            )
        return self

    def as_task(self, task: TaskConfig, data: str) -> TaskConfig:
        """The set as a task of its own, whose questions are at `data`, where `task` is the run's."""
        return task.model_copy(
            update={
                "kind": self.kind,
                "train_data": data,
                "test_data": "",
                "fields": self.fields,
                "process_data": "",
                "prompt": task.prompt if self.prompt == "task" else self.prompt,
                "instruction": self.instruction,
                "max_new_tokens": self.max_new_tokens or task.max_new_tokens,
                **({"steps": "auto", "step_pattern": ""} if self.kind != task.kind else {}),
            }
        )


MOST_SETS = 10
"""Evaluation sets of a run: each has a block of row numbers."""


class EvaluationConfig(Section):
    """What is measured after each iteration."""

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=unit("samples"))
    """Samples per test question for sampled accuracy and pass@k."""

    mce_rollouts: int = Field(default=4, ge=1, le=256, json_schema_extra=unit("rollouts"))
    """Rollouts from every step of the process benchmark for the Monte-Carlo estimate (MCE), the verifier's ceiling."""

    sets: tuple[EvalSetConfig, ...] = Field(default=(), max_length=MOST_SETS)
    """Further questions that the reasoner is measured on, a table `[[evaluation.sets]]` each in a TOML file. Their
    solutions are stored, and nothing is trained on them. The form of a new run keeps the sets of a preset or file as
    they are."""

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [one.name.casefold() for one in self.sets]
        twice = next((one.name for one in self.sets if names.count(one.name.casefold()) > 1), None)
        if twice is not None:
            raise MisfitError("sets", f"two sets are called {twice}: a name tells them apart")
        return self
