"""RunConfig: everything that decides what a run does. The form, the help and the docs are made from it.

Each field's docstring is its help text. `json_schema_extra` carries what the form wants to know besides: `"unit"`,
shown behind the field; `"group": "main"`, which puts it on the form's first card; `"kinds"`, the task kinds that it
matters to; `"picker"`, what chooses a value beside typing it (model, data, cards, python). `docs/method.md` explains
the method itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sapo_studio.config.choices import one_of
from sapo_studio.config.columns import Columns
from sapo_studio.domain import task_kinds
from sapo_studio.domain.early_stop import Rules
from sapo_studio.domain.labelers.base import CheckLimits
from sapo_studio.domain.labelers.beforehand import why_none
from sapo_studio.domain.labelers.registry import CHOICES, CHOICES_HELP, START_CHOICES
from sapo_studio.errors import InputError
from sapo_studio.names import name_fault

MAIN: dict[str, Any] = {"group": "main"}
LAB, OWN = task_kinds.LAB, task_kinds.OWN
TEXTS = " ".join(task_kinds.WRITTEN)
CODE = " ".join(task_kinds.PROGRAMS)


def _unit(unit: str, **more: str) -> dict[str, Any]:
    return {"unit": unit, **more}


def _for(kinds: str, **more: str) -> dict[str, Any]:
    """`kinds`: the task kinds that the field matters to (the form hides it elsewhere)."""
    return {"kinds": kinds, **more}


class MisfitError(ValueError):
    """Values that do not fit together. `field` is the dotted path, within the section whose rule it breaks, of the one
    to change; `fix` is a value that would do, None where only the user knows one."""

    def __init__(self, field: str, message: str, fix: str | float | None = None) -> None:
        self.field, self.fix = field, fix
        super().__init__(message)


class Section(BaseModel):
    """A part of the configuration: immutable, unknown keys refused, docstrings kept as descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)


