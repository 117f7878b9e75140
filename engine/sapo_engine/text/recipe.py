"""How a run lays a question out, as something that can be published: text around it, or the turns of a chat."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from transformers import PreTrainedTokenizerBase

from sapo_engine.tasks.base import Message, Question, Task
from sapo_engine.text.prompts import begins_with, chat_prompts, plain_prompts, turns_taken
from sapo_studio.errors import InputError

_MARK = "\u2022question\u2022"
_ONE_QUESTION = "This model was trained on single questions: give one message of the user."


@dataclass(frozen=True, slots=True)
class Recipe:
    """`before` and `after` stand around a question. In a chat they do so in the user's turn, and `turns` come before
    it; else they are the whole prompt, with the beginning-of-text token in front where `bos`.
    """

    before: str
    after: str
    chat: bool = False
    turns: tuple[Message, ...] = ()
    bos: bool = False

    def messages(self, question: str) -> list[Message]:
        """The turns of a chat that puts `question`."""
        return [*self.turns, {"role": "user", "content": f"{self.before}{question}{self.after}"}]

    def prompts(self, tokenizer: PreTrainedTokenizerBase, questions: Sequence[str]) -> list[tuple[int, ...]]:
        """The prompt tokens of each question."""
        if self.chat:
            return chat_prompts(tokenizer, [self.messages(question) for question in questions])
        texts = [f"{self.before}{question}{self.after}" for question in questions]
        first = (cast("int", tokenizer.bos_token_id),) if self.bos else ()
        return [(*first, *ids) for ids in plain_prompts(tokenizer, texts, special=False)]

    def template(self) -> str:
        """Of a plain prompt: a chat template that lays a single user's turn out so."""
        bos = "{{- bos_token }}" if self.bos else ""
        before, after = (json.dumps(text, ensure_ascii=False) for text in (self.before, self.after))
        return (
            "{%- if messages | length != 1 or messages[0]['role'] != 'user' %}"
            f"{{{{- raise_exception({json.dumps(_ONE_QUESTION)}) }}}}"
            "{%- endif %}"
            f"{bos}{{{{- {before} + messages[0]['content'] + {after} }}}}"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a config.json."""
        turns = [dict(turn) for turn in self.turns]
        return {"chat": self.chat, "turns": turns, "bos": self.bos, "before": self.before, "after": self.after}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """What `to_json` made. Raises InputError where it is something else."""
        try:
            turns = tuple(Message(role=str(turn["role"]), content=str(turn["content"])) for turn in told["turns"])
            return cls(str(told["before"]), str(told["after"]), bool(told["chat"]), turns, bool(told["bos"]))
        except (KeyError, TypeError) as error:
            raise InputError("The model does not say how questions are put to it", why=f"{error!r}") from error


def recipe_of(task: Task, tokenizer: PreTrainedTokenizerBase) -> Recipe:
    """How `task` puts a question to a model with this `tokenizer`."""
    question = Question(0, "test", _MARK, (), "")
    turns = task.chat(question)
    if turns:
        *others, last = turns_taken(tokenizer, turns)
        before, _, after = last["content"].partition(_MARK)
        return Recipe(before, after, True, tuple(others))
    before, _, after = task.prompt(question).partition(_MARK)
    return Recipe(before, after, bos=begins_with(tokenizer) is not None)


def give_template(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, questions: Sequence[str]) -> bool:
    """Have the tokenizer's chat template lay questions out as the run did. False where no template makes the same
    tokens of `questions`: it then has none, since another one would be a prompt that the model was not trained on."""
    if recipe.chat:
        return True
    wanted = recipe.prompts(tokenizer, questions)
    tokenizer.chat_template = recipe.template()
    chats: list[list[Message]] = [[{"role": "user", "content": question}] for question in questions]
    same = chat_prompts(tokenizer, chats) == wanted
    if not same:
        tokenizer.chat_template = None
    return same
