"""What is known of a solution besides its labels: what people said, scores, labels by source, rollouts.

Only this program's own format holds it. Steps count from 1, 0 is the whole solution; times are seconds since 1970.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from sapo_studio.formats.step_labels import CHARACTERS
from sapo_studio.names import name_from_elsewhere


def _storable(text: str) -> str:
    text.encode()  # A UnicodeEncodeError is a ValueError, and tells pydantic why: half a character is no text.
    return text


def _marks(labels: str) -> str:
    if not CHARACTERS.issuperset(labels):
        raise ValueError(f"labels are written in the characters {''.join(sorted(CHARACTERS))}")
    return labels


Count = Annotated[StrictInt, Field(ge=0, lt=2**63)]
"""As much as the store holds."""
Step = Count
Time = Annotated[float, Field(ge=0, lt=253_402_300_800)]
"""Before the year 10000: what a clock can show."""
Text = Annotated[StrictStr, AfterValidator(_storable)]
Name = Annotated[Text, AfterValidator(name_from_elsewhere)]
"""Of a person."""
Marks = Annotated[StrictStr, AfterValidator(_marks)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judgement(_Part):
    """What a person says of a step: -1 incorrect, 0 neutral, 1 correct. `filled`: it follows from where they see the
    first error."""

    person: Name
    step: Annotated[StrictInt, Field(ge=1)]
    judgement: Annotated[StrictInt, Field(ge=-1, le=1)]
    at: Time
    filled: StrictBool = False


class ResolvedStep(_Part):
    """What holds of a step by a resolution, as a `Judgement` has it. `filled`: nobody judged it by itself."""

    step: Annotated[StrictInt, Field(ge=1)]
    judgement: Annotated[StrictInt, Field(ge=-1, le=1)]
    filled: StrictBool = False


class Resolution(_Part):
    """A third judgement where people differ, and why. `taken`: the person whose judgement it is, empty where the
    resolver judged anew."""

    person: Text
    at: Time
    steps: Annotated[tuple[ResolvedStep, ...], Field(min_length=1)]
    taken: Text = ""
    why: Text = ""

    @property
    def judgements(self) -> dict[int, int]:
        """By step."""
        return {one.step: one.judgement for one in self.steps}


class Comment(_Part):
    """What a person wrote about a step, or about the whole solution (step 0)."""

    person: Name
    step: Step
    at: Time
    text: Text


class Scores(_Part):
    """A score for each step, by verifier V_i."""

    verifier: Step
    scores: tuple[Share, ...]
    predicted: Step
    """The predicted first error."""


class SourceLabels(_Part):
    """Labels by one source, a character a step; `verified` is the first error that rollouts found."""

    source: Text
    iteration: Step
    labels: Marks
    case: Text = ""
    predicted: Step = 0
    verified: Step = 0
    rollouts: Count = 0
    tokens: Count = 0


class Rollout(_Part):
    """What a reasoner wrote from the first `prefix` steps on."""

    iteration: Step
    prefix: Step
    text: Text
    correct: StrictBool
    tokens: Count


class Extras(_Part):
    """All of it."""

    judgements: tuple[Judgement, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    comments: tuple[Comment, ...] = ()
    scores: tuple[Scores, ...] = ()
    labels: tuple[SourceLabels, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