class TaskConfig(Section):
    """What is to be learned, and from how many questions."""

    kind: Annotated[str, one_of(task_kinds.CHOICES)] = Field(
        default=LAB, description=f"The task.\n\n{task_kinds.CHOICES_HELP}", json_schema_extra=MAIN
    )

    train_data: str = Field(default="", json_schema_extra=_for(TEXTS, picker="data", **MAIN))
    """Where the questions to learn from are: a JSON Lines file, or `hub:OWNER/NAME[/CONFIG][:SPLIT][@REVISION]`.

    Empty: the task's own data set on the Hub. Development questions are held out of these.
    """

    test_data: str = Field(default="", json_schema_extra=_for(TEXTS, picker="data", **MAIN))
    """Where the test questions are, written like `train_data`.

    Empty: the test split of the task's own data set if `train_data` is empty too, else questions held out of
    `train_data`.
    """

    fields: Columns = Field(default_factory=dict, json_schema_extra=_for(OWN))
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

    prompt: Literal["plain", "few-shot", "chat"] = Field(default="plain", json_schema_extra=_for(TEXTS, **MAIN))
    """How a question is presented to the reasoner.

    `plain`: instruction and question, for a reasoner that is warmed up on solutions. `few-shot`: worked examples
    first. `chat`: the model's own chat template.
    """

    shots: int = Field(default=4, ge=1, le=16, json_schema_extra=_for(TEXTS, unit="examples"))
    """Worked examples in a `few-shot` prompt; they are taken from the training questions and not trained on."""

    instruction: str = Field(default="", max_length=4000, json_schema_extra=_for(TEXTS))
    """What the reasoner is told to do, before each question. Empty: the task's own wording."""

    steps: Literal["auto", "line", "paragraph", "block", "pattern"] = Field(
        default="auto", json_schema_extra=_for(TEXTS)
    )
    """Where a step of a solution begins.

    `line`: at every line. `paragraph`: after a blank line. `block`: at a comment or statement of the program's own
    level (code). `pattern`: at every line that `step_pattern` matches. `auto`: `line` for answers, `block` for code.
    `sapo doctor --task` shows how it cuts.
    """

    step_pattern: str = Field(default="", max_length=500, json_schema_extra=_for(TEXTS))
    """A regular expression, looked for at the beginning of a line: where it matches, a step begins."""

    bad_golds: Literal["leave_out", "refuse", "keep"] = Field(default="leave_out", json_schema_extra=_for(TEXTS))
    """What becomes of questions whose own answer is not graded as right, or whose reference program fails its tests.

    `leave_out`: the run goes on without them and names them. `refuse`: it does not begin. `keep`: they are asked all
    the same, and whatever is written counts as wrong. `sapo doctor --task` names them.
    """

    max_new_tokens: int = Field(default=0, ge=0, le=8192, json_schema_extra=_for(TEXTS, unit="tokens"))
    """Longest solution that is generated. 0: the task's own limit (320 for answers, 400 for code)."""

    test_seconds: float = Field(default=5.0, gt=0, le=600, json_schema_extra=_for(CODE, unit="s"))
    """Time that a written program may take for all its tests."""

    test_memory: int = Field(default=1024, ge=64, le=65_536, json_schema_extra=_for(CODE, unit="MiB"))
    """Memory that a written program may take."""

    unsandboxed: bool = Field(default=False, json_schema_extra=_for(CODE))
    """Run written programs without a sandbox where this machine has none. They can then do whatever you can do."""

    min_steps: int = Field(default=6, ge=2, le=24, json_schema_extra=_for(LAB, unit="steps"))
    """Fewest dependent calculation steps in a generated problem."""

    max_steps: int = Field(default=8, ge=2, le=24, json_schema_extra=_for(LAB, unit="steps"))
    """Most dependent calculation steps in a generated problem.

    Longer chains make step labels dearer to find by brute force, which is where two checks a trajectory pay
    off.
    """

    largest_number: int = Field(default=60, ge=20, le=200, json_schema_extra=_for(LAB))
    """No intermediate result exceeds this. A wider range is harder: more facts to learn."""

    largest_change: int = Field(default=12, ge=8, le=99, json_schema_extra=_for(LAB))
    """Most that is added or taken away in one step.

    Each pair of amount and change is a fact to learn, and a problem uses each number once, so this must be
    larger than `max_steps` by 4.
    """

    asks: Literal["amount", "rest"] = Field(default="amount", json_schema_extra=_for(LAB))
    """What a generated problem asks for.

    `amount`: how many there are in the end; an incorrect step nearly always leads to an incorrect answer. `rest`: how
    many are left when they are packed by three, four or five; every third or fourth solution with an incorrect step
    still comes to the correct answer (a false positive, which no grader of answers can see).
    """

    train_questions: int = Field(default=6000, ge=50, le=200_000, json_schema_extra=_unit("questions"))
    """Questions to learn from; of data that has fewer, all that are there."""

    development_questions: int = Field(default=200, ge=20, le=10_000, json_schema_extra=_unit("questions"))
    """Questions for choices made during a run (when to stop warming up, which weights to keep).

    Never reported.
    """

    test_questions: int = Field(default=500, ge=20, le=10_000, json_schema_extra=_unit("questions"))
    """Held-out questions that the reported accuracies are measured on."""

    process_solutions: int = Field(default=400, ge=20, le=10_000, json_schema_extra=_unit("solutions"))
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


