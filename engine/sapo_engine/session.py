"""What every phase shares: the task, the tokenizer, prompts, back ends, and sending rows to the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakSet

import numpy as np
import torch
from transformers import PreTrainedModel

from sapo_engine.grading.base import Grade
from sapo_engine.labeling.labelers import MonteCarloChecker
from sapo_engine.models.loading import start_model
from sapo_engine.models.placement import placed
from sapo_engine.models.precision import resolve
from sapo_engine.models.reasoner import Adapters, Reasoner, with_adapter
from sapo_engine.models.sources import find_folder
from sapo_engine.numbering import SOLUTIONS
from sapo_engine.phases.codecs import ModelCodec
from sapo_engine.phases.context import Context, Phase
from sapo_engine.phases.rows import ROWS, question_row
from sapo_engine.preflight import check_installed
from sapo_engine.rollouts import Completion, Request, RolloutBackend, key_of
from sapo_engine.rollouts.pool import BackendPool
from sapo_engine.rollouts.sharded import ShardedBackend
from sapo_engine.tasks import Question, make_task
from sapo_engine.text.prompts import MIN_ROOM, chat_prompt, check_words, end_turns, plain_prompts, token_id
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_engine.training.batching import PromptCompletion
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.events.kinds import Questions, Trajectories

LONGEST = 4096
"""vLLM makes room for texts of so many tokens; prompt and answer of these tasks stay far below."""
LOOKED_AT = 200
"""Questions whose words a model is to know."""


class Lab:
    """The run's task, tokenizer and helpers, shared by all phases."""

    def __init__(self, config: RunConfig, context: Context, device: torch.device) -> None:
        if config.optimiser.kind == "grpo":
            check_installed()
        self.config = config
        self.context = context
        self.device = device
        self.precision = resolve(config.model.precision, device)
        self.adapters = Adapters.of(config.model)
        self.task = make_task(config.task, config.seed, graders=context.group.helpers_per_rank(config.runtime.graders))
        if config.model.source != "fresh" and context.group.size > 1:
            # What has to be fetched or converted is so once, by the leader.
            if context.group.leader:
                find_folder(config.model, context.run_dir)
            context.group.share(None)
        network, self.tokenizer = start_model(config.model, self.task, config.seed, device, context.run_dir)
        if config.task.kind == "arithmetic" and config.model.source != "fresh":
            some = self.task.questions("train")[:LOOKED_AT]
            texts = [text for q in some for text in (self.task.prompt(q), self.task.join(q.steps))]
            check_words(self.tokenizer, texts, config.model.source)
        self.context_length = int(getattr(network.config.get_text_config(), "max_position_embeddings", 1 << 20))
        self._start: Reasoner | None = (
            Reasoner(network) if config.model.tuning == "full" else with_adapter(network, self.adapters)
        )
        if config.task.prompt == "chat":
            end_turns(self.tokenizer)
        self.pad_id = token_id(self.tokenizer.pad_token_id)
        self.cutter = TrajectoryBuilder(self.task, self.tokenizer, context.group)
        self._questions = {
            q.number: q for split in ("train", "development", "test", "process") for q in self.task.questions(split)
        }
        self._questions |= {row.question.number: row.question for row in self.task.process_benchmark() or ()}
        self._here: WeakSet[PreTrainedModel] = WeakSet()
        self._prompts: dict[int, tuple[int, ...]] = {}
        self._sent: set[int] = set()
        # Of a network that is trained itself no copy is to be kept from the start.
        base = None if config.model.tuning == "full" else network
        self.models = ModelCodec(self.tokenizer, base, self.adapters)
        self.rollouts = BackendPool(
            config,
            self.tokenizer,
            precision=self.precision,
            device=device,
            context_length=min(self.context_length, LONGEST),
            run_dir=context.run_dir,
            scratch=context.run_dir / f"rollouts-{context.group.rank}",
        )

    # -- Small helpers

    def start(self) -> Reasoner:
        """The reasoner before warm-up. To be asked for once: its memory is the caller's from then on."""
        start, self._start = self._start, None
        if start is None:
            raise AssertionError("the start model was asked for twice")
        return start

    def close(self) -> None:
        """End what the run has started: graders, roll-out engines."""
        self.task.close()
        self.rollouts.close()

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
        return self._tokenised([question])[0]

    def _tokenised(self, questions: Sequence[Question]) -> list[tuple[int, ...]]:
        """The prompts of these, tokenised together where they are no chats."""
        turns = [self.task.chat(question) for question in questions]
        plain = [self.task.prompt(question) for question, chat in zip(questions, turns, strict=True) if not chat]
        written = iter(plain_prompts(self.tokenizer, plain))
        prompts = [chat_prompt(self.tokenizer, chat) if chat else next(written) for chat in turns]
        for question, tokens in zip(questions, prompts, strict=True):
            if len(tokens) + MIN_ROOM > self.context_length:
                raise InputError(
                    f"A prompt of {len(tokens)} tokens leaves no room for an answer",
                    why=f"The model takes {self.context_length} tokens; the question begins: {question.text[:80]!r}",
                    fix="Leave the question out of the data, use fewer task.shots, or a model with a longer context.",
                )
        return prompts

    def _prompts_for(self, questions: Sequence[Question]) -> list[tuple[int, ...]]:
        def own(question: Question) -> bool:
            return self._questions.get(question.number) is question

        new = [q for q in questions if not own(q) or q.number not in self._prompts]
        found = {id(q): tokens for q, tokens in zip(new, self._tokenised(new), strict=True)}
        self._prompts |= {q.number: found[id(q)] for q in new if own(q)}
        return [found[id(q)] if id(q) in found else self._prompts[q.number] for q in questions]

    def bring(self, *wanted: Reasoner) -> None:
        """Have the networks of these on the card and no others: what waits for its turn waits in main memory."""
        if wanted:
            self.rollouts.release()
        if self.device.type == "cpu":
            return
        for network in list(self._here):
            if all(network is not reasoner.network for reasoner in wanted):
                placed(network, torch.device("cpu"))
                self._here.discard(network)
        for reasoner in wanted:
            placed(reasoner.network, self.device)
            self._here.add(reasoner.network)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def backend(self, model: Reasoner) -> RolloutBackend:
        """A roll-out back end with these weights."""
        if self.rollouts.outside:
            self.bring()
        else:
            self.bring(model)
        own = self.rollouts.backend(model)
        group = self.context.group
        return ShardedBackend(own, group) if group.size > 1 else own

    def checker(self, model: Reasoner, version: int, rollouts: int, wave: int) -> MonteCarloChecker:
        """Monte-Carlo estimates of c by reasoner M_`version`."""
        return MonteCarloChecker(
            self.backend(model),
            self.cutter,
            self.question,
            self.prompt,
            rollouts=rollouts,
            wave=wave,
            temperature=self.config.labeling.temperature,
            seed_path=(self.config.seed, "rollout", version),
        )

    def solutions(self, questions: Sequence[Question]) -> list[Trajectory]:
        """The task's own solutions of these questions, as trajectories (D_org). They are taken for right."""
        texts = plain_prompts(self.tokenizer, [self.task.join(q.steps) for q in questions], special=False)
        end = token_id(self.tokenizer.eos_token_id)
        return [
            self.cutter.trajectory(
                TrajectoryDraft(
                    question, (*text, end), number=SOLUTIONS + question.number, iteration=0, source="solution"
                ),
                Grade(True, question.answer),
            )
            for question, text in zip(questions, texts, strict=True)
        ]

    def text(self, trajectory: Trajectory) -> PromptCompletion:
        """Prompt and completion of a trajectory, as tokens to train on."""
        return PromptCompletion(self.prompt(trajectory.question), trajectory.tokens)

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

    def sampled_questions(self, iteration: int) -> list[Question]:
        """The training questions that the iteration samples from. Each goes on where the last one stopped in a fixed
        shuffle of all questions."""
        config = self.config.sampling
        train = self.task.questions("train")
        count = min(config.questions if iteration else config.start_questions, len(train))
        order = self.rng("questions").permutation(len(train))
        begin = config.start_questions + (iteration - 1) * config.questions if iteration else 0
        return [train[order[(begin + k) % len(train)]] for k in range(count)]

    def sample_many(
        self,
        model: Reasoner,
        questions: Sequence[Question],
        path: str,
        samples: int,
        *,
        greedy: bool = False,
        tick: Callable[[int, int], None] | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each question. `path` names the purpose in the random keys; `tick(done, total)`."""
        requests = [
            Request(
                prompt,
                tuple(key_of(self.config.seed, path, question.number, k) for k in range(samples)),
                min(self.task.max_new_tokens, self.context_length - len(prompt)),
            )
            for question, prompt in zip(questions, self._prompts_for(questions), strict=True)
        ]
        done = 0

        def count(sequences: int) -> None:
            nonlocal done
            done += sequences
            if tick:
                tick(done, samples * len(questions))

        temperature = 0.0 if greedy else self.config.sampling.temperature
        return self.backend(model).generate(requests, temperature=temperature, tick=count)
