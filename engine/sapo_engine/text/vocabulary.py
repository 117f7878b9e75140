"""Whether a tokenizer can hold a text: one with a small vocabulary reads what it does not know with gaps, or as one
unknown token, and says nothing."""

from __future__ import annotations

from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from sapo_studio.errors import InputError
from sapo_studio.readable import listing

SHOWN = 5
"""Words that are named at once."""


def unknown_words(tokenizer: PreTrainedTokenizerBase, text: str) -> list[str]:
    """The parts of `text` that `tokenizer` has no token for, each once. None where it has a token for everything."""
    unknown = tokenizer.unk_token_id
    if unknown is None or not tokenizer.is_fast:
        return []
    found = cast("Any", tokenizer(text, add_special_tokens=False, return_offsets_mapping=True))
    missing: dict[str, None] = {}
    at = 0
    spans = [*zip(found["input_ids"], found["offset_mapping"], strict=True), (None, (len(text), len(text)))]
    for token, (begins, ends) in spans:
        # Between two tokens nothing but space may be left out.
        if begins > at and (left := text[at:begins].strip()):
            missing[left] = None
        if token == unknown:
            missing[text[begins:ends].strip(" ,.")] = None
        at = max(at, ends)
    return list(missing)


def check_readable(tokenizer: PreTrainedTokenizerBase, text: str, what: str, fix: str) -> None:
    """Raise InputError where `tokenizer` cannot hold `text`, which is called `what`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half a character, which a terminal or a file in another encoding can give
        raise InputError(f"The {what} is no text", why="It has bytes in it that are not UTF-8.", fix=fix) from error
    missing = unknown_words(tokenizer, text)
    if missing:
        named = listing([repr(word) for word in missing], SHOWN)
        raise InputError(f"The checkpoint cannot read the {what}", why=f"It has no token for {named}.", fix=fix)
