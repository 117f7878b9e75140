"""What is asked of a back end: one way to make a request, with one rule for how long an answer may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.base import Completion, Request
from sapo_engine.rollouts.keys import key_of
from sapo_engine.rollouts.pool import BackendPool
from sapo_engine.tasks.base import Question
from sapo_engine.text.prompts import MIN_ROOM, Prompts
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.config.schema import RunConfig


class Sampler:
    """Samples completions of questions with any reasoner of the run, and continues what is begun."""

    def __init__(self, config: RunConfig, prompts: Prompts, pool: BackendPool, builder: TrajectoryBuilder) -> None:
        self.config = config
        self.prompts = prompts
        self.pool = pool
        self.builder = builder

    def request(self, question: int, keys: Sequence[int], written: tuple[int, ...] = ()) -> Request:
        """A completion of the task's question `question` for each of `keys`, going on from the tokens `written`."""
        return self._request(self.prompts.of(question), keys, written)

    def _request(self, prompt: tuple[int, ...], keys: Sequence[int], written: tuple[int, ...] = ()) -> Request:
        # What was begun may be ended, however long it is already; never beyond what the model can read.
        limit = self.prompts.task.max_new_tokens
        wanted = max(limit - len(written), MIN_ROOM) if written else limit
        room = self.prompts.context_length - len(prompt) - len(written)
        watch = self.builder.watch(prompt, written)
        return Request(prompt + written, tuple(keys), min(wanted, max(room, 1)), watch)

    def sample(
        self,
        model: Reasoner,
        questions: Sequence[Question],
        path: str,
        samples: int,
        *,
        greedy: bool = False,
        tick: Callable[[int, int], None] | None = None,
    ) -> list[list[Completion]]:
        """`samples` completions of each question, up to their first complete answer. `path` names the purpose in the
        random keys; `tick(done, total)`."""
        seed = self.config.seed
        requests = [
            self._request(prompt, [key_of(seed, path, question.number, k) for k in range(samples)])
            for question, prompt in zip(questions, self.prompts.of_all(questions), strict=True)
        ]
        done = 0

        def count(sequences: int) -> None:
            nonlocal done
            done += sequences
            if tick:
                tick(done, samples * len(questions))

        temperature = 0.0 if greedy else self.config.sampling.temperature
        found = self.pool.backend(model).generate(requests, temperature=temperature, tick=count)
        return [[self.up_to_answer(completion) for completion in mine] for mine in found]

    def up_to_answer(self, completion: Completion) -> Completion:
        """A completion up to its first complete answer, where it goes on with a question of its own."""
        tokens = self.builder.first_answer(completion.tokens)
        return completion if tokens is completion.tokens else Completion(tokens, finished=False)
