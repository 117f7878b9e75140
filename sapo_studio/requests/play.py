"""What a playground and its engine say to each other: one JSON object a line, over the engine's input and output.

The engine (`python -m sapo_engine.service.playground`) stays, keeps what it has loaded, and works requests off in the
order in which they come. Each request has an `id`, unlike any before it; each answer names the request that it belongs
to. A request ends with exactly one `Done` or `Failed`. A solution is called `REQUEST/K`, the greedy one
`REQUEST/greedy`, a rollout `REQUEST/K`, K from 0 on; so whoever asked knows the names beforehand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from sapo_studio.errors import InputError
from sapo_studio.readable import fault_in_words
from sapo_studio.requests import limits
from sapo_studio.requests.kinds import Asked, FilePath, Text, numbered
from sapo_studio.requests.play_answers import (
    PROTOCOL,
    Answer,
    ContinueResult,
    Done,
    Ended,
    Failed,
    Loaded,
    Loading,
    MemoryGivenBack,
    Part,
    Piece,
    Ready,
    Side,
    SolutionDone,
    Started,
    StepDone,
    StepScored,
    Verdict,
    Verdicts,
)

__all__ = [
    "GREEDY",
    "PROTOCOL",
    "SIDES",
    "Answer",
    "Asking",
    "Cancel",
    "Checkpoint",
    "Close",
    "Continue",
    "ContinueResult",
    "Done",
    "Ended",
    "Failed",
    "GiveBack",
    "Load",
    "Loaded",
    "Loading",
    "MemoryGivenBack",
    "Message",
    "Piece",
    "Ready",
    "Request",
    "Sample",
    "Score",
    "Scorer",
    "Side",
    "SolutionDone",
    "Started",
    "StepDone",
    "StepScored",
    "Verdict",
    "Verdicts",
    "encode",
    "read_answer",
    "read_message",
    "solution_id",
]

T = TypeVar("T")

SIDES: tuple[Side, ...] = ("a", "b")
GREEDY = "greedy"
"""The last part of the greedy solution's name."""

RequestId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


def solution_id(request: str, number: int | str) -> str:
    """What solution `number` (or `GREEDY`) of a request is called."""
    return f"{request}/{number}"


def _some(text: str) -> str:
    if not text.strip():
        raise ValueError("there is no text")
    return text


SomeText = Annotated[Text, AfterValidator(_some)]

# -- What is loaded


