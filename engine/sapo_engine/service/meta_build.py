"""A run without weights: everything that a configuration asks for is built on torch's `meta` device, where tensors have
a shape and no content, and one training step of reasoner and verifier goes through.

`python -m sapo_engine.service.meta_build PRESET` prints what it found. Nothing is fetched: the shapes of the Hub
models that presets name ship with the program.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

from sapo_engine.models.loading import load_config
from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import Adapters, Reasoner, clone, with_adapter
from sapo_engine.training.batching import PromptCompletion, pad
from sapo_engine.training.objectives import OrpoLoss
from sapo_engine.verifier.model import fresh_verifier
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, SapoError
from sapo_studio.paths import resources_dir

META = torch.device("meta")


@dataclass(frozen=True, slots=True)
class Built:
    """What was built. Numbers of weights; `verifier_own` are those that the verifier does not share."""

    family: str
    phases: int
    weights: int
    trained: int
    verifier_trained: int
    verifier_own: int
    gradients: int


def known_shape(source: str) -> PreTrainedConfig | None:
    """A Hub model's architecture as it ships with the program; None for others."""
    shapes: dict[str, dict[str, Any]] = json.loads((resources_dir() / "shapes.json").read_text(encoding="utf-8"))
    found = shapes.get(source.removeprefix("hub:"))
    return None if found is None else AutoConfig.for_model(**found)


def shape_of(config: RunConfig) -> PreTrainedConfig:
    """The architecture of the run's model. InputError where it is not to be had without fetching it."""
    source = config.model.source
    if source.startswith("hub:"):
        found = known_shape(source)
        if found is None:
            raise InputError(
                f"The shape of {source} is not known here", fix="Download the model and give its folder instead."
            )
        return found
    if source.startswith("bundled:"):
        return load_config(resources_dir() / "models" / source.removeprefix("bundled:"))
    return load_config(Path(source).expanduser())


def build(config: RunConfig) -> Built:
    """Build the reasoner, its clone, its verifier and the loss of one pair, and go backwards through both."""
    shape = shape_of(config)
    tuning = config.model.tuning
    precision = resolve(config.model.precision, META)
    adapters = Adapters.of(config.model)
    with META:
        # Eager attention: the others look into the mask, which has no content here.
        network = cast("PreTrainedModel", AutoModelForCausalLM.from_config(shape, attn_implementation="eager"))
        nn.Module.to(network, torch.float32 if tuning == "full" else DTYPES[precision])
        if config.model.gradient_checkpointing:
            network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        reasoner = Reasoner(network) if tuning == "full" else with_adapter(network, adapters)
        aligned = clone(reasoner, adapters)
        trained = aligned.trainable()
        counts = [p.numel() for p in trained.parameters() if p.requires_grad]
        text = PromptCompletion(tuple(range(8)), tuple(range(24)))
        part, _ = OrpoLoss(trained, [(text, text)], 0, config.optimiser.beta).part([0])
        part.backward()
        gradients = sum(1 for p in trained.parameters() if p.grad is not None)

        verifier = fresh_verifier(reasoner, config.verifier, adapters, seed=0)
        verifier.base.trainable()
        batch = pad([text], 0, META)
        verifier(batch, torch.tensor([[15, 31]])).sum().backward()
        own = verifier.base.network is not reasoner.network
        verifier_counts = [p.numel() for p in verifier.parameters() if p.requires_grad]
        weights = reasoner.parameters_in_all()
    return Built(
        family=str(shape.model_type),
        phases=len(plan(config)),
        weights=weights,
        trained=sum(counts),
        verifier_trained=sum(verifier_counts),
        verifier_own=sum(p.numel() for p in verifier.parameters()) if own else sum(verifier_counts),
        gradients=gradients,
    )


def main(arguments: list[str]) -> int:
    """Print what each preset or file of `arguments` builds, one JSON object a line."""
    for name in arguments:
        try:
            print(json.dumps({"name": name, **asdict(build(find_preset(name).config))}))
        except SapoError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
