"""What is published of a run beside weights: its tokenizer, and how it put its questions. No network is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transformers import GenerationConfig, PreTrainedTokenizerBase

from sapo_engine.models.loading import load_tokenizer
from sapo_engine.models.sources import find_folder
from sapo_engine.tasks import Question, Task, make_task
from sapo_engine.tasks.written import WrittenTask
from sapo_engine.text.prompts import end_turns, token_id
from sapo_engine.text.recipe import Recipe, give_template, recipe_of
from sapo_studio.config.schema import RunConfig, TaskConfig

TRIED = 20
"""Questions that a chat template has to lay out as the run did."""


@dataclass(frozen=True)
class Parts:
    """`recipe` is how `task` puts questions to a model with this `tokenizer`, which has its chat template where
    `templated`."""

    config: RunConfig
    task: Task
    tokenizer: PreTrainedTokenizerBase
    recipe: Recipe
    templated: bool

    def generation(self) -> GenerationConfig:
        """How the run sampled: its temperature and limit, and the one token that ended its solutions."""
        temperature = self.config.sampling.temperature
        settings = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
        return GenerationConfig(
            max_new_tokens=self.task.max_new_tokens,
            eos_token_id=token_id(self.tokenizer.eos_token_id),
            pad_token_id=token_id(self.tokenizer.pad_token_id),
            bos_token_id=self.tokenizer.bos_token_id,
            **(settings if temperature > 0 else {"do_sample": False}),
        )

    def save(self, folder: Path) -> None:
        """Write tokenizer and generation_config.json."""
        self.tokenizer.save_pretrained(folder)
        self.generation().save_pretrained(folder)

    def asked(self, count: int) -> list[Question]:
        """Questions of the run to try things on: those it is tested on."""
        return list(self.task.questions("test")[:count])


def parts_of(config: RunConfig, run_dir: Path, saved: Path | None) -> Parts:
    """The parts of the run in `run_dir`. `saved`: the folder of a network of its own, which has the tokenizer beside
    it; None of an adapter, whose base has it."""
    task = make_task(_as_asked(config.task), config.seed, graders=0)
    if isinstance(task, WrittenTask) and task.is_code and config.task.prompt == "few-shot":
        task.check_golds(kept_in=run_dir)  # an example whose own program fails is not shown
    if saved is not None:
        tokenizer = load_tokenizer(saved)
    elif config.model.source == "fresh":
        tokenizer = task.build_tokenizer()
    else:
        tokenizer = load_tokenizer(find_folder(config.model, run_dir))
    if config.task.prompt == "chat":
        end_turns(tokenizer)
    recipe = recipe_of(task, tokenizer)
    tried = [question.text for question in task.questions("test")[:TRIED]]
    return Parts(config, task, tokenizer, recipe, give_template(recipe, tokenizer, tried))


def _as_asked(config: TaskConfig) -> TaskConfig:
    """As far as it matters for prompts: answers are not graded again, but where bad ones are left out of examples."""
    if config.prompt == "few-shot":
        return config.model_copy(update={"process_data": ""})
    return config.model_copy(update={"process_data": "", "bad_golds": "keep"})
