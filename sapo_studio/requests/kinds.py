"""The requests, a model each: everything an engine can be asked beside a run. They travel as one JSON object.

Whoever makes one that is not valid gets one InputError, which names every fault. Defaults and limits are those of
`limits`, which the options of the commands read too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ModelWrapValidatorHandler,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from sapo_studio.config.choices import one_of
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.task_kinds import WRITTEN, listed
from sapo_studio.errors import InputError
from sapo_studio.readable import fault_in_words
from sapo_studio.requests import limits

StudiedLabeler = Annotated[str, one_of(LABELERS)]
"""A labeler's key; `search` is `sapo` with as many checks as it wants."""


def _as_path(value: object) -> object:
    return Path(value) if isinstance(value, str) else value


# Names of files may hold bytes that are not UTF-8 (Python has them as lone surrogates). pydantic's own `str` and `Path`
# refuse those; an instance check does not.
Text = InstanceOf[str]
FilePath = Annotated[Path, BeforeValidator(_as_path)]


def numbered(of: limits.Limits[Any]) -> Any:
    """A field with the default and the limits `of`; never infinite, never NaN."""
    finite = False if isinstance(of.default, float) else None
    return Field(default=of.default, ge=of.low, le=of.high, gt=of.above, allow_inf_nan=finite)


def _known_task(verb: str) -> BeforeValidator:
    def known(value: object) -> object:
        if value not in WRITTEN:
            raise InputError(f"There is no task {value!r} to {verb}", fix=f"There are {listed(WRITTEN)}.")
        return value

    return BeforeValidator(known)


