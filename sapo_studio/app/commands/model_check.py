"""Whether the model of a run can be loaded, before there is a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sapo_studio.config.schema import ModelConfig, RunConfig
from sapo_studio.errors import EngineError
from sapo_studio.forecast import check_source
from sapo_studio.model_files.sources import BUNDLED, HUB
from sapo_studio.paths import user_path

SECONDS = 120.0
"""To look at headers; most of it is the start of the engine."""


def with_model(config: RunConfig) -> RunConfig:
    """`config`, its model checked (see `check_model`) and a local one named by its whole path: the engine works in the
    run's folder, and the run may be resumed from anywhere."""
    folder = check_model(config.model)
    if folder is None:
        return config
    return config.model_copy(update={"model": config.model.model_copy(update={"source": str(folder)})})


def check_model(model: ModelConfig) -> Path | None:
    """Raise InputError where the model is not there, or its files cannot be those of a model. Returns the whole path of
    a local one.

    The engine is asked where only it knows the tensors of the family, which takes some seconds; where there is no
    engine, what is wrong shows when the run starts.
    """
    known = check_source(model)
    if model.source == "fresh" or model.source.startswith((BUNDLED, HUB)):
        return None
    folder = user_path(model.source).absolute()
    if not known:
        from sapo_studio.requests.client import ask
        from sapo_studio.requests.kinds import ModelCheckRequest

        with suppress(EngineError):
            ask(ModelCheckRequest(folder=folder), seconds=SECONDS)
    return folder
