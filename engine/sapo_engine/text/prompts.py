"""From a question's text, or the turns of a chat, to prompt tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from sapo_engine.tasks.base import Message, Question, Task
from sapo_engine.text.templates import TEMPLATES
from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import shown

MIN_ROOM = 8
"""An answer has at least so many tokens."""


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
    bos = begins_with(tokenizer) if special else None
    first = () if bos is None else (bos,)
    return [(*first, *ids) for ids in found]


LAB_MODEL = (
    'Take the model that was made for it (for task.asks = "rest" that is bundled:lab-rest), or model.source = "fresh".'
)


def check_vocabulary(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], source: str, fix: str = LAB_MODEL
) -> None:
    """Raise InputError, with `fix`, where the tokenizer of the model `source` maps something in `texts` to its unknown
    token: made for other texts, it would read them with gaps and say nothing."""
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    for text, tokens in zip(texts, plain_prompts(tokenizer, texts, special=False), strict=True):
        if unknown in tokens:
            raise InputError(
                f"The tokenizer of {source} maps this task's text to {tokenizer.unk_token}",
                why=f"Its vocabulary was made for other texts than this one: {text!r}",
                fix=fix,
            )


def begins_with(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that the tokenizer puts at the beginning of every text; None where it puts none."""
    bos = tokenizer.bos_token_id
    if not isinstance(bos, int):
        return None
    return bos if cast("list[int]", tokenizer("a")["input_ids"])[:1] == [bos] else None


def chat_prompts(tokenizer: PreTrainedTokenizerBase, chats: Sequence[Sequence[Message]]) -> list[tuple[int, ...]]:
    """Each chat's turns by the model's own chat template, up to where the model is to answer."""
    if not chats:
        return []
    texts = _render(tokenizer, chats, prompt=True)
    found = cast("list[list[int]]", tokenizer(texts, add_special_tokens=False)["input_ids"])
    return [tuple(ids) for ids in found]


def end_turns(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make the token that ends a chat turn the tokenizer's end-of-text token: models answer up to it."""
    mark = "\u2022answer\u2022"
    turns: list[Message] = [{"role": "user", "content": "question"}, {"role": "assistant", "content": mark}]
    (text,) = _render(tokenizer, [turns], prompt=False)
    _, _, rest = text.partition(mark)
    ids = cast("list[int]", tokenizer(rest.strip(), add_special_tokens=False)["input_ids"])
    if ids and ids[0] in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder):
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ids[0])


def _render(tokenizer: PreTrainedTokenizerBase, chats: Sequence[Sequence[Message]], *, prompt: bool) -> list[str]:
    template = _template(tokenizer)
    facts = {name: _plain(value) for name, value in tokenizer.special_tokens_map.items()}
    found = TEMPLATES.render(template, chats, facts, prompt=prompt)
    texts = dict(enumerate(found.texts))
    refused = [number for number, text in texts.items() if text is None]
    if refused:
        # Some models know no system turn: what it says goes before the first question.
        again = TEMPLATES.render(template, [_without_system(chats[n]) for n in refused], facts, prompt=prompt)
        if again.refused:
            raise InputError("The model's chat template failed", why=shown(again.refused, 300))
        texts |= dict(zip(refused, again.texts, strict=True))
    return [str(texts[number]) for number in range(len(chats))]


def turns_taken(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Message]) -> Sequence[Message]:
    """The turns of a chat as the model's template takes them: some know no system turn."""
    facts = {name: _plain(value) for name, value in tokenizer.special_tokens_map.items()}
    found = TEMPLATES.render(_template(tokenizer), [turns], facts, prompt=True)
    return turns if found.texts[0] is not None else _without_system(turns)


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    found: Any = tokenizer.chat_template
    if isinstance(found, dict):
        found = cast("dict[str, Any]", found).get("default")
    if not found:
        raise InputError(
            "The model has no chat template",
            why='task.prompt = "chat" puts questions the way that the model was taught to chat.',
            fix='Use task.prompt = "plain" or "few-shot", or an instruction-tuned model.',
        )
    return str(found)


def _plain(value: Any) -> Any:
    return [str(item) for item in cast("list[Any]", value)] if isinstance(value, (list, tuple)) else str(value)


def _without_system(turns: Sequence[Message]) -> Sequence[Message]:
    if len(turns) < 2 or turns[0]["role"] != "system":
        return turns
    first: Message = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
    return [first, *turns[2:]]


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
        """The prompts of these, tokenised together."""
        turns = [self.task.chat(question) for question in questions]
        plain = [self.task.prompt(question) for question, chat in zip(questions, turns, strict=True) if not chat]
        written = iter(plain_prompts(self.tokenizer, plain))
        talked = iter(chat_prompts(self.tokenizer, [chat for chat in turns if chat]))
        prompts = [next(talked if chat else written) for chat in turns]
        for question, tokens in zip(questions, prompts, strict=True):
            if len(tokens) + MIN_ROOM > self.context_length:
                raise InputError(
                    f"A prompt of {len(tokens)} tokens leaves no room for an answer",
                    why=f"The context length is {self.context_length} tokens; the question begins: "
                    f"{question.text[:80]!r}",
                    fix="Leave the question out of the data, use fewer task.shots, or a model with a longer context.",
                )
        return prompts
