"""What is known of a solution besides its labels: people's judgements and comments, scores, labels by source, rollouts.

Only this program's own format holds it. Steps count from 1, 0 is the whole solution; times are seconds since 1970.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

Step = Annotated[StrictInt, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judgement(_Part):
    """What a person says of a step: -1 incorrect, 0 neutral, 1 correct. `filled`: it follows from where they see the
    first error."""

    person: StrictStr
    step: Annotated[StrictInt, Field(ge=1)]
    judgement: Annotated[StrictInt, Field(ge=-1, le=1)]
    at: float
    filled: StrictBool = False


class Comment(_Part):
    """What a person wrote about a step, or about the whole solution (step 0)."""

    person: StrictStr
    step: Step
    at: float
    text: StrictStr


class Scores(_Part):
    """A score for each step, by verifier V_i."""

    verifier: Step
    scores: tuple[Share, ...]
    predicted: Step
    """The predicted first error."""


class SourceLabels(_Part):
    """Labels by one source, a character a step; `verified` is the first error that rollouts found."""

    source: StrictStr
    iteration: Step
    labels: StrictStr
    case: StrictStr = ""
    predicted: Step = 0
    verified: Step = 0
    rollouts: Step = 0
    tokens: Step = 0


class Rollout(_Part):
    """What a reasoner wrote from the first `prefix` steps on."""

    iteration: Step
    prefix: Step
    text: StrictStr
    correct: StrictBool
    tokens: Step


class Extras(_Part):
    """All of it."""

    judgements: tuple[Judgement, ...] = ()
    comments: tuple[Comment, ...] = ()
    scores: tuple[Scores, ...] = ()
    labels: tuple[SourceLabels, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
