"""The files of a tokenizer: whether they are what they should be, and fit the model's vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import (
    CONFIG_BYTES,
    DAMAGED,
    MIB,
    TOKENIZER_BYTES,
    check_plain,
    read_object,
    shown,
)

TOKENIZER = "tokenizer.json"
TOKENIZER_FILES = (TOKENIZER, "tokenizer.model", "vocab.json", "spiece.model")
SETTINGS = "tokenizer_config.json"
TEMPLATE, OLD_TEMPLATE = "chat_template.jinja", "chat_template.json"
_JSON = ("tokenizer.json", SETTINGS, "special_tokens_map.json", "added_tokens.json", "vocab.json", OLD_TEMPLATE)
_OTHERS = ("tokenizer.model", "spiece.model", "merges.txt", "vocab.txt")
_SPECIAL = ("eos_token", "bos_token", "pad_token", "unk_token")
_TEMPLATE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_tokenizer(folder: Path, vocab: int | None) -> None:
    """Raise InputError unless a tokenizer lies in `folder` whose files are well formed and, where `vocab` is known,
    whose tokens are numbers below it."""
    if not any(_is_there(folder / name) for name in TOKENIZER_FILES):
        raise InputError(
            f"There is no tokenizer in {folder}",
            why=f"None of {', '.join(TOKENIZER_FILES)} is there.",
            fix="Copy the tokenizer's files into the model's folder.",
        )
    read: dict[str, dict[str, Any]] = {}
    for name in _JSON:
        if _is_there(folder / name):
            large = name in ("tokenizer.json", "vocab.json")
            read[name] = read_object(folder / name, most=TOKENIZER_BYTES if large else CONFIG_BYTES)
    for name in _OTHERS:
        if _is_there(folder / name):
            _check_length(folder / name, TOKENIZER_BYTES)
    settings = read.get(SETTINGS, {})
    _check_templates(folder, settings)
    if settings.get("auto_map"):
        raise InputError(
            f"{folder} requires remote code (auto_map), which is disabled",
            why=f"Its {SETTINGS} names code of its own, and a model's code could do anything here.",
            fix="Use a model whose tokenizer is part of transformers.",
        )
    if TOKENIZER in read:
        if not isinstance(read[TOKENIZER].get("model"), dict):
            raise InputError(
                f"{folder / TOKENIZER} is no tokenizer", why="It does not say how texts are cut (model).", fix=DAMAGED
            )
        if vocab is not None:
            _check_numbers(folder / TOKENIZER, read[TOKENIZER], settings, vocab)


def _is_there(file: Path) -> bool:
    return file.exists() or file.is_symlink()


def _check_length(file: Path, most: int) -> None:
    check_plain(file)
    if file.stat().st_size > most:
        raise InputError(f"{file} is larger than {most // MIB} MiB", why="No file of this kind is.", fix=DAMAGED)


def _check_templates(folder: Path, settings: Mapping[str, Any]) -> None:
    more = folder / "additional_chat_templates"
    files = [folder / TEMPLATE, *(sorted(more.glob("*.jinja")) if more.is_dir() else ())]
    for file in files:
        if _is_there(file):
            _check_length(file, CONFIG_BYTES)
    listed: object = settings.get("chat_template")
    if isinstance(listed, list):
        # Each is saved as a file of its own, under its name.
        for item in cast("list[object]", listed):
            told = cast("Mapping[str, object]", item) if isinstance(item, dict) else {}
            if not isinstance(name := told.get("name"), str) or not _TEMPLATE_NAME.fullmatch(name):
                raise InputError(
                    f"{folder / SETTINGS} names a chat template {shown(repr(name))}",
                    why="A name may have letters, digits, - and _.",
                    fix=DAMAGED,
                )
    elif not isinstance(listed, (str, type(None))):
        raise InputError(f"The chat_template in {folder / SETTINGS} is not a text", fix=DAMAGED)


def _check_numbers(file: Path, told: Mapping[str, Any], settings: Mapping[str, Any], vocab: int) -> None:
    """Tokens that texts are made of must be the model's, and so must the special ones that a run uses. Further added
    tokens may lie beyond (Gemma 3 has one for images, which a text model's embedding lacks)."""
    texts = [_text(settings.get(name)) for name in _SPECIAL]
    special = [text for text in texts if isinstance(text, str)]
    for token, number in (*_base_tokens(told), *((t, n) for t, n in _added_tokens(told) if t in special)):
        if type(number) is not int or not 0 <= number < vocab:
            raise InputError(
                f"The tokenizer in {file.parent} does not fit its model",
                why=f"{file.name} gives the token {shown(repr(token), 60)} the number {shown(repr(number), 30)}, and "
                f"config.json says vocab_size = {vocab}.",
                fix="Use the tokenizer that belongs to the model.",
            )


def _text(token: object) -> object:
    return cast("Mapping[str, object]", token).get("content") if isinstance(token, dict) else token


def _base_tokens(told: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    """The highest numbered of the vocabulary, or one that has no number."""
    model = told.get("model")
    vocabulary: object = cast("Mapping[str, object]", model).get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict) and vocabulary:
        entries = cast("dict[str, object]", vocabulary)
        odd = next((item for item in entries.items() if type(item[1]) is not int or item[1] < 0), None)
        yield odd or max(cast("dict[str, int]", vocabulary).items(), key=lambda item: item[1])
    elif isinstance(vocabulary, list) and vocabulary:  # unigram: numbered by their places
        last = cast("list[object]", vocabulary)[-1]
        token = cast("list[object]", last)[0] if isinstance(last, list) and last else last
        yield token, len(cast("list[object]", vocabulary)) - 1


def _added_tokens(told: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    added = told.get("added_tokens")
    for item in cast("list[object]", added) if isinstance(added, list) else []:
        entry = cast("Mapping[str, object]", item) if isinstance(item, dict) else {}
        yield entry.get("content"), entry.get("id")
