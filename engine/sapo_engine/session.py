"""What a run computes with: task, tokenizer, prompts, trajectories, the device, back ends. Sends nothing to the store.

Each part has one job and a file of its own; `RunSession` puts them together. It serves the phases of a run as well as
what is measured after it (`saved_run.SavedRun`).
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch

from sapo_engine.models.end_tokens import end_token_note
from sapo_engine.models.loading import start_model
from sapo_engine.models.placement import Placement
from sapo_engine.models.precision import resolve
from sapo_engine.models.reasoner import Adapters, Reasoner, with_adapter
from sapo_engine.models.sources import find_folder, pin_model, pinned_model
from sapo_engine.preflight import check_installed
from sapo_engine.process_group import ALONE, Group
from sapo_engine.rollouts import key_of
from sapo_engine.rollouts.asked import EvalSet
from sapo_engine.rollouts.pool import BackendPool
from sapo_engine.rollouts.sampler import Sampler
from sapo_engine.rollouts.support import check_written
from sapo_engine.tasks import Question, Task, make_task
from sapo_engine.tasks.eval_set import EvalSetTask
from sapo_engine.tasks.golds import Golds, refused_or_bad
from sapo_engine.tasks.written import WrittenTask
from sapo_engine.text.prompts import Prompts, check_vocabulary, end_turns, token_id
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.reading import padding_note
from sapo_engine.training.sharding_rule import shards_trainings, told
from sapo_engine.training.trainer import TrainingArgs
from sapo_studio.config.schema import OptimiserConfig, RunConfig, WarmupConfig
from sapo_studio.domain.leaks import find_leaks
from sapo_studio.domain.ledger import Meter

LONGEST = 4096
"""vLLM makes room for texts of so many tokens; prompt and answer of these tasks stay far below."""
LOOKED_AT = 200
"""Questions whose text the tokenizer is to cover."""


class RunSession:
    """The parts that a run's phases share.

    `task`; `tokenizer` and `pad_id`; `questions`, all of the task's by number; `prompts` (question -> tokens);
    `builder` (tokens -> graded trajectory); `placement` (what lies on the device); `meter` (what is computed); `pool`
    (back ends) and `sampler` on it; `sets`, the evaluation sets; `adapters` and, where adapters are trained, the frozen
    `base` beside them; `sharded`, whether trainings of all weights are divided among the processes. `notes` are for the
    run's log.
    """

    def __init__(self, config: RunConfig, run_dir: Path, device: torch.device, group: Group = ALONE) -> None:
        if config.optimiser.kind == "grpo":
            check_installed()
        self.config = config
        self.run_dir = run_dir
        self.group = group
        self.precision = resolve(config.model.precision, device)
        self.adapters = Adapters.of(config.model)
        self.task: Task = make_task(config.task, config.seed, graders=group.helpers_per_rank(config.runtime.graders))
        if config.model.source != "fresh" and group.size > 1:
            # What has to be fetched or converted is so once a machine, and what the leader fetched holds for all.
            if group.leader:
                find_folder(config.model, run_dir)
            pin_model(run_dir, group.share(pinned_model(run_dir)))
            if group.local_rank == 0 and not group.leader:
                find_folder(config.model, run_dir)
            group.barrier()
        network, self.tokenizer = start_model(config.model, self.task, config.seed, device, run_dir)
        check_written(network, config.runtime.backend)
        if config.task.kind == "arithmetic" and config.model.source != "fresh":
            some = self.task.questions("train")[:LOOKED_AT]
            texts = [text for q in some for text in (self.task.prompt(q), self.task.join(q.steps))]
            check_vocabulary(self.tokenizer, texts, config.model.source)
        if config.task.kind == "arithmetic" and (given := self.task.process_benchmark()):
            texts = [text for row in given for text in (row.question.text, self.task.join(row.steps))]
            fix = "The arithmetic lab is measured on solutions of its own problems: name another process benchmark."
            check_vocabulary(self.tokenizer, texts, config.model.source, fix)
        context_length = int(getattr(network.config.get_text_config(), "max_position_embeddings", 1 << 20))
        full = config.model.tuning == "full"
        # Of a network that is trained itself no copy is to be kept from the start.
        self.base = None if full else network
        torch.manual_seed(config.seed)  # a new adapter is drawn
        self._start: Reasoner | None = Reasoner(network) if full else with_adapter(network, self.adapters)
        self._plain_tokenizer = copy.deepcopy(self.tokenizer) if config.evaluation.sets else self.tokenizer
        if config.task.prompt == "chat":
            end_turns(self.tokenizer)
        self.sharded = shards_trainings(config, network, self.precision, device, group)
        self.notes = [note for note in (end_token_note(network, self.tokenizer), padding_note(network)) if note]
        self.notes += [told(group)] if self.sharded else []
        self.pad_id = token_id(self.tokenizer.pad_token_id)
        self.questions: dict[int, Question] = {
            q.number: q for split in ("train", "development", "test", "process") for q in self.task.questions(split)
        }
        self.questions |= {row.question.number: row.question for row in self.task.process_benchmark() or ()}
        self.prompts = Prompts(self.task, self.tokenizer, self.questions, context_length=context_length)
        self.builder = TrajectoryBuilder(self.task, self.tokenizer, group)
        self.placement = Placement(device)
        self.meter = Meter()
        self.pool = BackendPool(
            config,
            self.tokenizer,
            precision=self.precision,
            placement=self.placement,
            context_length=min(context_length, LONGEST),
            run_dir=run_dir,
            group=group,
            meter=self.meter,
        )
        self.sampler = Sampler(config, self.prompts, self.pool, self.builder)
        helpers = group.helpers_per_rank(config.runtime.graders)
        self.sets = [
            self._set(place, EvalSetTask(one, config.task, config.seed, graders=helpers), one.samples)
            for place, one in enumerate(config.evaluation.sets)
        ]

    def _set(self, place: int, task: EvalSetTask, samples: int) -> EvalSet:
        """An evaluation set, put to the run's reasoners by a tokenizer that ends texts as its prompts have it."""
        tokenizer = self.tokenizer
        if (task.config.prompt == "chat") != (self.config.task.prompt == "chat"):
            tokenizer = copy.deepcopy(self._plain_tokenizer)
            if task.config.prompt == "chat":
                end_turns(tokenizer)
        questions = {question.number: question for question in task.questions("test")}
        prompts = Prompts(task, tokenizer, questions, context_length=self.prompts.context_length)
        ends = () if tokenizer is self.tokenizer else (token_id(self.tokenizer.eos_token_id),)
        builder = TrajectoryBuilder(task, tokenizer, self.group, ends)
        return EvalSet(place, task.name, samples, task, Sampler(self.config, prompts, self.pool, builder), builder)

    @property
    def device(self) -> torch.device:
        """Where networks compute."""
        return self.placement.device

    def start(self) -> Reasoner:
        """The reasoner before warm-up. To be asked for once: its memory is the caller's from then on."""
        start, self._start = self._start, None
        if start is None:
            raise AssertionError("the start model was asked for twice")
        return start

    def check_references(self) -> None:
        """Before a run begins: what becomes of questions whose own answer or program is not graded as correct, as
        `task.bad_golds` asks. Answers were looked at when the task was made; programs are run now, or were when the run
        began first (what was found lies in its folder). Raises InputError where the run must not begin."""
        for one in self.sets:
            self._check_set(one.task)
            # A prompt that is too long is told before anything is worked out.
            one.sampler.prompts.of_all(one.task.questions("test"))
        self.look_for_leaks()
        task = self.task
        if not isinstance(task, WrittenTask):
            return
        if task.is_code:
            leader = self.group.leader
            found = self.group.share((task.check_golds(kept_in=self.run_dir), task.check_given()) if leader else None)
            if found is not None and not self.group.leader:
                golds, given = found
                task.grade_nothing_by(given)
                task.leave_out(refused_or_bad(golds, self.config.task.bad_golds))
        if task.golds.bad:
            self.notes.append(f"{task.golds.summary}. They are left out (task.bad_golds).")

    def _check_set(self, task: Task) -> None:
        if not isinstance(task, EvalSetTask):
            return
        if task.is_code:
            golds = self.group.share(task.check_golds() if self.group.leader else None)
            if golds is not None and not self.group.leader:
                task.leave_out(refused_or_bad(golds, self.config.task.bad_golds))
        if task.golds.bad:
            self.notes.append(f"Evaluation set {task.name}: {task.golds.summary}. They are left out (task.bad_golds).")

    def golds(self) -> list[tuple[str, Golds]]:
        """What grading the reference answers and programs has found, by evaluation set ("": the run's own questions);
        nothing of those that were not graded, as where `task.bad_golds` keeps them."""
        if self.config.task.bad_golds == "keep":
            return []
        tasks = [("", self.task), *((one.name, one.task) for one in self.sets)]
        found = [(name, task.golds) for name, task in tasks if isinstance(task, WrittenTask | EvalSetTask)]
        return [(name, golds) for name, golds in found if golds.checked]

    def look_for_leaks(self) -> None:
        """Note which questions of the benchmark and the evaluation sets stand in the training data, too."""
        self.notes += self.leaks()

    def leaks(self) -> list[str]:
        """A sentence for each collection of measured questions that are trained on, too."""
        task = self.task
        trained = task.learned_from if isinstance(task, WrittenTask) else [q.text for q in task.questions("train")]
        given = self.task.process_benchmark()
        measured = {"the process benchmark": [row.question.text for row in given]} if given is not None else {}
        measured |= {
            f"evaluation set {one.name}": one.task.rows for one in self.sets if isinstance(one.task, EvalSetTask)
        }
        return [leaks.note for leaks in find_leaks(trained, measured) if leaks.found] if measured else []

    def close(self) -> None:
        """End what the run has started: graders, rollout engines. Nothing of it stays on the device."""
        for one in self.sets:
            one.task.close()
        self.task.close()
        self.pool.close()
        self.placement.close()

    def rng(self, *path: int | str) -> np.random.Generator:
        """Random numbers that depend on the run's seed and `path` alone."""
        return np.random.default_rng(key_of(self.config.seed, *path))

    def text(self, trajectory: Trajectory) -> PromptCompletion:
        """Prompt and completion of a trajectory, as tokens to train on."""
        return PromptCompletion(self.prompts.of(trajectory.question), trajectory.tokens)

    def training_args(self, config: WarmupConfig | OptimiserConfig, seed: int) -> TrainingArgs:
        """How a section of the configuration wants its training done in this run."""
        return TrainingArgs(
            config.learning_rate,
            config.epochs,
            config.batch_size,
            seed,
            micro_tokens=self.config.runtime.micro_tokens,
            compile=self.config.runtime.compile,
            sharded=self.sharded,
            precision=self.precision,
            group=self.group,
            meter=self.meter,
            placement=self.placement,
        )
