"""A run's reasoner or verifier in a folder that others load (`sapo publish` asks)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from safetensors import SafetensorError

from sapo_engine.models.precision import resolve
from sapo_engine.publishing.gguf import write_gguf
from sapo_engine.publishing.parts import Parts, parts_of
from sapo_engine.publishing.reasoner import Written, write_adapter, write_merged, write_own
from sapo_engine.publishing.verifier import TRIED, Solution, write_verifier
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.torch_setup import set_up_on
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, StoreError
from sapo_studio.requests.kinds import PublishRequest
from sapo_studio.requests.wire import write_progress


def answer(request: PublishRequest) -> dict[str, Any]:
    """See PublishRequest. Raises StoreError where there is no room to write."""
    try:
        return _written(request)
    except (OSError, SafetensorError) as error:
        # Of the system's own errors the words alone: they name the folder in the making, which nobody has heard of.
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise StoreError(
            "The model cannot be written", why=why, fix="Free some space or choose another folder."
        ) from error


def _written(request: PublishRequest) -> dict[str, Any]:
    config = config_of(request.run)
    device = _device(request, config)
    whole = (request.artefact / "config.json").is_file()
    write_progress(0.05)
    parts = parts_of(config, request.run, request.artefact if whole else None)
    try:
        write_progress(0.2)
        if request.verifier:
            run = SavedRun(config, request.run, device)
            tried = _tried(parts, run, request.iteration)
            written = write_verifier(parts, request.run, request.artefact, request.dtype, request.target, device, tried)
            found = asdict(written)
        else:
            written = _reasoner(request, parts, whole, device)
            parts.save(request.target)
            asked = parts.asked(1)
            found = asdict(written) | {"example": asked[0].text if asked else ""}
        if request.converter is not None:
            write_progress(0.7)
            found["gguf"] = write_gguf(request.converter, request.target, found["dtype"], request.name)
        return found | {
            "prompt": parts.recipe.to_json(),
            "templated": parts.templated,
            "max_new_tokens": parts.task.max_new_tokens,
            "runs_on": parts.task.runs_on,
            "base_dtype": resolve(config.model.precision, device),
            "device": str(device),
        }
    finally:
        parts.task.close()


def _device(request: PublishRequest, config: RunConfig) -> torch.device:
    """Where the run computes, or the processor where its device is on another machine: that is slower and no more.
    Weights of 4 bits need their card."""
    try:
        return set_up_on(config.runtime, request.device)
    except InputError:
        if request.device or config.model.tuning == "qlora":
            raise
        return set_up_on(config.runtime, "cpu")


def _reasoner(request: PublishRequest, parts: Parts, whole: bool, device: torch.device) -> Written:
    if whole:
        return write_own(parts, request.artefact, request.dtype, request.target)
    if request.form == "adapter":
        return write_adapter(request.artefact, request.base, request.revision, request.target)
    return write_merged(parts, request.run, request.artefact, request.dtype, request.target, device)


def _tried(parts: Parts, run: SavedRun, iteration: int) -> Sequence[Solution]:
    """Solutions that the run has sampled, spread over what there is; where it has kept none, those of the data."""
    texts = {question.number: question.text for question in parts.task.questions("train")}
    sampled = [(texts[t.question], t.steps) for t in run.samples_up_to(iteration) if t.question in texts]
    known = sampled or [(question.text, question.steps or ("",)) for question in parts.asked(TRIED)]
    return known[:: max(1, len(known) // TRIED)][:TRIED]
