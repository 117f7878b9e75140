"""An annotation bundle: a queue with its items and everything that people did in it, as it travels between machines.

Nothing in it hangs on the store that it comes from: items are named by their place in the queue, everything else by its
uid. Limits and checks stand here, since a bundle is a file that anybody may have written.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from sapo_studio.domain.human_verdicts import filled_if_untold
from sapo_studio.domain.judgements import UNKNOWN, first_error
from sapo_studio.files import parse_json_text
from sapo_studio.names import LONGEST_ELSEWHERE, name_from_elsewhere

MOST_ITEMS = 100_000
MOST_STEPS = 4_000
"""Steps of a trajectory: what the store's queries can count is a little more."""

Text = Annotated[str, Field(max_length=1_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_ELSEWHERE), AfterValidator(name_from_elsewhere)]
Uid = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
"""Since 1970, or a length of time."""
Place = Annotated[int, Field(ge=1, le=MOST_ITEMS)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Said = Literal[-1, 0, 1]


class Record(BaseModel):
    """One line of a bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class QueueRecord(Record):
    """The queue itself. `source`: what it was made from, as JSON."""

    uid: Uid
    name: Name
    created_at: Seconds
    created_by: Annotated[str, Field(max_length=1000)]
    rule: Literal["disagreement", "uncertain", "random", "question"]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    overlap: Share
    gold_rate: Share
    source: Annotated[str, Field(max_length=100_000)]

    @field_validator("source")
    @classmethod
    def _is_an_object(cls, source: str) -> str:
        if type(parse_json_text(source)) is not dict:
            raise ValueError("it is no object of JSON")
        return source


class ItemRecord(Record):
    """One trajectory with its question. `run` and `row`: which trajectory of which run it is, where it was exported
    first; a copy elsewhere keeps them. `truth` and `scores` (by verifier) are there only where they were asked for:
    without them a bundle can be judged blind."""

    place: Place
    shared: bool
    gold: Count | None
    run: Annotated[str, Field(max_length=1000)]
    row: Annotated[int, Field(ge=0, lt=2**32)]
    split: Annotated[str, Field(max_length=100)]
    question: Text
    solution: Text
    reference: Text
    iteration: Annotated[int, Field(ge=0, le=1000)]
    sample: Count
    source: Annotated[str, Field(max_length=100)]
    steps: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_STEPS)]
    correct: bool
    answer: Text
    tokens: Count
    copies: Count
    truth: Count | None = None
    scores: dict[str, tuple[Share, ...]] = {}

    @property
    def origin(self) -> tuple[str, int]:
        """What tells it apart from all others that may look alike."""
        return self.run, self.row

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for what, error in (("gold", self.gold), ("truth", self.truth)):
            if error is not None and error > len(self.steps):
                raise ValueError(f"{what} is step {error}, but there are only {len(self.steps)} steps")
        for verifier, scores in self.scores.items():
            if not verifier.isascii() or not verifier.isdigit() or len(verifier) > 6:
                raise ValueError(f"{verifier[:20]!r} is not the number of a verifier")
            if len(scores) != len(self.steps):
                raise ValueError(f"V{verifier} has {len(scores)} scores for {len(self.steps)} steps")
        return self


class Done(Record):
    """What one person did, once. `undone_at`: when it was taken back."""

    uid: Uid
    place: Place
    annotator: Name
    at: Seconds
    undone_at: Seconds | None = None

    @property
    def content(self) -> Self:
        """What never changes of it."""
        return self.model_copy(update={"undone_at": None})


class JudgementRecord(Done):
    """Judgements of one act: (step, judgement, filled in?) each."""

    steps: Annotated[tuple[tuple[Annotated[int, Field(ge=1)], Said, bool], ...], Field(min_length=1)]


class CommentRecord(Done):
    """A comment on a step; step 0: on the whole trajectory."""

    step: Count
    text: Annotated[str, Field(max_length=100_000)]


class ActRecord(Done):
    """What was done in the queue, in the order in which it can be taken back."""

    verb: Literal["judge", "comment", "save", "skip"]


class ResolutionRecord(Done):
    """A resolution by `annotator`: (step, judgement) each. `filled`: the steps that nobody judged one by one; earlier
    versions did not write it."""

    steps: Annotated[tuple[tuple[Annotated[int, Field(ge=1)], Said], ...], Field(min_length=1)]
    first_error: Count
    taken: Annotated[str, Field(max_length=1000)]
    why: Annotated[str, Field(max_length=100_000)]
    filled: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _knows_what_was_filled_in(self) -> Self:
        if self.filled is None:  # the same as the store's migration says, so that a merge finds nothing new
            filled = sorted(filled_if_untold(dict(self.steps), self.first_error))
            object.__setattr__(self, "filled", tuple(filled))
        elif list(self.filled) != sorted({*self.filled} & {step for step, _ in self.steps}):
            raise ValueError(f"resolution {self.uid} fills in steps that it does not judge, or not in their order")
        return self


class StateRecord(Record):
    """How long a person was at an item, and whether they saved it blind. Whether they saved it stands in the acts."""

    place: Place
    annotator: Name
    seconds: Seconds
    blind: bool


class Bundle(BaseModel):
    """All of it. Its parts fit each other: that is checked when it is made."""

    model_config = ConfigDict(frozen=True)

    queue: QueueRecord
    items: tuple[ItemRecord, ...]
    judgements: tuple[JudgementRecord, ...] = ()
    comments: tuple[CommentRecord, ...] = ()
    acts: tuple[ActRecord, ...] = ()
    states: tuple[StateRecord, ...] = ()
    resolutions: tuple[ResolutionRecord, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.items:
            raise ValueError("it has no items")
        sizes = {item.place: len(item.steps) for item in self.items}
        if list(sizes) != sorted(sizes) or len(sizes) < len(self.items):
            raise ValueError("its items are not in the order of their places")
        if len({item.origin for item in self.items}) < len(self.items):
            raise ValueError("a trajectory stands in it twice")
        for kind, done in (
            ("judgement", self.judgements),
            ("comment", self.comments),
            ("act", self.acts),
            ("resolution", self.resolutions),
        ):
            seen: set[str] = set()
            for one in done:
                if one.uid in seen:
                    raise ValueError(f"{kind} {one.uid} stands in it twice")
                seen.add(one.uid)
        for one in (*self.judgements, *self.comments, *self.acts, *self.states, *self.resolutions):
            if one.place not in sizes:
                raise ValueError(f"something was done with item {one.place}, which is not in it")
        for comment in self.comments:
            _check_step(comment.step, sizes[comment.place], comment.place)
        for one in (*self.judgements, *self.resolutions):
            judged = [entry[0] for entry in one.steps]
            if len({*judged}) < len(judged):
                raise ValueError(f"{one.uid} judges a step twice")
            _check_step(max(judged), sizes[one.place], one.place)
        for one in self.resolutions:
            meant = first_error(dict(one.steps), sizes[one.place])
            if meant != one.first_error or meant == UNKNOWN:
                raise ValueError(
                    f"resolution {one.uid} says that the first error is {one.first_error}, its steps do not"
                )
        if len({(one.place, one.annotator) for one in self.states}) < len(self.states):
            raise ValueError("it says twice how far somebody is with an item")
        return self


def _check_step(step: int, n_steps: int, place: int) -> None:
    if step > n_steps:
        raise ValueError(f"item {place} has {n_steps} steps, and something was said of step {step}")