class ModelConfig(Section):
    """Which reasoner the run starts from."""

    source: str = Field(default="fresh", json_schema_extra={**MAIN, "picker": "model"})
    """`fresh`: a new, randomly initialised Llama of the size below (arithmetic lab only).

    `bundled:NAME`: a warmed-up reasoner that ships with the program. `hub:OWNER/NAME`: a model of the Hugging Face
    Hub. Anything else: the folder of a transformers model, or a GGUF file. Safetensors only; no code of a model is run.
    """

    revision: str = Field(default="", max_length=100)
    """Which version of a Hub model: a commit, tag or branch.

    What it leads to when the run starts is written down and kept, also when the run is resumed later.
    """

    tuning: Literal["full", "lora", "qlora"] = Field(default="full", json_schema_extra=MAIN)
    """What is trained: all weights, small adapters beside frozen weights (LoRA), or adapters beside weights that are
    kept in 4 bits (QLoRA; CUDA only, needs bitsandbytes)."""

    lora_rank: int = Field(default=16, ge=1, le=1024)
    """Rank of the adapters, the reasoner's and (with `verifier.base = "shared"`) the verifier's."""

    lora_alpha: float = Field(default=32.0, gt=0, le=4096)
    """Scale of the adapters: their output counts alpha / rank times."""

    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs that is left out at each training step."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(default="auto", json_schema_extra=MAIN)
    """What is calculated in. Weights that are trained are kept in fp32 all the same, frozen ones in this precision.

    `auto`: bf16 on a card that has it, else fp32.
    """

    gradient_checkpointing: bool = False
    """Calculate activations a second time instead of keeping them: much less memory, about a third more time."""

    hidden_size: int = Field(default=64, ge=16, le=1024, json_schema_extra=_for(LAB))
    """Width of a fresh model."""

    layers: int = Field(default=2, ge=1, le=16, json_schema_extra=_for(LAB))
    """Transformer blocks of a fresh model."""

    heads: int = Field(default=4, ge=1, le=16, json_schema_extra=_for(LAB))
    """Attention heads of a fresh model; must divide its width."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hidden_size % self.heads:
            raise MisfitError(
                "heads",
                f"heads ({self.heads}) must divide hidden_size ({self.hidden_size})",
                next(fewer for fewer in range(min(self.heads, 16), 0, -1) if self.hidden_size % fewer == 0),
            )
        return self


class WarmupConfig(Section):
    """Supervised fine-tuning on the task's own solutions: M0 = SFT(M, D_org)."""

    epochs: float = Field(default=6.0, ge=0, le=100, json_schema_extra=_unit("epochs"))
    """Most passes over the training solutions. 0 skips the warm-up (for a reasoner that is already warm)."""

    learning_rate: float = Field(default=5e-3, gt=0, le=1)
    """Peak learning rate of the warm-up (AdamW, linear warm-up, cosine decay)."""

    batch_size: int = Field(default=32, ge=1, le=4096, json_schema_extra=_unit("solutions"))
    """Solutions per optimiser step."""

    stop_at: float = Field(default=0.25, gt=0, le=1, json_schema_extra=_unit("accuracy"))
    """Cool down and stop as soon as sampled accuracy on the development questions reaches this.

    The cool-down still adds a good deal: 0.25 becomes about 0.45. A reasoner that is already sharp leaves no
    incorrect trajectories to learn from. 1 never stops early.
    """


class SamplingConfig(Section):
    """Sampling trajectories: S_i = Sample(M_i, D_org)."""

    questions: int = Field(default=1000, ge=10, le=200_000, json_schema_extra=_unit("questions", **MAIN))
    """Training questions sampled from in each iteration."""

    start_questions: int = Field(default=150, ge=10, le=200_000, json_schema_extra=_unit("questions"))
    """Training questions sampled from for the first labels (S0)."""

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=_unit("samples", **MAIN))
    """Trajectories per question (K in the paper); equal ones are kept once."""

    temperature: float = Field(default=1.0, gt=0, le=5)
    """Softmax temperature of sampled trajectories."""


