"""What is to be learned: the section `task`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sapo_studio.config.choices import one_of
from sapo_studio.config.columns import Columns
from sapo_studio.config.sections.base import CODE, LAB, MAIN, OWN, TEXTS, MisfitError, Section, for_kinds, unit
from sapo_studio.domain import task_kinds


class TaskConfig(Section):
    """What is to be learned, and from how many questions."""

    kind: Annotated[str, one_of(task_kinds.CHOICES)] = Field(
        default=LAB, description=f"The task.\n\n{task_kinds.CHOICES_HELP}", json_schema_extra=MAIN
    )

    train_data: str = Field(default="", json_schema_extra=for_kinds(TEXTS, picker="data", **MAIN))
    """Where the questions to learn from are: a JSON Lines file, or `hub:OWNER/NAME[/CONFIG][:SPLIT][@REVISION]`.

    Empty: the task's own data set on the Hub. Development questions are held out of these.
    """

    test_data: str = Field(default="", json_schema_extra=for_kinds(TEXTS, picker="data", **MAIN))
    """Where the test questions are, written like `train_data`.

    Empty: the test split of the task's own data set if `train_data` is empty too, else questions held out of
    `train_data`.
    """

    fields: Columns = Field(default_factory=dict, json_schema_extra=for_kinds(OWN))
    """Which columns of your own file hold the question, the answer and so on, where they are called something else:
    `{question = "instruction", answer = "output"}`.

    Several columns are put one under the other, empty ones left out: `question = ["instruction", "input"]`; `a.b` is b
    within a. There are id, question, answer, solution, tests, setup and entry_point.
    """

    process_data: str = Field(default="", json_schema_extra={"picker": "data"})
    """A process benchmark: written solutions whose first error is known. A file in ProcessBench's or any other format
    that can be imported (docs/formats.md), or `benchmark:NAME@VERSION`, a frozen one of yours (`sapo benchmark list`).

    Without one the arithmetic lab writes its own; on other tasks the verifier's accuracy and the gap cannot be
    measured, and the run leaves them out. MCE and gap are measured on the solutions whose question has an answer or
    tests: in the row (`answer`, `tests`), or in `train_data` or `test_data`, where the same question stands.
    """

    prompt: Literal["plain", "few-shot", "chat"] = Field(default="plain", json_schema_extra=for_kinds(TEXTS, **MAIN))
    """How a question is presented to the reasoner.

    `plain`: instruction and question, for a reasoner that is warmed up on solutions. `few-shot`: worked examples
    first. `chat`: the model's own chat template.
    """

    shots: int = Field(default=4, ge=1, le=16, json_schema_extra=for_kinds(TEXTS, unit="examples"))
    """Worked examples in a `few-shot` prompt; they are taken from the training questions and not trained on."""

    instruction: str = Field(default="", max_length=4000, json_schema_extra=for_kinds(TEXTS))
    """What the reasoner is told to do, before each question. Empty: the task's own wording."""

    steps: Literal["auto", "line", "paragraph", "block", "pattern"] = Field(
        default="auto", json_schema_extra=for_kinds(TEXTS)
    )
    """Where a step of a solution begins.

    `line`: at every line. `paragraph`: after a blank line. `block`: at a comment or statement of the program's own
    level (code). `pattern`: at every line that `step_pattern` matches. `auto`: `line` for answers, `block` for code.
    `sapo doctor --task` shows how it cuts.
    """

    step_pattern: str = Field(default="", max_length=500, json_schema_extra=for_kinds(TEXTS))
    """A regular expression, looked for at the beginning of a line: where it matches, a step begins."""

    bad_golds: Literal["leave_out", "refuse", "keep"] = Field(default="leave_out", json_schema_extra=for_kinds(TEXTS))
    """What becomes of questions whose own answer is not graded as right, or whose reference program fails its tests.

    `leave_out`: the run goes on without them and names them. `refuse`: it does not begin. `keep`: they are asked all
    the same, and whatever is written counts as wrong. `sapo doctor --task` names them.
    """

    max_new_tokens: int = Field(default=0, ge=0, le=8192, json_schema_extra=for_kinds(TEXTS, unit="tokens"))
    """Longest solution that is generated. 0: the task's own limit (320 for answers, 400 for code)."""

    test_seconds: float = Field(default=5.0, gt=0, le=600, json_schema_extra=for_kinds(CODE, unit="s"))
    """Time that a written program may take for all its tests."""

    test_memory: int = Field(default=1024, ge=64, le=65_536, json_schema_extra=for_kinds(CODE, unit="MiB"))
    """Memory that a written program may take."""

    unsandboxed: bool = Field(default=False, json_schema_extra=for_kinds(CODE))
    """Run written programs without a sandbox where this machine has none. They can then do whatever you can do."""

    min_steps: int = Field(default=6, ge=2, le=24, json_schema_extra=for_kinds(LAB, unit="steps"))
    """Fewest dependent calculation steps in a generated problem."""

    max_steps: int = Field(default=8, ge=2, le=24, json_schema_extra=for_kinds(LAB, unit="steps"))
    """Most dependent calculation steps in a generated problem.

    Longer chains make step labels dearer to find by brute force, which is where two checks a trajectory pay
    off.
    """

    largest_number: int = Field(default=60, ge=20, le=200, json_schema_extra=for_kinds(LAB))
    """No intermediate result exceeds this. A wider range is harder: more facts to learn."""

    largest_change: int = Field(default=12, ge=8, le=99, json_schema_extra=for_kinds(LAB))
    """Most that is added or taken away in one step.

    Each pair of amount and change is a fact to learn, and a problem uses each number once, so this must be
    larger than `max_steps` by 4.
    """

    asks: Literal["amount", "rest"] = Field(default="amount", json_schema_extra=for_kinds(LAB))
    """What a generated problem asks for.

    `amount`: how many there are in the end; an incorrect step nearly always leads to an incorrect answer. `rest`: how
    many are left when they are packed by three, four or five; every third or fourth solution with an incorrect step
    still comes to the correct answer (a false positive, which no grader of answers can see).
    """

    train_questions: int = Field(default=6000, ge=50, le=200_000, json_schema_extra=unit("questions"))
    """Questions to learn from; of data that has fewer, all that are there."""

    development_questions: int = Field(default=200, ge=20, le=10_000, json_schema_extra=unit("questions"))
    """Questions for choices made during a run (when to stop warming up, which weights to keep).

    Never reported.
    """

    test_questions: int = Field(default=500, ge=20, le=10_000, json_schema_extra=unit("questions"))
    """Held-out questions that the reported accuracies are measured on."""

    process_solutions: int = Field(default=400, ge=20, le=10_000, json_schema_extra=unit("solutions"))
    """Written solutions (half of them incorrect) in the process benchmark that verifiers are measured on."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_steps > self.max_steps:
            raise MisfitError(
                "min_steps",
                f"min_steps ({self.min_steps}) must not exceed max_steps ({self.max_steps})",
                self.max_steps,
            )
        if self.largest_change < self.max_steps + 4:
            raise MisfitError(
                "largest_change",
                f"largest_change ({self.largest_change}) must be at least max_steps + 4 ({self.max_steps + 4}): "
                "a problem uses each number once",
                self.max_steps + 4,
            )
        kind = task_kinds.TASK_KINDS[self.kind]
        if kind.written and not kind.own_data and not self.train_data:
            raise MisfitError("train_data", f'kind = "{self.kind}" needs train_data, the file of your questions')
        if self.steps == "pattern":
            if not self.step_pattern:
                raise MisfitError("step_pattern", 'steps = "pattern" needs step_pattern')
            try:
                re.compile(self.step_pattern)
            except re.error as error:
                raise MisfitError("step_pattern", f"step_pattern is not a regular expression: {error}") from error
        return self
