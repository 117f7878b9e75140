"""Whether the model of a run can be loaded, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import EngineError
from sapo_studio.forecast import check_source

SECONDS = 120.0
"""To look at headers; most of it is the start of the engine."""


def check_model(model: ModelConfig) -> None:
    """Raise InputError where the model is not there, or its files cannot be those of a model.

    The engine is asked where only it knows the tensors of the family, which takes some seconds; where there is no
    engine, what is wrong shows when the run starts.
    """
    if check_source(model):
        return
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import ModelCheckRequest

    with suppress(EngineError):
        ask(ModelCheckRequest(folder=Path(model.source).expanduser().absolute()), seconds=SECONDS)
