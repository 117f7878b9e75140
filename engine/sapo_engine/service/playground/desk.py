"""What stands between a typed question and a model: task, prompt, and the cutting and grading of what is written."""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from sapo_engine.tasks.base import Question
from sapo_engine.tasks.typed import Typed, TypedTask, typed_task
from sapo_engine.text.prompts import Prompts, end_turns, token_id
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_engine.text.vocabulary import check_readable
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.task_kinds import LAB
from sapo_studio.requests.play import Asking

LAB_WORDS = (
    "The lab's checkpoints know the words of its own problems alone, such as: "
    "Finn has 44 stamps, sells 9, halves, buys 8, triples. How many?"
)
ANY_WORDS = "Ask it in words that the checkpoint was made for, or choose another checkpoint."


def typed(question: Asking) -> Typed:
    """A question of a request as the tasks take it."""
    return Typed(question.text, question.answer, question.tests, question.setup, question.number)


class Desk:
    """Puts typed questions to the reasoners of one run, or to a model by itself, and reads what they write.

    `tokenizer` is theirs; it is set to end texts where a chat turn ends. Raises InputError where the run's data are
    needed and cannot be had (`typed_task`).
    """

    def __init__(
        self, config: RunConfig, tokenizer: PreTrainedTokenizerBase, context: int, run_dir: Path | None = None
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.context = context
        self.task: TypedTask = typed_task(config.task, config.seed, run_dir)
        if config.task.prompt == "chat":
            end_turns(tokenizer)
        self.eos = token_id(tokenizer.eos_token_id)
        self.pad = token_id(tokenizer.pad_token_id)
        self.prompts = Prompts(self.task, tokenizer, {}, context_length=context)
        self.builder = TrajectoryBuilder(self.task, tokenizer)

    def ask(self, question: Typed) -> tuple[Question, tuple[int, ...]]:
        """The task's question and its prompt's tokens. Raises InputError where the tokenizer cannot hold it, or it
        leaves no room for an answer."""
        asked = self.task.ask(question)
        fix = LAB_WORDS if self.config.task.kind == LAB else ANY_WORDS
        check_readable(self.tokenizer, asked.text, "question", fix)
        return asked, self.prompts.of_all([asked])[0]

    def check_step(self, text: str) -> None:
        """Raise InputError where the tokenizer cannot hold a step that somebody has written."""
        fix = 'A step of the lab reads "44 - 9 = 35".' if self.config.task.kind == LAB else ANY_WORDS
        check_readable(self.tokenizer, text, "step", fix)

    def close(self) -> None:
        """End what grades."""
        self.task.close()
