"""What the parent tells a worker, one JSON object a line on the worker's standard input. End of input means:
the parent is gone, end at once.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sapo_studio.domain.runs import Verb


class Start(BaseModel):
    """The first line: what to do, where, and which phases are already done (by ordinal) as the store has it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["start"] = "start"
    config: dict[str, Any]
    run_dir: str
    done: list[int] = []


class Order(BaseModel):
    """A later line: pause, resume, stop and so on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["order"] = "order"
    verb: Verb


class Judgements(BaseModel):
    """What people say of the run's trajectories at this moment: by number and step, whether the step is correct. The
    answer to `JudgementsWanted`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["judgements"] = "judgements"
    judged: dict[int, dict[int, bool]]


class LabelSettings(BaseModel):
    """What decides from now on which labels are trained on (`config.changes.TRAINED_LABELS`): the run's section
    `labeling` as it is now."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["label_settings"] = "label_settings"
    labeling: dict[str, Any]


class GoOn(BaseModel):
    """Whether the run goes on with its next iteration. The answer to `IterationEnded`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["go_on"] = "go_on"
    on: bool


Control = Annotated[Start | Order | Judgements | LabelSettings | GoOn, Field(discriminator="kind")]
CONTROL: TypeAdapter[Start | Order | Judgements | LabelSettings | GoOn] = TypeAdapter(Control)
"""Reads and checks a control line: `CONTROL.validate_json(line)`."""
