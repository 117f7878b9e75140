"""Whether the model of a run can be loaded, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from sapo_studio import engines
from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import EngineError, InputError
from sapo_studio.forecast import check_source
from sapo_studio.model_files.sources import BUNDLED, HUB
from sapo_studio.model_files.tokenizer_files import TOKENIZER

SECONDS = 120.0
"""To look at headers and load a tokenizer; most of it is the start of the engine."""


def check_model(model: ModelConfig, *, python: str = "") -> None:
    """Raise InputError where the model is not there, or its files cannot be those of a model.

    The engine, which lives in `python` (`runtime.engine_python`), is asked to load the tokenizer, and where only it
    knows the tensors of the family to look at these too, which takes some seconds; where there is no engine, what is
    wrong shows when the run starts.
    """
    known = check_source(model)
    if model.source == "fresh" or model.source.startswith((BUNDLED, HUB)):
        return
    folder = Path(model.source).expanduser().absolute()
    if not folder.is_dir():
        return  # a GGUF file
    with engines.lives_in(python):
        _ask(folder, known=known)


def _ask(folder: Path, *, known: bool) -> None:
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import ModelCheckRequest, TokenizerCheckRequest

    if not known or not (folder / TOKENIZER).is_file():
        with suppress(EngineError):
            ask(ModelCheckRequest(folder=folder), seconds=SECONDS)
        return
    try:
        ask(TokenizerCheckRequest(folder=folder), seconds=SECONDS)
    except EngineError as error:
        if find_spec("tokenizers") is None:
            return
        # It has ended without a word, by its limits or by a fault of the library, or has not come to an end.
        raise InputError(f"The tokenizer in {folder} cannot be loaded", why=error.why or error.what) from error
