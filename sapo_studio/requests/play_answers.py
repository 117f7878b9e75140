"""What a playground's engine answers (`play` says what it is asked)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from sapo_studio.errors import SapoError

PROTOCOL = 1

Side = Literal["a", "b"]
"""Which of the two checkpoints that stand side by side."""


class Part(BaseModel):
    """Something inside a message or an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Verdict(Part):
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
