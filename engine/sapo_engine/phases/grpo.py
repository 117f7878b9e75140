"""Group relative policy optimisation, by TRL's own trainer (the extra `baselines`): the baseline that samples while it
trains.

TRL has the loss and the loop; completions come from the program's own sampler and rewards (1 for a right answer) from
the task's grader, so that prompts, answers and their cost are those of every other method.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sapo_engine.models.reasoner import own_weights_frozen, parameters_at_work
from sapo_engine.preflight import check_installed
from sapo_engine.rollouts import key_of
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

    Changes `model`; returns the tokens that were generated and the tokens that were trained on. A training that is
    stopped begins anew: TRL keeps its state in pickles, which are not read here.
    """
    check_installed()
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func may change: the versions are pinned
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    session = phase.context.session
    samples = session.config.sampling.samples
    batch = max(samples, args.batch_size // samples * samples)
    by_number = {str(question.number): question for question in questions}
    session.placement.place(model)
    backend = session.pool.in_process(model)
    trained_on = 0

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
        left = {number: list(found) for number, found in zip(asked, answers, strict=True)}
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

    class Watch(TrainerCallback):
        """Passes the trainer's steps on, and stops it."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            phase.poll_control()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            phase.progress(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            for theirs, ours in CURVES.items():
                if logs and theirs in logs and math.isfinite(logs[theirs]):
                    phase.curve(ours, state.global_step, float(logs[theirs]))

    with tempfile.TemporaryDirectory(dir=session.run_dir) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = max(1, batch // args.micro_batch) if args.micro_batch else 1
        arguments = GRPOConfig(
            output_dir=str(Path(scratch)),
            learning_rate=args.learning_rate,
            max_steps=max(1, round(args.epochs * len(questions) * samples / batch)),
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
        trainer = GRPOTrainer(
            model=model.trainable(),
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list([{"prompt": number} for number in by_number]),
            processing_class=session.tokenizer,
            callbacks=[Watch()],
            rollout_func=roll_out,
        )
        trainer.remove_callback(PrinterCallback)  # standard output is where a worker tells its parent what happens
        trainer.train()
    return backend.usage.generated_tokens, trained_on
