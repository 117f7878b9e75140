"""From a question's text, or the turns of a chat, to prompt tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from sapo_engine.tasks.base import Message, Question, Task
from sapo_engine.text.time_limit import OutOfTime, time_limit
from sapo_studio.errors import InputError

MIN_ROOM = 8
"""An answer has at least so many tokens."""
TEMPLATE_SECONDS = 5.0
"""A chat template is a program that came with the model: it may loop. Real ones take a millisecond."""


def token_id(value: object) -> int:
    """A special token's id, which transformers types loosely."""
    if not isinstance(value, int):
        raise TypeError(f"the tokenizer has no single id for a special token, but {value!r}")
    return value


def plain_prompt(tokenizer: PreTrainedTokenizerBase, text: str, *, special: bool = True) -> tuple[int, ...]:
    """The tokens of `text`, with what the tokenizer puts at the beginning of every text if `special`."""
    return plain_prompts(tokenizer, [text], special=special)[0]


def plain_prompts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, special: bool = True
) -> list[tuple[int, ...]]:
    """The same for many texts, in half the time."""
    if not texts:
        return []
    # Not `add_special_tokens`: some tokenizers would end the prompt with the end-of-text token.
    found = cast("list[list[int]]", tokenizer(list(texts), add_special_tokens=False)["input_ids"])
    bos = tokenizer.bos_token_id
    starts = special and isinstance(bos, int) and _begins_texts(tokenizer, bos)
    first = (bos,) if starts and isinstance(bos, int) else ()
    return [(*first, *ids) for ids in found]


def check_vocabulary(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], source: str) -> None:
    """Raise InputError where the tokenizer of the model `source` maps something in `texts` to its unknown token: made
    for other texts, it would read them with gaps and say nothing."""
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    for text, tokens in zip(texts, plain_prompts(tokenizer, texts, special=False), strict=True):
        if unknown in tokens:
            raise InputError(
                f"The tokenizer of {source} maps this task's text to {tokenizer.unk_token}",
                why=f"Its vocabulary was made for other texts than this one: {text!r}",
                fix='Take the model that was made for it (for task.asks = "rest" that is bundled:lab-rest), or '
                'model.source = "fresh".',
            )


def _begins_texts(tokenizer: PreTrainedTokenizerBase, bos: int) -> bool:
    return cast("list[int]", tokenizer("a")["input_ids"])[:1] == [bos]


def chat_prompt(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Message]) -> tuple[int, ...]:
    """`turns` by the model's own chat template, up to where the model is to answer."""
    text = _render(tokenizer, turns, add_generation_prompt=True)
    return tuple(cast("list[int]", tokenizer(text, add_special_tokens=False)["input_ids"]))


def end_turns(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make the token that ends a chat turn the tokenizer's end-of-text token: models answer up to it."""
    mark = "\u2022answer\u2022"
    turns: list[Message] = [{"role": "user", "content": "question"}, {"role": "assistant", "content": mark}]
    _, _, rest = _render(tokenizer, turns, add_generation_prompt=False).partition(mark)
    ids = cast("list[int]", tokenizer(rest.strip(), add_special_tokens=False)["input_ids"])
    if ids and ids[0] in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder):
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ids[0])


def _render(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Message], *, add_generation_prompt: bool) -> str:
    if not tokenizer.chat_template:
        raise InputError(
            "The model has no chat template",
            why='task.prompt = "chat" puts questions the way that the model was taught to chat.',
            fix='Use task.prompt = "plain" or "few-shot", or an instruction-tuned model.',
        )
    messages = cast("list[dict[str, str]]", list(turns))
    try:
        with time_limit(TEMPLATE_SECONDS):
            text: Any = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
    except OutOfTime as error:
        raise InputError(
            "The model's chat template does not end",
            why=f"It was stopped after {TEMPLATE_SECONDS:.0f} s.",
            fix="Do not use this model, or correct its chat_template.jinja.",
        ) from error
    except TemplateError as error:
        if turns and turns[0]["role"] == "system":
            # Some models know no system turn: what it says goes before the first question.
            first: Message = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            return _render(tokenizer, [first, *turns[2:]], add_generation_prompt=add_generation_prompt)
        raise InputError("The model's chat template failed", why=str(error)) from error
    return str(text)


class Prompts:
    """The prompt tokens of a task's questions, made once for each. `questions` are the task's own, by number."""

    def __init__(
        self,
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        questions: Mapping[int, Question],
        *,
        context_length: int,
    ) -> None:
        self.task = task
        self.tokenizer = tokenizer
        self.questions = questions
        self.context_length = context_length
        self._made: dict[int, tuple[int, ...]] = {}

    def of(self, number: int) -> tuple[int, ...]:
        """The prompt of the task's question `number`."""
        made = self._made.get(number)
        return self.of_all([self.questions[number]])[0] if made is None else made

    def of_all(self, questions: Sequence[Question]) -> list[tuple[int, ...]]:
        """The prompts of any questions, the task's own or others, tokenised together.

        Raises InputError where a prompt leaves no room for an answer.
        """

        def own(question: Question) -> bool:
            return self.questions.get(question.number) is question

        new = [q for q in questions if not own(q) or q.number not in self._made]
        found = {id(q): tokens for q, tokens in zip(new, self._tokenised(new), strict=True)}
        self._made |= {q.number: found[id(q)] for q in new if own(q)}
        return [found[id(q)] if id(q) in found else self._made[q.number] for q in questions]

    def _tokenised(self, questions: Sequence[Question]) -> list[tuple[int, ...]]:
        """The prompts of these, together where they are no chats."""
        turns = [self.task.chat(question) for question in questions]
        plain = [self.task.prompt(question) for question, chat in zip(questions, turns, strict=True) if not chat]
        written = iter(plain_prompts(self.tokenizer, plain))
        prompts = [chat_prompt(self.tokenizer, chat) if chat else next(written) for chat in turns]
        for question, tokens in zip(questions, prompts, strict=True):
            if len(tokens) + MIN_ROOM > self.context_length:
                raise InputError(
                    f"A prompt of {len(tokens)} tokens leaves no room for an answer",
                    why=f"The context length is {self.context_length} tokens; the question begins: "
                    f"{question.text[:80]!r}",
                    fix="Leave the question out of the data, use fewer task.shots, or a model with a longer context.",
                )
        return prompts
