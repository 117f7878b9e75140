"""RunConfig: everything that decides what a run does, of sections that are a file each (`sections`). The form, the help
and the docs are made from it.

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
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from sapo_studio.config.gone import RENAMED, Tell, modernised
from sapo_studio.config.sections.base import LAB, MAIN, MisfitError, Section, unit
from sapo_studio.config.sections.early_stop import EarlyStopConfig
from sapo_studio.config.sections.evaluation import EvalSetConfig, EvaluationConfig
from sapo_studio.config.sections.labeling import LabelingConfig
from sapo_studio.config.sections.model import ModelConfig
from sapo_studio.config.sections.optimiser import PAIRED, OptimiserConfig
from sapo_studio.config.sections.runtime import RuntimeConfig
from sapo_studio.config.sections.sampling import SamplingConfig
from sapo_studio.config.sections.task import TaskConfig
from sapo_studio.config.sections.verifier import VerifierConfig
from sapo_studio.config.sections.warmup import WarmupConfig
from sapo_studio.errors import InputError
from sapo_studio.readable import fault_in_words


class RunConfig(Section):
    """One run, completely: the same configuration and seed give the same numbers on the same machine."""

    name: str = Field(default="run", min_length=1, max_length=80, json_schema_extra=MAIN)
    """What the run is called in lists and reports."""

    seed: int = Field(default=0, ge=0, le=2**31 - 1, json_schema_extra=MAIN)
    """Seed of everything random in the run."""

    iterations: int = Field(default=3, ge=0, le=20, json_schema_extra=unit("iterations", **MAIN))
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
        if self.runtime.sharded_training == "on":
            nothing = 'runtime.sharded_training = "on" has nothing to divide'
            if self.runtime.processes == 1:
                told = f"{nothing} among one process: set runtime.processes to the number of cards"
                raise MisfitError("runtime.sharded_training", told, "auto")
            if self.model.tuning != "full":
                told = f'{nothing}: model.tuning = "{self.model.tuning}" trains adapters, which are small'
                raise MisfitError("runtime.sharded_training", told, "auto")
            if self.model.precision == "fp16":
                told = 'runtime.sharded_training = "on" is for bf16 and fp32, and model.precision is "fp16"'
                raise MisfitError("runtime.sharded_training", told, "auto")
        return self


def parse_config(
    data: Mapping[str, Any], *, source: str = "the configuration", tell: Tell = lambda _: None
) -> RunConfig:
    """Check `data` (from TOML, JSON or a form) and fill in the defaults.

    Raises InputError that names every wrong field by its dotted path, with what would be right; an unknown key is
    answered with the nearest known one. A setting that an earlier version had is left out where it changes nothing, or
    becomes what it is called today, of which `tell` hears.
    """
    data = modernised(data, source, tell)
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
            table, _, place = path.rpartition(".")
            head = f"[[{table}]]" if place.isdigit() else f"[{path}]"
            found.append(Problem(path, f"is a section: write its keys under {head}"))
        else:
            message = fault_in_words(fault)
            given = "" if isinstance(fault["input"], (dict, BaseModel)) else f" (given: {fault['input']!r})"
            found.append(Problem(path, message + given))
    return found


def nearest(path: str) -> list[str]:
    """Known keys (by dotted path) or sections that an unknown `path` may stand for: those of its own section first."""
    if path in RENAMED:
        return [RENAMED[path]]
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
