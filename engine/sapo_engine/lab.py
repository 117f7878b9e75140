"""What every phase shares: the task, the tokenizer, prompts, back ends, and sending rows to the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from sapo_engine.codecs import ModelCodec
from sapo_engine.context import Context, Phase
from sapo_engine.data import Cutter, Trajectory
from sapo_engine.labelers import Checker
from sapo_engine.models import placed, start_model
from sapo_engine.rollouts import Completion, HfBackend, Request, RolloutBackend, key_of
from sapo_engine.tasks import Question, make_task
from sapo_studio.config.schema import RunConfig
from sapo_studio.events.kinds import QuestionRow, Questions, Trajectories

BLOCK = 10_000_000
"""Numbers in the run: block i + 1 belongs to iteration i, block 0 to the benchmark and the task's own solutions."""
SOLUTIONS = 5_000_000
ROWS = 500
"""Rows an event."""


class Lab:
    """The run's task, tokenizer and helpers, shared by all phases."""

    def __init__(self, config: RunConfig, context: Context, device: torch.device) -> None:
        self.config = config
        self.context = context
        self.device = device
        self.task = make_task(config.task, config.seed)
        self._start, self.tokenizer = start_model(config.model, self.task, config.seed)
        self.pad_id = token_id(self.tokenizer.pad_token_id)
        self.cutter = Cutter(self.task, self.tokenizer)
        self._questions = {
            q.number: q for split in ("train", "development", "test", "process") for q in self.task.questions(split)
        }
        self._prompts: dict[int, tuple[int, ...]] = {}
        self._sent: set[int] = set()
        self.models = ModelCodec(self.tokenizer, device)

    # -- Small helpers

    def start(self) -> PreTrainedModel:
        """The reasoner before warm-up."""
        return placed(self._start, self.device)

    def no_trajectories(self) -> list[Trajectory]:
        """An empty pool."""
        return []

    def question(self, number: int) -> Question:
        """A question by its number."""
        return self._questions[number]

    def prompt(self, number: int) -> tuple[int, ...]:
        """A question's prompt tokens."""
        prompt = self._prompts.get(number)
        if prompt is None:
            prompt = self._prompts[number] = self.prompt_of(self._questions[number])
        return prompt

    def prompt_of(self, question: Question) -> tuple[int, ...]:
        """The prompt tokens of any question."""
        return tuple(self.tokenizer(self.task.prompt(question))["input_ids"])

    def backend(self, model: PreTrainedModel) -> RolloutBackend:
        """A roll-out back end with these weights."""
        eos = token_id(self.tokenizer.eos_token_id)
        return HfBackend(model, eos=eos, pad=self.pad_id, batch=self.config.runtime.rollout_batch)

    def checker(self, model: PreTrainedModel, version: int, rollouts: int, wave: int) -> Checker:
        """Monte-Carlo estimates of c by reasoner M_`version`."""
        return Checker(
            self.backend(model),
            self.cutter,
            self.question,
            self.prompt,
            rollouts=rollouts,
            wave=wave,
            temperature=self.config.labeling.temperature,
            seed_path=(self.config.seed, "rollout", version),
        )

    def solution(self, number: int) -> Trajectory:
        """The task's own solution of a question, as a trajectory (D_org)."""
        question = self._questions[number]
        tokens = (*self.tokenizer(self.task.join(question.steps))["input_ids"], token_id(self.tokenizer.eos_token_id))
        return self.cutter.trajectory(question, tokens, number=SOLUTIONS + number, iteration=0, source="solution")

    def send(self, phase: Phase, trajectories: Sequence[Trajectory]) -> None:
        """Store trajectories and, before them, the questions they belong to."""
        for at in range(0, len(trajectories), ROWS):
            rows = trajectories[at : at + ROWS]
            new = sorted({t.question for t in rows} - self._sent)
            if new:
                self._sent.update(new)
                phase.emit(
                    Questions(
                        rows=[question_row(self._questions[n], self.task.join(self._questions[n].steps)) for n in new]
                    )
                )
            phase.emit(Trajectories(rows=[t.row() for t in rows]))

    def rng(self, *path: int | str) -> np.random.Generator:
        """Random numbers that depend on the run's seed and `path` alone."""
        return np.random.default_rng(key_of(self.config.seed, *path))

    def sample_many(
        self,
        model: PreTrainedModel,
        questions: Sequence[Question],
        path: str,
        samples: int,
        *,
        greedy: bool = False,
        tick: Callable[[int, int], None] | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each question. `path` names the purpose in the random keys; `tick(done, total)`."""
        limit = self.task.max_new_tokens
        requests = [
            Request(
                self.prompt_of(question),
                tuple(key_of(self.config.seed, path, question.number, k) for k in range(samples)),
                limit,
            )
            for question in questions
        ]
        done = 0

        def count(sequences: int) -> None:
            nonlocal done
            done += sequences
            if tick:
                tick(done, samples * len(questions))

        temperature = 0.0 if greedy else self.config.sampling.temperature
        return self.backend(model).generate(requests, temperature=temperature, tick=count)


def token_id(value: object) -> int:
    """A special token's id, which transformers types loosely."""
    if not isinstance(value, int):
        raise TypeError(f"the tokenizer has no single id for a special token, but {value!r}")
    return value


def question_row(question: Question, solution: str) -> QuestionRow:
    """What the store keeps of a question."""
    return QuestionRow(
        number=question.number, split=question.split, text=question.text, solution=solution, answer=question.answer
    )