class LabelingConfig(Section):
    """Finding out which steps are correct: L_i."""

    labeler: Annotated[str, one_of(CHOICES)] = Field(
        default="sapo",
        description=f"How steps are labeled from iteration 1 on.\n\n{CHOICES_HELP}",
        json_schema_extra=MAIN,
    )
    start_labeler: Annotated[str, one_of(START_CHOICES)] = "omega"
    """How the very first labels (L0) are made, before there is a verifier."""

    detection: Literal["verifier", "random"] = "verifier"
    """Where `sapo` looks first: at the verifier's largest drop, or (ablation) at a random step."""

    trajectories: int = Field(default=1000, ge=10, le=200_000, json_schema_extra=_unit("trajectories", **MAIN))
    """Incorrect trajectories labeled in each iteration."""

    start_trajectories: int = Field(default=200, ge=10, le=200_000, json_schema_extra=_unit("trajectories"))
    """Incorrect trajectories labeled for the first verifier."""

    right_share: float = Field(default=0.5, ge=0, le=0.9, json_schema_extra=_unit("of all labeled"))
    """Share of correct trajectories among those scored and labeled; they need no rollout."""

    rollouts: int = Field(default=4, ge=1, le=256, json_schema_extra=_unit("rollouts", **MAIN))
    """Most rollouts from a prefix before it counts as lost (T in the paper).

    They stop at the first success.
    """

    temperature: float = Field(default=0.5, gt=0, le=5)
    """Softmax temperature of the rollouts. Cooler than the sampling of trajectories: a hot rollout may stumble from
    an incorrect step to the correct answer, or from a correct step to an incorrect one, and both spoil a label."""

    wave: int = Field(default=2, ge=1, le=256, json_schema_extra=_unit("rollouts"))
    """Rollouts sampled at a time.

    Small waves waste fewer tokens behind the first success, large ones make fewer batches.
    """

    max_checks: int = Field(default=2, ge=2, le=64, json_schema_extra=_unit("prefixes"))
    """Most prefixes `sapo` checks in a trajectory. 2 is the paper; with more it searches until it is sure enough, from
    what the verifier believes.
    """

    confidence: float = Field(default=0.8, gt=0.5, lt=1)
    """How sure a search (`max_checks` above 2) wants to be of the first error before it ends."""

    expansion: bool = True
    """Keep rollouts as labeled trajectories of their own."""

    consensus: Literal["off", "dawid-skene"] = "off"
    """Whether labels are left out of the verifier's training where their sources disagree.

    `dawid-skene`: how often the verifier before, the rollouts and (with `people`) the people who judged are wrong is
    estimated from their agreement; a label of an incorrect trajectory stays if what they say together makes it likely
    enough. Nothing is deleted, and each label that is left out is kept with its belief. Labels with one source, as the
    first ones (L0) mostly have, all stay. On the lab labels become cleaner and the verifier worse
    (docs/results/consensus.md).
    """

    consensus_low: float = Field(default=0.2, ge=0, le=1)
    """A step that is labeled incorrect stays in training if the chance that it is correct is at most this."""

    consensus_high: float = Field(default=0.8, ge=0, le=1)
    """A step that is labeled correct stays in training if the chance that it is correct is at least this."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.consensus_low > self.consensus_high:
            raise MisfitError(
                "consensus_low",
                f"consensus_low ({self.consensus_low}) must not exceed consensus_high ({self.consensus_high})",
                self.consensus_high,
            )
        return self

    people: Literal["ignore", "use"] = "ignore"
    """Whether people's judgements of the run's trajectories join the labels that a verifier is trained on.

    `use`: what people say by the time that an iteration's labels are done takes the place of the labels by rollouts,
    step by step; trajectories that were judged and not labeled join. A resolution counts before everything else, then
    what most of several people say, then who judged last; neutral counts as correct. Held-out trajectories never join.
    """

    @property
    def limits(self) -> CheckLimits:
        """What a labeler may ask for."""
        return CheckLimits(self.max_checks, self.confidence, self.rollouts, self.wave)

    @property
    def searches(self) -> bool:
        """Whether it looks for first errors by what a verifier's scores say, taken as probabilities."""
        return self.labeler == "sapo" and self.detection == "verifier" and self.max_checks > 2

    @property
    def no_self_verification(self) -> str:
        """Why this way to label has no self-verification error; empty where it has one."""
        return why_none(self.labeler, self.detection, self.max_checks)


