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
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from sapo_studio.errors import InputError, SapoError
from sapo_studio.requests import limits
from sapo_studio.requests.kinds import Asked, FilePath, Text, numbered

PROTOCOL = 1

T = TypeVar("T")

Side = Literal["a", "b"]
"""Which of the two checkpoints that stand side by side."""
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


class _Part(BaseModel):
    """Something inside a message."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Checkpoint(_Part):
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


class Scorer(_Part):
    """A verifier: V_i of a run (`iteration`, from 0 on), or a classification model."""

    run: FilePath | None = None
    iteration: Annotated[StrictInt, Field(ge=0)] = 0
    model: FilePath | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.run is None) == (self.model is None):
            raise InputError("A verifier is a run's or a model", fix="Name a run and an iteration, or a model.")
        return self


class Asking(_Part):
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


# -- Answers


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Ready(_Answer):
    """The first line of an engine. `device`: where it computes, as people call it: `the CPU`, `card 3`."""

    kind: Literal["ready"] = "ready"
    protocol: int = PROTOCOL
    pid: int
    device: str


class Loading(_Answer):
    """What is being loaded, in words, and how much of it is done, a fraction of 1."""

    kind: Literal["loading"] = "loading"
    request: str
    side: Side
    what: str
    done: float


class Loaded(_Answer):
    """A side is ready."""

    kind: Literal["loaded"] = "loaded"
    request: str
    side: Side
    device: str
    parameters: int
    """Weights of the reasoner."""
    memory: int
    """Bytes that the engine's weights take now, those of the other side included; what both share counts once."""
    shared: bool
    """Whether reasoner or base weights are those of the other side, or of the verifier."""
    verifier: bool
    """Whether steps are scored."""
    graded_by: Literal["answer", "tests"]
    """What the task's solutions are graded by."""
    task: str
    """The kind of the task (`domain.task_kinds`)."""
    max_tokens: int
    """What `max_tokens` 0 means."""
    context: int
    """Tokens that the model can read, prompt and solution together."""
    seconds: float


class Started(_Answer):
    """A request is being worked on. `solutions`: the names of what it will write."""

    kind: Literal["started"] = "started"
    request: str
    solutions: tuple[str, ...]


class Piece(_Answer):
    """More of a solution's text: it is now its first `at` characters and `text`.

    `at` is where the text ended, but where something is taken back: a letter that came in two tokens, what was written
    after the answer. `tokens`: how many were written in all.
    """

    kind: Literal["text"] = "text"
    request: str
    solution: str
    at: int
    text: str
    tokens: int


class StepDone(_Answer):
    """Step `step` (from 1) of a solution is complete: `text`, as the task cuts it."""

    kind: Literal["step_done"] = "step_done"
    request: str
    solution: str
    step: int
    text: str


class StepScored(_Answer):
    """The verifier's score of a step. The score of the last step of a solution that has ended is said again, where
    reading the end changes it."""

    kind: Literal["step_scored"] = "step_scored"
    request: str
    solution: str
    step: int
    score: float


class SolutionDone(_Answer):
    """A solution as it is now complete. A sample's `text` and `steps` are those that a run would have kept."""

    kind: Literal["solution_done"] = "solution_done"
    request: str
    solution: str
    text: str
    steps: tuple[str, ...]
    answer: str
    """The final answer as it was read; empty where there is none, and of programs."""
    correct: bool | None
    """None: there is nothing to grade it by."""
    why: str
    """Why it is not correct, where the grader says so."""
    truth: int | None
    """The first wrong step by the task's own oracle, from 1; 0: none; None: unknown."""
    scores: tuple[float, ...] | None
    """Of each step; None where nothing is scored."""
    predicted: int | None
    """The first error by the scores, from 1."""
    mean: float | None
    min: float | None
    last: float | None
    """The scores of the steps as one, in three ways."""
    tokens: int
    finished: bool
    """Whether it came to its end; else it was cut off at the longest that was allowed."""
    seconds: float
    """Since its request was begun."""


class Verdict(_Part):
    """One way to choose, and what it chooses."""

    answer: str
    correct: bool | None
    solution: str
    """A solution that says so; for best-of-N the chosen one."""
    votes: int | None = None
    """Majority: how many of `of` say so."""
    of: int = 1
    score: float | None = None
    """Best-of-N: the chosen one's."""


class Verdicts(_Answer):
    """What the ways to choose among a sample's solutions come to, so far: it is said after each solution that is done.
    None: not asked for, or nothing to choose from yet. Programs have no answer to vote by."""

    kind: Literal["verdicts"] = "verdicts"
    request: str
    done: int
    """Solutions that are done, the greedy one not counted."""
    of: int
    greedy: Verdict | None
    majority: Verdict | None
    best_mean: Verdict | None
    best_min: Verdict | None
    best_last: Verdict | None


class ContinueResult(_Answer):
    """How often rollouts from a changed step succeed, so far: it is said after each rollout that is done."""

    kind: Literal["continue_result"] = "continue_result"
    request: str
    done: int
    of: int
    successes: int | None
    """None: there is nothing to grade them by."""
    low: float | None
    high: float | None
    """The 95 % interval of the success rate: Beta(1 + k, 1 + n - k)."""


class Done(_Answer):
    """A request has come to its end, or was cancelled. `tokens`: written for it."""

    kind: Literal["done"] = "done"
    request: str
    seconds: float
    tokens: int = 0
    cancelled: bool = False


class Failed(_Answer):
    """A request cannot be done. The engine goes on."""

    kind: Literal["failed"] = "failed"
    request: str
    what: str
    why: str = ""
    fix: str = ""
    refused: bool = False
    """Whether it was not begun for want of memory beside a run: `run`."""
    run: str = ""
    exit_code: int = 1

    @classmethod
    def of(cls, request: str, error: SapoError, *, refused: bool = False, run: str = "") -> Self:
        """`error`, as the answer to `request`."""
        return cls(
            request=request,
            what=error.what,
            why=error.why,
            fix=error.fix,
            refused=refused,
            run=run,
            exit_code=error.exit_code,
        )


class MemoryGivenBack(_Answer):
    """Nothing is loaded any more: it was asked for (`request`), or nothing was asked for `idle_seconds`. What was
    loaded is loaded again with the next request."""

    kind: Literal["memory_given_back"] = "memory_given_back"
    request: str = ""
    freed: int
    """Bytes of weights."""
    idle_seconds: float = 0.0


class Ended(_Answer):
    """The engine is no more; the session says it. Everything that was asked and not answered is lost. `asked`: somebody
    wanted it to end."""

    kind: Literal["ended"] = "ended"
    what: str
    why: str = ""
    fix: str = ""
    asked: bool = False


Answer = (
    Ready
    | Loading
    | Loaded
    | Started
    | Piece
    | StepDone
    | StepScored
    | SolutionDone
    | Verdicts
    | ContinueResult
    | Done
    | Failed
    | MemoryGivenBack
    | Ended
)
"""What comes back."""

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
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:4])
        raise InputError(f"The {what} is not valid", why=faults) from error
    except ValueError as error:
        raise InputError(f"The {what} is not JSON", why=str(error)) from error
