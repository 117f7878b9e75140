"""A verifier as a token-classification model of transformers: its head becomes the model's own, no code goes with it
(`verifier.published` says how, and what becomes of architectures without one)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoModelForTokenClassification, PreTrainedConfig, PreTrainedModel

from sapo_engine.publishing.merging import plain_config, save_weights
from sapo_engine.text.recipe import Recipe
from sapo_engine.verifier.model import FEATURES, Verifier
from sapo_engine.verifier.published import KEY, Layout
from sapo_studio.errors import InputError


def has_classifier(config: PreTrainedConfig) -> bool:
    """Whether transformers has a token classifier of this architecture."""
    return type(config) in AutoModelForTokenClassification._model_mapping  # pyright: ignore[reportPrivateUsage]


def layout_of(verifier: Verifier, recipe: Recipe, *, classifier: bool) -> Layout:
    """How texts are put to the published `verifier`, and its head where it is no `classifier`."""
    weights: list[float] = verifier.head.weight.detach()[0].float().tolist()
    cut = len(weights) - (FEATURES if verifier.kind == "likelihood" else 0)
    features = tuple(weights[cut:])
    if classifier:
        return Layout(recipe, features)
    return Layout(recipe, features, tuple(weights[:cut]), float(verifier.head.bias.detach()))


def write_causal(
    verifier: Verifier, state: dict[str, torch.Tensor], layout: Layout, dtype: torch.dtype, folder: Path
) -> None:
    """Write the verifier, whose backbone has the weights `state`, as a causal language model that has the head in its
    config.json."""
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in state.items()}
    save_weights(state, verifier.backbone, dtype, folder)
    file = folder / "config.json"
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    _write(file, told | {KEY: layout.to_json()})


def write_classifier(
    verifier: Verifier, state: dict[str, torch.Tensor], layout: Layout, dtype: torch.dtype, folder: Path
) -> None:
    """Write the verifier, whose backbone has the weights `state`, to `folder` in `dtype`."""
    config = plain_config(verifier.backbone)
    outputs = layout.outputs(_language_head(verifier).weight.shape[0])
    config.num_labels = outputs
    setattr(config, KEY, layout.to_json())
    with torch.device("meta"):
        shell = cast("PreTrainedModel", AutoModelForTokenClassification.from_config(config))
    nn.Module.to(shell, dtype)  # it is told in config.json
    body = {name: value.to(dtype) for name, value in state.items() if name in shell.state_dict()}
    name = _own_layer(shell, body)
    weight, bias = _rows(verifier, state)
    body |= {f"{name}.weight": weight.to(dtype), f"{name}.bias": bias.to(dtype)}
    shell.save_pretrained(folder, state_dict=body, safe_serialization=True)
    _tell_outputs(folder / "config.json", outputs)


def _own_layer(shell: PreTrainedModel, body: dict[str, torch.Tensor]) -> str:
    """The name of the classifier's linear layer: what it has beside the backbone."""
    beside = {name.rpartition(".")[0] for name in shell.state_dict() if name not in body}
    layers = [name for name in beside if isinstance(shell.get_submodule(name), nn.Linear)]
    if len(beside) != 1 or len(layers) != 1 or f"{layers[0]}.bias" not in shell.state_dict():
        raise InputError(
            f"A verifier of the architecture {shell.config.model_type} cannot be published",
            why=f"{type(shell).__name__} has more than one linear layer behind its backbone ({', '.join(beside)}).",
        )
    return layers[0]


def _language_head(verifier: Verifier) -> nn.Linear:
    return cast("nn.Linear", verifier.backbone.get_output_embeddings())


def _rows(verifier: Verifier, state: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the classifier's layer."""
    weight, bias = verifier.head.weight.detach().cpu(), verifier.head.bias.detach().cpu()
    if verifier.kind != "likelihood":
        return weight, bias
    language = _language_head(verifier)
    rows = language.weight.detach().cpu().float()
    own = cast("torch.Tensor | None", language.bias)
    offsets = torch.zeros(len(rows)) if own is None else own.detach().cpu().float()
    return torch.cat([rows, weight[:, :-FEATURES].float()]), torch.cat([offsets, bias.float()])


def _tell_outputs(file: Path, outputs: int) -> None:
    """Say how many outputs there are by their number: transformers would write a made-up name for each, which of a
    large vocabulary are megabytes."""
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    told.pop("id2label", None)
    told.pop("label2id", None)
    _write(file, told | {"num_labels": outputs})


def _write(file: Path, told: dict[str, Any]) -> None:
    file.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