class VerifierConfig(Section):
    """Training the process verifier: V_i = TrainVerifier(init M_i, labels)."""

    head: Literal["scalar", "likelihood"] = Field(default="likelihood", json_schema_extra=MAIN)
    """`scalar`: a linear head on the hidden state, as in the paper.

    `likelihood`: the head also sees how likely the reasoner itself finds the step and everything up to it.
    """

    base: Literal["copy", "shared"] = Field(default="copy", json_schema_extra=MAIN)
    """`copy`: the verifier is a model of its own. `shared`: adapters and a head on the reasoner's frozen weights,
    for about half the memory."""

    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak learning rate of the backbone."""

    head_learning_rate: float = Field(default=2e-2, gt=0, le=1)
    """Peak learning rate of the fresh head."""

    epochs: float = Field(default=2.0, gt=0, le=100, json_schema_extra=_unit("epochs"))
    """Passes over the labeled trajectories."""

    batch_size: int = Field(default=64, ge=1, le=4096, json_schema_extra=_unit("trajectories"))
    """Trajectories per optimiser step."""

    max_trajectories: int = Field(default=5000, ge=10, json_schema_extra=_unit("trajectories"))
    """Most labeled trajectories a verifier is trained on (the rest, expanded rollouts first, is left out)."""


OptimiserKind = Literal["orpo", "dpo", "rpo", "sft", "grpo"]
PAIRED = ("orpo", "dpo", "rpo")
"""Optimisers that learn from pairs."""


class OptimiserConfig(Section):
    """Aligning the reasoner: M_{i+1}."""

    kind: OptimiserKind = Field(default="orpo", json_schema_extra=MAIN)
    """`orpo`: odds-ratio preference optimisation on pairs (the paper). `dpo`: direct preference optimisation, pulled
    back to the reasoner before the alignment. `rpo`: the same with the winner's likelihood beside it. `sft`:
    rejection-sampling fine-tuning on correct answers only (RFT; over several iterations online RFT). `grpo`: group
    relative policy optimisation by TRL (the extra `baselines`), which samples for itself and needs no pairs."""

    rft_iterations: int = Field(default=0, ge=0, le=19, json_schema_extra=_unit("iterations"))
    """Iterations at the beginning that fine-tune on correct answers alone (RFT) before `kind` takes over. 1 with `dpo`
    is the paper's RFT+DPO."""

    learning_rate: float = Field(default=1e-3, gt=0, le=1, json_schema_extra=MAIN)
    """Peak learning rate of the alignment. A reasoner that is already good needs a lower one."""

    beta: float = Field(default=0.3, ge=0, le=10, json_schema_extra=MAIN)
    """With `orpo` the weight of the odds-ratio term (beta in the paper); 0 leaves plain fine-tuning on the winners.

    With `dpo` and `rpo` the strength of the pull back to the reasoner before; 0.1 is usual.
    """

    nll_weight: float = Field(default=1.0, ge=0, le=100)
    """Weight of the winner's mean token negative log-likelihood in `rpo`."""

    eta: float = Field(default=0.1, ge=0, le=1, json_schema_extra=MAIN)
    """Least difference between the mean step scores of a pair's winner and loser (eta in the paper)."""

    reward: Literal["verifier", "answer"] = "verifier"
    """What ranks a pair: mean step scores of the verifier, or (ablation) the final answer alone."""

    epochs: float = Field(default=1.0, gt=0, le=100, json_schema_extra=_unit("epochs"))
    """Passes over the pairs."""

    batch_size: int = Field(default=64, ge=1, le=4096, json_schema_extra=_unit("pairs"))
    """Pairs (with `sft` solutions, with `grpo` completions) per optimiser step."""

    pairs_per_question: int = Field(default=4, ge=1, le=1000, json_schema_extra=_unit("pairs"))
    """Most pairs kept of one question."""

    max_pairs: int = Field(default=6000, ge=10, json_schema_extra=_unit("pairs"))
    """Most pairs (or solutions) an alignment trains on."""

    history: Literal["current", "all"] = "all"
    """Pair trajectories of this iteration only, or of all iterations so far (D_i accumulates in the paper)."""

    guard: Literal["keep", "warn", "off"] = "keep"
    """After an alignment, compare sampled accuracy on the development questions. `keep` goes back to the weights before
    it if they were clearly better, `warn` only says so."""

    def kind_at(self, iteration: int) -> OptimiserKind:
        """What aligns in this iteration."""
        return "sft" if 1 <= iteration <= self.rft_iterations else self.kind


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

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=_unit("samples"))
    """Samples per question, beside one greedy solution."""

    questions: int = Field(default=500, ge=1, le=10_000, json_schema_extra=_unit("questions"))
    """Most questions that are asked; of more rows a choice that the seed decides."""

    max_new_tokens: int = Field(default=0, ge=0, le=8192, json_schema_extra=_unit("tokens"))
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

    samples: int = Field(default=8, ge=1, le=256, json_schema_extra=_unit("samples"))
    """Samples per test question for sampled accuracy and pass@k."""

    mce_rollouts: int = Field(default=4, ge=1, le=256, json_schema_extra=_unit("rollouts"))
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


