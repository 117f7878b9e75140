"""Which token ends a text, where a model's files disagree about it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Generator
from typing import Any, cast

from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def end_token_note(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    """What is to be said where config.json and generation_config.json name other end-of-text tokens than the tokenizer
    has, whose own (in chats: the one that ends a turn) is what prompts are laid out for, and stops. "" if they agree.
    """
    ours = tokenizer.eos_token_id
    told = {
        "config.json": _numbers(getattr(network.config.get_text_config(), "eos_token_id", None)),
        "generation_config.json": _numbers(getattr(network.generation_config, "eos_token_id", None)),
    }
    others = {file: numbers for file, numbers in told.items() if numbers and numbers != [ours]}
    if not others:
        return ""
    parts = [f"{file} has {', '.join(_named(tokenizer, n) for n in numbers)}" for file, numbers in others.items()]
    stops = _named(tokenizer, cast("int", ours))
    return f"End-of-text tokens differ: {' and '.join(parts)}. Texts end at {stops} alone, which the prompts use."


@contextlib.contextmanager
def stopping_at(token: object, network: PreTrainedModel) -> Generator[None]:
    """Have `token` among those that end the texts of `network`, as its generation_config.json is to say."""
    before = cast("GenerationConfig | None", network.generation_config)  # classifiers have none
    ends = _numbers(getattr(before, "eos_token_id", None))
    if before is not None and isinstance(token, int) and token not in ends:
        network.generation_config = copy.deepcopy(before)
        network.generation_config.eos_token_id = [token, *ends] if ends else token
    try:
        yield
    finally:
        cast("Any", network).generation_config = before


def _numbers(value: object) -> list[Any]:
    if value is None:
        return []
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else [value]


def _named(tokenizer: PreTrainedTokenizerBase, number: int) -> str:
    token: Any = tokenizer.convert_ids_to_tokens(number) if 0 <= number < len(tokenizer) else None
    return f"{token!r} ({number})" if token is not None else str(number)