class Asked(BaseModel):
    """What all requests have in common: immutable, unknown fields refused, faults told as an InputError."""

    # Built when first used: each process asks or answers one kind, and grading starts for a single line of text.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    reads_input: ClassVar[bool] = False
    """Whether the engine's standard input is the user's, so that the request comes as an argument (and must be short).
    """
    streams: ClassVar[bool] = False
    """Whether results go straight to the user's standard output while they are made."""

    @model_validator(mode="wrap")
    @classmethod
    def _told(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            kind = str(cls.model_fields["kind"].default).replace("_", " ")
            raise _refusal(f"The {kind} request is not valid", error) from error

    def to_json(self) -> str:
        """As it travels: one line of ASCII, which `read_request` reads."""
        return json.dumps(self.model_dump(), default=str)


class EvaluateRequest(Asked):
    """How good a verifier is: a run's, or a classification model.

    Progress is told on standard error (`wire.read_progress`). The answer has `run`, `verifier`, `benchmark` (None where
    there is none), `leaks` (a sentence for measured questions that the run is trained on) and, as asked, `best_of` and
    `matrix`.
    """

    kind: Literal["evaluate"] = "evaluate"
    """Which request this is."""
    run: FilePath | None = None
    """The run's folder. None: a classification model alone, on `benchmark`."""
    verifier: Annotated[StrictInt, Field(ge=0)] | FilePath | None = Field(default=None, union_mode="left_to_right")
    """The iteration of one of the run's verifiers (None: its last), or the folder of a classification model."""
    benchmark: FilePath | None = None
    """A ProcessBench file instead of the run's own benchmark."""
    tuning: Annotated[StrictInt, Field(ge=0)] = 0
    """So many rows at the end of `benchmark` are not measured on: the threshold is tuned on them."""
    best_of: int = numbered(limits.BEST_OF)
    """Choose among up to so many samples of the run's last reasoner a question; 0: do not."""
    questions: int = numbered(limits.QUESTIONS)
    """Test questions for `best_of`."""
    matrix: bool = False
    """Measure the self-verification error of every verifier with every reasoner."""
    trajectories: int = numbered(limits.TRAJECTORIES)
    """Trajectories of each reasoner for `matrix`."""
    aggregation: Aggregation = "mean"
    """How the scores of a solution's steps become one score for `best_of`."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does; without a run on the card there is."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.run is None:
            self.without_run()
        return self

    def without_run(self) -> tuple[Path, Path]:
        """The classification model and the file to measure it on. Raises InputError where one is missing."""
        if isinstance(self.verifier, Path) and self.benchmark is not None:
            return self.verifier, self.benchmark
        raise InputError(
            "There is nothing to evaluate",
            fix="Name a run, or the folder of a classification model by --verifier and a file by --benchmark.",
        )


class SolutionText(BaseModel):
    """A solution as text. `number` is what its scores are given back under."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[StrictInt, Field(ge=0)]
    problem: Text
    steps: tuple[Text, ...] = Field(min_length=1)


class ScoreRequest(Asked):
    """A verifier's scores of solutions from anywhere: a run's verifier, or a classification model.

    The answer has `verifier` (of a run: which one), `scores`, a list of number, scores of the steps and predicted first
    error, and `left_out`: why solutions could not be read, and how many for each reason.
    """

    kind: Literal["score"] = "score"
    """Which request this is."""
    run: FilePath | None = None
    """The run's folder. None: a classification model."""
    verifier: Annotated[StrictInt, Field(ge=0)] | FilePath | None = Field(default=None, union_mode="left_to_right")
    """The iteration of one of the run's verifiers (None: its last), or the folder of a classification model."""
    solutions: tuple[SolutionText, ...] = Field(min_length=1)
    """What is scored."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does; without a run on the card there is."""

    @model_validator(mode="after")
    def _has_a_verifier(self) -> Self:
        if (self.run is None) != isinstance(self.verifier, Path):
            raise InputError(
                "There is no verifier to score with", fix="Name a run, or the folder of a classification model."
            )
        return self


class LabelStudyRequest(Asked):
    """What the labelers cost and how true their labels are, on the same wrong trajectories.

    The answer has `run`, `iteration`, `rollouts`, `confidence` and `studies`, one a length.
    """

    kind: Literal["label_study"] = "label_study"
    """Which request this is."""
    run: FilePath
    """The run's folder."""
    iteration: int = numbered(limits.ITERATION)
    """Whose reasoner rolls out; 0 is the last that can be studied."""
    trajectories: int = numbered(limits.TRAJECTORIES)
    """Wrong trajectories that all labelers label."""
    lengths: tuple[int, ...] = ()
    """Arithmetic task only: a study for problems of each number of steps. Empty: one study, of the run's own."""
    labelers: tuple[StudiedLabeler, ...] = Field(default=tuple(LABELERS), min_length=1)
    """The labelers, in the order of the answer."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does."""


class PeopleStudyRequest(Asked):
    """What people's judgements do for a verifier: it is trained with and without them, and both are measured.

    The answer has `run`, `iteration`, `judged` (trajectories), `labels` (steps labeled by people) and how many of these
    are `changed`, `trained_on` (trajectories), `left_out` (rows of judged questions), `leaks` (sentences), the measures
    `without` and `with`, and `difference`: step accuracy with less without, `value`, `low` and `high`.
    """

    kind: Literal["people_study"] = "people_study"
    """Which request this is."""
    run: FilePath
    """The run's folder."""
    judged: dict[Annotated[int, Field(ge=0)], dict[Annotated[int, Field(ge=1)], bool]]
    """By trajectory's number in the run and step: whether people call the step correct."""
    iteration: int = numbered(limits.ITERATION)
    """Which verifier; 0 is the last that there is."""
    benchmark: FilePath | None = None
    """A ProcessBench file instead of the run's own benchmark."""
    tuning: Annotated[StrictInt, Field(ge=0)] = 0
    """So many rows at the end of `benchmark` are not measured on: the thresholds are tuned on them."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does."""


class ShadowStudyRequest(Asked):
    """What other labels would do for a verifier: a shadow of it is trained on them, from the same start, and held
    against it.

    Progress is told on standard error (`wire.read_progress`). The answer has `run`, `iteration`, `trained_on`
    (trajectories), `changed` (those with other labels than the verifier was trained on), `gone` (those with no label
    left), `own` and `shadow`, the measures of both on the same held-out rows, and `difference`: step accuracy of the
    shadow less that of the run's own verifier, `value`, `low` and `high`.
    """

    kind: Literal["shadow_study"] = "shadow_study"
    """Which request this is."""
    run: FilePath
    """The run's folder."""
    iteration: Annotated[StrictInt, Field(ge=0)]
    """Which verifier."""
    labels: dict[Annotated[int, Field(ge=0)], Text] = Field(min_length=1)
    """By trajectory's number in the run: the labels of its steps, `?` for one that is left out. Trajectories that are
    not named keep theirs."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does."""


class SampleSolutionsRequest(Asked):
    """Solutions by several models of test questions that none of them was trained on, with first errors by rollouts or
    without.

    The answer has `questions`, how many were asked, and `rows`: `problem`, `answer`, `tests`, `steps`, `correct` (the
    final answer), `model` and, where `label` asks for it, `first_error` (0: none) and, with a second verifier,
    `verifier`: the first error by it.
    """

    kind: Literal["sample_solutions"] = "sample_solutions"
    """Which request this is."""
    like: FilePath
    """The folder of the run whose task, test questions and prompt are taken."""
    models: tuple[FilePath, ...] = Field(min_length=1)
    """Folders of runs, whose last reasoner writes, or of models."""
    verifier: FilePath | None = None
    """The folder of a run whose last verifier is asked, too."""
    questions: int = numbered(limits.QUESTIONS)
    """Test questions that are asked, at most."""
    samples: int = numbered(limits.SAMPLES)
    """Samples of a question by each model."""
    label: StrictBool = True
    """Find the first errors. False: people will."""
    rollouts: int = numbered(limits.CHECKED_ROLLOUTS)
    """Rollouts from each step."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run `like` does."""

    @model_validator(mode="after")
    def _verifier_has_labels(self) -> Self:
        if self.verifier is not None and not self.label:
            raise InputError(
                "There is no first error for a second verifier to find, too",
                why="First errors are left to people.",
                fix="Leave the verifier out; people see its opinion beside theirs after `sapo score`.",
            )
        return self


class PublishRequest(Asked):
    """A run's reasoner or verifier, written to a folder as others load it: by transformers, or an adapter by peft.

    Progress is told on standard error (`wire.read_progress`). The answer has `dtype`, `architecture`, `parameters`,
    `prompt` (how questions are put: `chat`, `turns`, `bos`, `before`, `after`), `templated` (whether the tokenizer's
    chat template does that), `max_new_tokens`, `runs_on` (whether the run cut solutions behind their first answer) and
    `device`; of a reasoner `example`, a question of the test set, and `rounding` (what merging or another format
    changes: `prompts`, `positions`, `largest`, `mean`, `kl`, `changed`), None where nothing does; of a verifier `head`,
    `classifier` (whether it is a token classifier), `solutions`, `steps`, `apart` (the largest difference of a score
    from the run's own) and `example`, a question, steps and their scores, None where the run has kept no solutions; of
    an adapter `base_dtype`, the format that the run keeps its base in; of a GGUF file `gguf`, its name.
    """

    kind: Literal["publish"] = "publish"
    """Which request this is."""
    run: FilePath
    """The run's folder."""
    artefact: FilePath
    """The folder that the run keeps the model in."""
    verifier: bool = False
    """Whether that is a verifier."""
    iteration: int = numbered(limits.ITERATION)
    """Whose it is."""
    form: Literal["whole", "adapter"] = "whole"
    """A network that stands alone (adapters are merged), or the adapter by itself."""
    dtype: Literal["", "fp32", "bf16", "fp16"] = ""
    """The format of the weights. Empty: as the run keeps them."""
    base: Text = ""
    """What an adapter calls the model that it belongs to."""
    revision: Text = ""
    """A version of that on the Hub."""
    target: FilePath
    """A folder that is there and empty."""
    converter: FilePath | None = None
    """llama.cpp's converter, where a GGUF file is to be written beside the weights."""
    name: Text = ""
    """What that file is called, without its ending."""
    device: Text = ""
    """Where to compute, as `runtime.device` of a run. Empty: as the run does."""


class HubUploadRequest(Asked):
    """A published folder, to be put on the Hub as a repository of its own. The token is not part of it.

    Progress is told on standard error. The answer has `address` and `commit`.
    """

    kind: Literal["hub_upload"] = "hub_upload"
    """Which request this is."""
    folder: FilePath
    """What is uploaded."""
    repository: Text
    """OWNER/NAME."""
    private: bool = True
    """Whether the repository, where it is made, can be seen by its owner alone."""
    update: bool = False
    """It is there already: it gets a new version."""
    message: Text
    """What the version is called."""


class GradeRequest(Asked):
    """Right or wrong, for completions from anywhere.

    Verdicts are streamed, one JSON object a line: `task_id`, `correct`, `answer`, `reason`. The answer has `right` and
    `graded`, two numbers.
    """

    reads_input: ClassVar[bool] = True
    streams: ClassVar[bool] = True

    kind: Literal["grade"] = "grade"
    """Which request this is."""
    task: Annotated[Text, _known_task("grade")]
    """The kind of task, one with written questions."""
    file: Text
    """Completions as JSON Lines; `-` is standard input."""
    data: Text = ""
    """The problems (a file or `hub:...`), where `file` has only `task_id` and `completion`."""
    seconds: float = numbered(limits.TEST_SECONDS)
    """Time for all tests of one program."""
    processes: int = numbered(limits.PROCESSES)
    """Graders side by side; 0 is one a core."""
    unsandboxed: bool = False
    """Run programs unprotected where the machine has no sandbox."""


class PreviewRequest(Asked):
    """What a task looks like to a reasoner.

    The answer has `task`, `rows`, `splits`, `with_solution`, `prompt`, `solutions`, `graded`, `wrong`, `golds`,
    `sandbox`, `benchmark` and `leaks` (as in DataCheckRequest).
    """

    reads_input: ClassVar[bool] = True  # `data` may be /dev/stdin

    kind: Literal["preview"] = "preview"
    """Which request this is."""
    task: Annotated[Text, _known_task("preview")]
    """The kind of task, one with written questions."""
    data: Text = ""
    """The questions (a file or `hub:...`). Empty: the task's own on the Hub."""
    test_data: Text = ""
    """The test questions, as `task.test_data` of a run."""
    fields: Text = ""
    """Which columns hold what, as text (`config.columns`)."""
    benchmark: Text = ""
    """A process benchmark, as `task.process_data` of a run."""
    steps: Text = limits.STEPS
    """Where a step begins: as `task.steps` of a run, by which it is checked."""
    pattern: Text = ""
    """As `task.step_pattern` of a run."""
    count: int = numbered(limits.SHOWN)
    """Solutions shown."""


class DataCheckRequest(Asked):
    """What the data of a run come to, before there is a run. Data of the Hub are not fetched for it.

    The answer has `benchmark` (None where none is supplied): `solutions`, `graded` (those that MCE and gap can be
    measured on), `reasons` (why not the others, and how many for each), `note` (the same in a sentence); `sets`, one
    for each evaluation set that was read: `name`, `rows`, `asked`, `bad` (reference answers); `leaks`, measured
    questions that stand in the training data: `in`, `questions`, `exact`, `near`, `rows` (the first pairs, measured and
    trained, from 1 on), `note`; `not_read`, the addresses of the Hub.
    """

    kind: Literal["data_check"] = "data_check"
    """Which request this is."""
    config: dict[str, Any]
    """The run's whole configuration."""


class SandboxProbeRequest(Asked):
    """Which sandbox this machine has for written programs. It is really tried.

    The answer has `sandbox` ("landlock", "bubblewrap" or "none") and `why` it is no better one.
    """

    kind: Literal["sandbox_probe"] = "sandbox_probe"
    """Which request this is."""


class ProgramTestsRequest(Asked):
    """Which of a question's tests a written program passes, each run by itself in the sandbox.

    The answer has `tests`, in their order: `test`, `passed`, and `reason` with what was got instead; and the limits
    they ran under: `seconds`, `memory_mb`, `sandbox`.
    """

    kind: Literal["program_tests"] = "program_tests"
    """Which request this is."""
    run: FilePath
    """The folder of the run that the program was written in."""
    task: dict[str, Any]
    """The section `task` of the run's configuration: its data have the tests."""
    question: Text
    """The question as the data have it."""
    program: Text
    """What was written for it."""


class ModelCheckRequest(Asked):
    """Whether a model can be loaded, as far as that shows without reading a weight: its tensors by name and shape.

    The answer has `weights`, how many there are. What is wrong with it is the error.
    """

    kind: Literal["model_check"] = "model_check"
    """Which request this is."""
    folder: FilePath
    """The folder of a causal language model."""


class TokenizerCheckRequest(Asked):
    """Whether the tokenizer.json of a model can be loaded, and tokens be made by it. Takes no torch.

    The answer has `tokens`, how many a short text has. What is wrong with it is the error.
    """

    kind: Literal["tokenizer_check"] = "tokenizer_check"
    """Which request this is."""
    folder: FilePath
    """The model's folder."""


class ClusterProbeRequest(Asked):
    """What a Ray cluster is made of, and whether this program is on each of its nodes. Nothing is started but one
    small task on each.

    The answer has `ray`, its version; `nodes`, with `host`, `address`, `cores`, `cards`, `kinds` (of cards), `release`,
    `python`, `packages` (versions by name) and `trouble` (why no worker can live there, if so); `differences`, a
    sentence for each package that is not the same everywhere.
    """

    kind: Literal["cluster_probe"] = "cluster_probe"
    """Which request this is."""
    address: Text = ""
    """HOST:PORT, as `runtime.ray_address`."""


Request = (
    EvaluateRequest
    | ScoreRequest
    | LabelStudyRequest
    | PeopleStudyRequest
    | ShadowStudyRequest
    | SampleSolutionsRequest
    | PublishRequest
    | HubUploadRequest
    | GradeRequest
    | PreviewRequest
    | DataCheckRequest
    | SandboxProbeRequest
    | ProgramTestsRequest
    | ModelCheckRequest
    | TokenizerCheckRequest
    | ClusterProbeRequest
)
BY_KIND: dict[str, type[Request]] = {model.model_fields["kind"].default: model for model in get_args(Request)}


def read_request(text: str) -> Request:
    """The request that `text` holds as JSON. Raises InputError, also for unknown kinds and fields."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise InputError("The request is not JSON", why=str(error)) from error
    kind = told.get("kind") if isinstance(told, dict) else None
    if not isinstance(kind, str) or kind not in BY_KIND:
        raise InputError(f"There is no request of the kind {kind!r}", fix=f"There are {', '.join(BY_KIND)}.")
    return BY_KIND[kind].model_validate(told)


def _refusal(what: str, error: ValidationError) -> InputError:
    faults: dict[str, None] = {}
    for fault in error.errors():
        # Of the path only field and index: the rest names pydantic's ways to read a value.
        path = [part for place, part in enumerate(fault["loc"]) if place == 0 or isinstance(part, int)]
        given = "" if fault["type"] == "missing" else f" (given: {fault['input']!r})"
        unknown = fault["type"] == "extra_forbidden"
        said = "there is no such field" if unknown else f"{fault_in_words(fault)}{given}"
        faults[f"{'.'.join(map(str, path)) or 'request'}: {said}"] = None
    return InputError(what, why="\n".join(faults), fix="Correct what is named above.")