class EarlyStopConfig(Section):
    """When the run ends before its last iteration. All rules are off unless set; they are looked at when an iteration
    has been measured, and the run is then done, with the reason in its log and report."""

    flat_iterations: int = Field(default=0, ge=0, le=20, json_schema_extra=_unit("iterations"))
    """End when sampled accuracy has risen by no more than `flat_gain` over so many iterations in a row. 0: never."""

    flat_gain: float = Field(default=0.0, ge=0, le=1)
    """How much accuracy may rise, as a fraction, and still count as flat."""

    gap_iterations: int = Field(default=0, ge=0, le=20, json_schema_extra=_unit("iterations"))
    """End when the gap between reasoner and verifier has widened by more than chance in each of so many iterations. 0:
    never."""

    pairs: int = Field(default=0, ge=0, le=1_000_000, json_schema_extra=_unit("pairs"))
    """End after an iteration that learns from pairs and had fewer of them to align on. 0: never."""

    reward_parts: bool = False
    """End when over three evaluations the mean reward rises and greedy accuracy falls by more than chance."""

    @property
    def rules(self) -> Rules:
        """As the domain takes them."""
        return Rules(self.flat_iterations, self.flat_gain, self.gap_iterations, self.pairs, self.reward_parts)


class RuntimeConfig(Section):
    """How the machine is used. Does not change what is computed, beyond floating-point noise."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, or one card such as `cuda:1`. With several processes `cuda` gives each its own card."""

    gpus: str = Field(
        default="", max_length=200, pattern=r"^([0-9]{1,4}(,[0-9]{1,4})*)?$", json_schema_extra={"picker": "cards"}
    )
    """Which cards to use, by number, such as `0,2`. Empty: all that `processes` need."""

    processes: int = Field(default=1, ge=1, le=64, json_schema_extra=_unit("processes", **MAIN))
    """Worker processes, one per card: sampling and labeling are divided among them, training is data-parallel."""

    backend: Literal["hf", "vllm"] = Field(default="hf", json_schema_extra=MAIN)
    """What samples: `hf`, the program's own sampler on transformers, or `vllm`, which is faster on a card and must be
    installed (the extra `vllm`)."""

    vllm_memory: float = Field(default=0.85, gt=0.05, le=0.98, json_schema_extra=_unit("of the card"))
    """Share of a card's memory that vLLM may take while it samples."""

    micro_batch: int = Field(default=0, ge=0, le=65_536, json_schema_extra=_unit("sequences"))
    """Most sequences that a process trains on at a time. A larger batch is done in parts whose gradients are added
    up, which changes memory and nothing else. 0: the whole batch at once."""

    graders: int = Field(default=0, ge=0, le=256, json_schema_extra=_unit("processes"))
    """Processes that grade answers and run tests. 0: one per core."""

    threads: int = Field(default=1, ge=0, le=256, json_schema_extra=_unit("threads"))
    """CPU threads of the engine. 0 takes what torch takes. More than the free cores can be ten times slower."""

    rollout_batch: int = Field(default=0, ge=0, le=65_536, json_schema_extra=_unit("sequences"))
    """Sequences generated at a time. 0: on a card as many as its free memory has room for, 2048 at most; 512 on a
    CPU."""

    checkpoint_seconds: float = Field(default=30.0, ge=1, le=86_400, json_schema_extra=_unit("s"))
    """Time between checkpoints inside a training phase; longer where writing one takes long, so that at most a tenth of
    the training's time goes into them."""

    engine_python: str = Field(default="", json_schema_extra={"picker": "python"})
    """Which Python runs the engine, where torch lives in an environment of its own: its whole path. It needs SAPO
    Studio's engine of this release. Empty: the one chosen for all runs (`SAPO_ENGINE_PYTHON`), else the window's own.
    """

    max_restarts: int = Field(default=2, ge=0, le=100, json_schema_extra=_unit("times"))
    """How often a worker that died is started again before the run counts as failed."""

    hang_seconds: float = Field(default=3600.0, ge=0, le=604_800, json_schema_extra=_unit("s"))
    """A worker that gets nowhere for so long, and says nothing, hangs: what it is at is logged, and it is started
    again. More than the longest single step takes. 0: wait for ever."""


