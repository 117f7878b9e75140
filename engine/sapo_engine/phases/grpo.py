"""Group relative policy optimisation, by TRL's own trainer (the extra `baselines`): the baseline that samples while it
trains.

TRL has the loss and the loop; completions come from the program's own sampler and rewards (1 for a right answer) from
the task's grader, so that prompts, answers and their cost are those of every other method.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sapo_engine.models.reasoner import own_weights_frozen, parameters_at_work
from sapo_engine.preflight import check_installed
from sapo_engine.rollouts import key_of
from sapo_engine.training.micro_batches import micro_tokens
from sapo_engine.training.state import load_training_state, save_training_state, saved_bill, training_facts
from sapo_engine.training.trainer import CURVE_EVERY, TrainingArgs
from sapo_studio.domain.ledger import trained

if TYPE_CHECKING:
    from sapo_engine.models.reasoner import Reasoner
    from sapo_engine.phases.context import PhaseContext
    from sapo_engine.tasks.base import Question

CURVES = {"reward": "reward", "loss": "loss", "kl": "kl", "grad_norm": "gradient_norm", "entropy": "entropy"}
"""TRL's names of what it logs, and ours."""


def grpo(
    phase: PhaseContext, iteration: int, model: Reasoner, questions: Sequence[Question], args: TrainingArgs
) -> tuple[int, int]:
    """Train `model` on `questions`, `sampling.samples` completions of each at a time, for `args.epochs` passes.
    `args.batch_size` counts completions.

    Changes `model`, which is on the device; returns the tokens that were generated and the tokens that were trained on.
    `phase.state_file` keeps weights, optimiser, schedule and position, so that a stopped training goes on at the same
    step with the same prompts and completions; TRL's own checkpoints are pickles, which are not read here.
    """
    check_installed()
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func may change: the versions are pinned
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback, TrainerState
    from trl import GRPOConfig, GRPOTrainer

    session = phase.context.session
    samples = session.config.sampling.samples
    batch = max(samples, min(args.batch_size // samples, len(questions)) * samples)
    steps_a_pass = len(questions) * samples // batch
    by_number = {str(question.number): question for question in questions}
    longest = max(len(session.prompts.of(question.number)) for question in questions) + session.task.max_new_tokens
    backend = session.pool.in_process(model)
    facts = training_facts(phase.state_file)
    if facts and set(json.loads(facts["rates"])) != {args.learning_rate}:
        facts = {}  # as `load_training_state` begins anew with another rate
    begun = int(facts.get("step", 0))
    generated, trained_on = int(facts.get("generated", 0)), int(facts.get("trained", 0))
    steps = max(1, round(args.epochs * len(questions) * samples / batch))

    def roll_out(prompts: list[str], trainer: Any) -> dict[str, Any]:
        """TRL's rollout_func: one completion for each of `prompts`, which are numbers of questions."""
        nonlocal trained_on
        step = int(trainer.state.global_step)
        asked = Counter(prompts)
        requests = [
            session.sampler.request(
                int(number),
                [key_of(session.config.seed, "grpo", iteration, step, int(number), k) for k in range(count)],
            )
            for number, count in asked.items()
        ]
        answers = backend.generate(requests, temperature=session.config.sampling.temperature)
        network = model.trainable()
        network.train()
        left = {
            number: [session.sampler.up_to_answer(completion) for completion in found]
            for number, found in zip(asked, answers, strict=True)
        }
        written = [list(left[number].pop(0).tokens) for number in prompts]
        read = [list(session.prompts.of(int(number))) for number in prompts]
        tokens = sum(map(len, written)) + sum(map(len, read))
        trained_on += tokens
        weights, frozen = parameters_at_work(network), own_weights_frozen(network)
        session.meter.add(trained(tokens, weights, frozen=frozen, who="reasoner"))
        return {"prompt_ids": read, "completion_ids": written, "logprobs": None}

    def reward(prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        """1 for a right answer."""
        asked = [(by_number[number], tokens) for number, tokens in zip(prompts, completion_ids, strict=True)]
        return [float(grade.correct) for grade in session.builder.grade(asked)]

    def save() -> None:
        """Keep what was reached; called between two steps."""
        optimiser: Any = trainer.optimizer
        scheduler: Any = trainer.lr_scheduler
        schedule = {name: value for name, value in scheduler.state_dict().items() if name != "lr_lambdas"}
        more = {
            "generated": str(generated + backend.usage.generated_tokens),
            "trained": str(trained_on),
            "schedule": json.dumps(schedule),
        }
        step = int(trainer.state.global_step)
        scaler = trainer.accelerator.scaler
        save_training_state(phase.state_file, trainable, optimiser, step, 0, scaler, bill, more)

    class ResumableTrainer(GRPOTrainer):
        """With what `save` kept instead of the pickles of a Trainer's checkpoint."""

        def _send_telemetry(self) -> None:
            """Nobody is told what is trained here, nor on what."""

        def _get_train_sampler(self, *arguments: Any, **named: Any) -> Any:
            sampler = super()._get_train_sampler(*arguments, **named)
            for _ in range(begun // steps_a_pass):
                next(iter(sampler))  # every pass draws an order of its own, the first one of a process too
            return sampler

        def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
            """The weights come with the optimiser's state."""

        def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
            optimiser: Any = self.optimizer
            scheduler: Any = self.lr_scheduler
            if checkpoint is not None:
                load_training_state(phase.state_file, trainable, optimiser, self.accelerator.scaler)
                schedule = json.loads(facts["schedule"])
                rates = schedule["_last_lr"]
                scheduler.load_state_dict({**schedule, "lr_lambdas": [None] * len(rates)})
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate

        def _load_scaler(self, checkpoint: str | None) -> None:
            """As the weights."""

        def _load_rng_state(self, checkpoint: str | None) -> None:
            """Chance hangs on the step alone (`Watch`)."""

    class Watch(TrainerCallback):
        """Passes the trainer's steps on, and stops it."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            phase.poll_control(save)
            # What a dropout leaves out is then the same in a training that goes on.
            torch.manual_seed(key_of(session.config.seed, "grpo dropout", iteration, int(state.global_step)) % 2**63)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            phase.progress(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            for theirs, ours in CURVES.items():
                if logs and theirs in logs and math.isfinite(logs[theirs]):
                    phase.curve(ours, state.global_step, float(logs[theirs]))

    with (
        session.meter.span() as bill,
        tempfile.TemporaryDirectory(dir=session.run_dir) as scratch,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        most = args.micro_tokens or micro_tokens(model.trainable(), args.precision, longest, plain=True)[0]
        parts = next(n for n in range(1, batch + 1) if batch % n == 0 and (batch // n * longest <= most or n == batch))
        arguments = GRPOConfig(
            output_dir=str(Path(scratch)),
            learning_rate=args.learning_rate,
            max_steps=steps,
            per_device_train_batch_size=batch // parts,
            gradient_accumulation_steps=parts,
            num_generations=samples,
            generation_batch_size=batch,
            max_completion_length=session.task.max_new_tokens,
            temperature=session.config.sampling.temperature,
            beta=0.0,
            weight_decay=args.weight_decay,
            seed=args.seed,
            bf16=session.precision == "bf16",
            fp16=session.precision == "fp16",
            gradient_checkpointing=session.config.model.gradient_checkpointing,
            use_cpu=session.device.type == "cpu",
            logging_steps=CURVE_EVERY,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        trainable = model.trainable()
        trainer = ResumableTrainer(
            model=trainable,
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list([{"prompt": number} for number in by_number]),
            processing_class=session.tokenizer,
            callbacks=[Watch()],
            rollout_func=roll_out,
        )
        trainer.remove_callback(PrinterCallback)  # standard output is where a worker tells its parent what happens
        checkpoint = None
        if begun:
            session.meter.include(saved_bill(phase.state_file))
            position = TrainerState(
                global_step=begun,
                max_steps=steps,
                logging_steps=CURVE_EVERY,
                train_batch_size=arguments.per_device_train_batch_size,
            )
            position.save_to_json(str(Path(scratch, "trainer_state.json")))
            checkpoint = scratch
        trainer.train(resume_from_checkpoint=checkpoint)
    return generated + backend.usage.generated_tokens, trained_on
