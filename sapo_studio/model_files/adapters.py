"""Adapter folders (peft): a change to another model's weights, told from a model of its own."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import read_object, shown

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_FEW_BITS = re.compile(r"bnb|\d[-_]?bit|nf4|fp4|int[48]|gptq|awq|fp8|w[48]a\d", re.IGNORECASE)


def check_no_adapter(folder: Path) -> None:
    """Raise InputError where an adapter lies in `folder`: it says which model it belongs to and what is missing.

    Whatever lies beside it: transformers would look for the base by its name, in the Hub too.
    """
    file = folder / CONFIG
    if not file.exists() and not file.is_symlink():
        return
    told = read_object(file)
    missing = [*_base(told.get("base_model_name_or_path")), *_kind(told)]
    if not (folder / WEIGHTS).is_file():
        missing.append(f"Its own weights ({WEIGHTS}) are not in the folder.")
    raise InputError(
        f"{folder} holds an adapter, not a whole model",
        why=" ".join(missing),
        fix="Give the base model as model.source; or merge the adapter into it first (peft: merge_and_unload) and give "
        "the folder of the merged model. Nothing is downloaded for an adapter.",
    )


def _base(base: object) -> list[str]:
    if not isinstance(base, str) or not base.strip():
        return [f"{CONFIG} does not say which model's weights it changes."]
    name = shown(base)
    found = [f"It changes the weights of {name}, which are missing here."]
    path = Path(base)
    with suppress(RuntimeError):  # "~NAME" of nobody here
        path = path.expanduser()
    if base.startswith(("/", "~", ".", "\\")) or re.match(r"[A-Za-z]:[\\/]", base):
        if _is_folder(path):
            found = [f"It changes the weights of the model in {name}."]
        else:
            found = [f"It changes the weights of {name}: a folder of another machine, which is missing here."]
    if _FEW_BITS.search(base) or _is_quantised(path):
        found.append(
            "The weights of that base are kept in a few bits (quantised): they cannot be trained, so the base in full "
            "precision is missing too."
        )
    return found


def _kind(told: dict[str, Any]) -> list[str]:
    found: list[str] = []
    kind, task = told.get("peft_type"), told.get("task_type")
    if task not in (None, "CAUSAL_LM"):
        found.append(f"It was made for {shown(task)}, and a reasoner is a causal language model (CAUSAL_LM).")
    if kind not in (None, "LORA"):
        found.append(f"It is of the kind {shown(kind)}, and only LoRA is known here.")
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_quantised(base: Path) -> bool:
    file = base / "config.json"
    try:
        return file.is_file() and isinstance(cast("object", read_object(file).get("quantization_config")), dict)
    except (InputError, OSError, ValueError):
        return False