class RunConfig(Section):
    """One run, completely: the same configuration and seed give the same numbers on the same machine."""

    name: str = Field(default="run", min_length=1, max_length=80, json_schema_extra=MAIN)
    """What the run is called in lists and reports."""

    seed: int = Field(default=0, ge=0, le=2**31 - 1, json_schema_extra=MAIN)
    """Seed of everything random in the run."""

    iterations: int = Field(default=3, ge=0, le=20, json_schema_extra=_unit("iterations", **MAIN))
    """Rounds of sampling, labeling, verifier training and alignment (I in the paper). 0: the reasoner is measured and
    nothing else, after its warm-up or, with `warmup.epochs` = 0, as it is (CoT)."""

    task: TaskConfig = TaskConfig()
    model: ModelConfig = ModelConfig()
    warmup: WarmupConfig = WarmupConfig()
    sampling: SamplingConfig = SamplingConfig()
    labeling: LabelingConfig = LabelingConfig()
    verifier: VerifierConfig = VerifierConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    early_stop: EarlyStopConfig = EarlyStopConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    @property
    def supplies_benchmark(self) -> bool:
        """Whether the process benchmark comes from a file, and is not written by the run."""
        return bool(self.task.process_data)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sampling.questions > self.task.train_questions:
            raise MisfitError(
                "sampling.questions",
                f"sampling.questions ({self.sampling.questions}) must not exceed "
                f"task.train_questions ({self.task.train_questions})",
                self.task.train_questions,
            )
        if self.sampling.start_questions > self.task.train_questions:
            raise MisfitError(
                "sampling.start_questions",
                f"sampling.start_questions ({self.sampling.start_questions}) must not exceed "
                f"task.train_questions ({self.task.train_questions})",
                self.task.train_questions,
            )
        if self.model.source == "fresh" and self.task.kind != LAB:
            raise MisfitError(
                "model.source",
                f'model.source = "fresh" has no vocabulary for task.kind = "{self.task.kind}": '
                "give a model folder, a GGUF file or hub:OWNER/NAME",
            )
        if self.evaluation.sets and (self.model.source == "fresh" or self.model.source.startswith("bundled:")):
            raise MisfitError(
                "model.source",
                f"evaluation.sets need a reasoner that knows words, and model.source = "
                f'"{self.model.source}" knows the arithmetic lab alone',
            )
        if self.model.tuning == "qlora" and self.verifier.base == "copy":
            raise MisfitError(
                "verifier.base",
                'model.tuning = "qlora" keeps one network in 4 bits: set verifier.base = "shared", '
                "so that the verifier is adapters beside it",
                "shared",
            )
        ranked = self.optimiser.kind in PAIRED and self.optimiser.reward == "verifier"
        if self.labeling.labeler == "none" and ranked:
            raise MisfitError(
                "optimiser.reward",
                'labeling.labeler = "none" trains no verifier: '
                'set optimiser.reward = "answer" or optimiser.kind = "sft" or "grpo"',
                "answer",
            )
        if self.optimiser.kind != "sft" and self.optimiser.rft_iterations >= max(self.iterations, 1):
            raise MisfitError(
                "optimiser.rft_iterations",
                f"optimiser.rft_iterations ({self.optimiser.rft_iterations}) must be smaller than iterations "
                f'({self.iterations}), or optimiser.kind = "{self.optimiser.kind}" never takes over',
                max(self.iterations, 1) - 1,
            )
        if self.optimiser.kind == "grpo" and self.runtime.processes > 1:
            raise MisfitError(
                "runtime.processes", 'optimiser.kind = "grpo" trains in one process: set runtime.processes = 1', 1
            )
        return self