class Checkpoint(Part):
    """A reasoner: of a run, or a model by itself."""

    run: FilePath | None = None
    """The run's folder. None: `model`."""
    iteration: Annotated[StrictInt, Field(ge=0)] = 0
    """M_i of the run, i >= 1 (M_1 is the warmed-up reasoner); 0: the model that the run started from."""
    model: FilePath | None = None
    """The folder of a transformers model, or a GGUF file."""
    prompt: Literal["auto", "plain", "chat"] = "auto"
    """How a `model` is asked; `auto`: by its chat template where it has one. A run's is asked as in the run."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.run is None) == (self.model is None):
            raise InputError("A checkpoint is a run's or a model", fix="Name a run and an iteration, or a model.")
        return self


class Scorer(Part):
    """A verifier: V_i of a run (`iteration`, from 0 on), or a classification model."""

    run: FilePath | None = None
    iteration: Annotated[StrictInt, Field(ge=0)] = 0
    model: FilePath | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.run is None) == (self.model is None):
            raise InputError("A verifier is a run's or a model", fix="Name a run and an iteration, or a model.")
        return self


class Asking(Part):
    """A question, and what its solutions are graded by, as far as that is known."""

    text: SomeText
    answer: Text = ""
    """The right answer; empty where nobody knows it."""
    tests: tuple[Text, ...] = ()
    """Of a program: what is to hold, a statement each. They run in the sandbox, as in a run."""
    setup: Text = ""
    """Code that the tests need."""
    number: Annotated[StrictInt, Field(ge=0)] | None = None
    """The question's number in the run of the checkpoint that is asked, where it is one of its task's own: then it is
    graded as there (a program's tests, setup and entry point), unless `answer` or `tests` say otherwise."""


# -- Requests


class Load(Asked):
    """Have a side's checkpoint and verifier ready, in place of what it had. Answers: Loading, Loaded; of a `lazy` one
    nothing before the first request that needs them."""

    kind: Literal["load"] = "load"
    id: RequestId
    side: Side = "a"
    checkpoint: Checkpoint
    verifier: Scorer | None = None
    """None: nothing is scored."""
    lazy: StrictBool = False
    """Only note it; it is loaded with the first request of this side."""


class _Writing(Asked):
    side: Side = "a"
    question: Asking
    temperature: float = numbered(limits.TEMPERATURE)
    """0: the most likely token each time."""
    max_tokens: int = numbered(limits.MAX_TOKENS)
    """Longest solution, in tokens; 0: as long as the task allows."""
    seed: Annotated[StrictInt, Field(ge=0)] = 0
    """The same seed gives the same texts, whatever is asked beside it."""


class Sample(_Writing):
    """Solutions of a question. Answers: Started, then Text, StepDone, StepScored and SolutionDone of all solutions in
    between each other, then Verdicts."""

    kind: Literal["sample"] = "sample"
    id: RequestId
    solutions: int = numbered(limits.SOLUTIONS)
    greedy: StrictBool = True
    """Beside them the greedy solution, which is written first."""


class Continue(_Writing):
    """Rollouts from steps that somebody has changed. Answers: Started, Text and so on as for Sample, then
    ContinueResult."""

    kind: Literal["continue"] = "continue"
    id: RequestId
    steps: tuple[Text, ...] = Field(min_length=1)
    """The solution up to the changed step, that one last."""
    rollouts: int = numbered(limits.ROLLOUTS)


class Score(Asked):
    """A side's verifier on a written text, cut into steps as the task does. Answers: StepDone, StepScored,
    SolutionDone; the solution is called `ID/0`."""

    kind: Literal["score"] = "score"
    id: RequestId
    side: Side = "a"
    question: Asking
    text: SomeText


class GiveBack(Asked):
    """Give the memory back now. Answer: MemoryGivenBack."""

    kind: Literal["give_back"] = "give_back"
    id: RequestId


class Cancel(Asked):
    """End the request `id` within one step of decoding, or before it begins; None: all. Each that is ended answers
    `Done` with `cancelled`."""

    kind: Literal["cancel"] = "cancel"
    id: RequestId | None = None


class Close(Asked):
    """End the engine. So does the end of its input."""

    kind: Literal["close"] = "close"


Message = Load | Sample | Continue | Score | GiveBack | Cancel | Close
"""What can be sent."""
Request = Load | Sample | Continue | Score | GiveBack
"""Those that are worked off in order, and answered."""

_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])

_ANSWERS: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])


# -- As they travel


def encode(message: Message | Answer) -> bytes:
    """One line of ASCII, newline included."""
    return json.dumps(message.model_dump(), default=_plain).encode("ascii") + b"\n"


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not travel")


def read_message(line: bytes | str) -> Message:
    """The message in `line`. Raises InputError where there is none."""
    return _read(_MESSAGES, line, "message")


def read_answer(line: bytes | str) -> Answer:
    """The answer in `line`. Raises InputError where there is none."""
    return _read(_ANSWERS, line, "answer")


def _read(adapter: TypeAdapter[T], line: bytes | str, what: str) -> T:
    try:
        # json before pydantic: names of files may hold bytes that are not UTF-8, which its own reader refuses.
        return adapter.validate_python(json.loads(line))
    except ValidationError as error:
        said = [(".".join(map(str, fault["loc"])), fault_in_words(fault)) for fault in error.errors()[:4]]
        why = "; ".join(f"{place}: {words}" for place, words in said)
        raise InputError(f"The {what} is not valid", why=why) from error
    except ValueError as error:
        raise InputError(f"The {what} is not JSON", why=str(error)) from error