def parse_config(data: Mapping[str, Any], *, source: str = "the configuration") -> RunConfig:
    """Check `data` (from TOML, JSON or a form) and fill in the defaults.

    Raises InputError that names every wrong field by its dotted path, with what would be right; an unknown key is
    answered with the nearest known one.
    """
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        raise InputError(
            f"{source} is not valid", why="\n".join(map(str, problems(error))), fix="Correct the fields named above."
        ) from error


@dataclass(frozen=True)
class Problem:
    """One fault of a configuration: the dotted path of the field ('' for the whole), what is wrong, what is right."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'configuration'}: {self.message}"


def problems(error: ValidationError) -> list[Problem]:
    """Every fault in `error`. An unknown key is answered with the nearest known one."""
    found: list[Problem] = []
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            near = nearest(path)
            found.append(Problem(path, "no such key" + (f"; did you mean {' or '.join(near)}?" if near else "")))
        elif fault["type"] == "model_type":
            found.append(Problem(path, f"is a section: write its keys under [{path}]"))
        else:
            message = fault["msg"].removeprefix("Value error, ")
            given = "" if isinstance(fault["input"], (dict, BaseModel)) else f" (given: {fault['input']!r})"
            found.append(Problem(path, message + given))
    return found


def nearest(path: str) -> list[str]:
    """Known keys (by dotted path) or sections that an unknown `path` may stand for: those of its own section first."""
    known = field_paths()
    section, _, leaf = path.rpartition(".")
    inside = [p for p in known if p.rpartition(".")[0] == section] if section else list(RunConfig.model_fields)
    if re.fullmatch(r"evaluation\.sets\.\d+", section):
        inside = [f"{section}.{name}" for name in EvalSetConfig.model_fields]
    near = difflib.get_close_matches(path, inside, n=1, cutoff=0.7)
    if near:
        return near
    leaves = difflib.get_close_matches(leaf, {p.rpartition(".")[2] for p in known}, n=1, cutoff=0.7)
    elsewhere = [p for p in known if leaves and p.rpartition(".")[2] == leaves[0]]
    return elsewhere[:3] or difflib.get_close_matches(path, inside or known, n=1, cutoff=0.5)


def field_paths(model: type[BaseModel] = RunConfig, prefix: str = "") -> list[str]:
    """Every key of the configuration by its dotted path, in order of definition."""
    paths: list[str] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            paths += field_paths(kind, f"{prefix}{name}.")
        else:
            paths.append(f"{prefix}{name}")
    return paths
