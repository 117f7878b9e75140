"""From what the configuration calls a model to a folder on this disk: bundled, local, GGUF, or from the Hub."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from sapo_engine.models.checks import check_loaded, refusing
from sapo_studio.config.schema import ModelConfig
from sapo_studio.errors import InputError
from sapo_studio.files import read_manifest, write_folder
from sapo_studio.model_files.adapters import check_no_adapter
from sapo_studio.model_files.folder import read_config
from sapo_studio.model_files.gguf_file import read_gguf
from sapo_studio.model_files.sources import BUNDLED, HUB, PINNED, bundled_folder, hub_name, local_model
from sapo_studio.paths import data_dir

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PATTERNS = ("*.json", "*.model", "*.jinja", "merges.txt", "vocab.txt", "README.md", "LICENSE*")
"""The small files: what a model is read by, and the licence that it states."""


def find_folder(config: ModelConfig, run_dir: Path) -> Path:
    """The model's folder. A GGUF file is converted once, a Hub model downloaded once and pinned for the run."""
    source = config.source
    if source.startswith(BUNDLED):
        return bundled_folder(source)
    if source.startswith(HUB):
        return _hub_folder(hub_name(source, config.revision), config.revision, run_dir / PINNED)
    path = local_model(source)
    return gguf_folder(path) if path.is_file() else path


def pinned_model(run_dir: Path) -> bytes:
    """What says which commit of a Hub model the run took; empty where it took none."""
    file = run_dir / PINNED
    return file.read_bytes() if file.is_file() else b""


def pin_model(run_dir: Path, pinned: bytes) -> None:
    """Hold a rank that has another folder to the same commit."""
    if pinned and pinned != pinned_model(run_dir):
        (run_dir / PINNED).write_bytes(pinned)


def _hub_folder(name: str, revision: str, pinned: Path) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    known: dict[str, str] = json.loads(pinned.read_text()) if pinned.is_file() else {}
    commit = known.get("commit", "") if known.get("name") == name else ""
    try:
        if not commit:
            commit = HfApi().model_info(name, revision=revision or None).sha or revision
        # The small files first: what is not a model, or requires remote code, is refused before gigabytes are fetched.
        folder = Path(snapshot_download(name, revision=commit, allow_patterns=list(PATTERNS)))
        read_config(folder)
        folder = Path(snapshot_download(name, revision=commit, allow_patterns=[*WEIGHTS, *PATTERNS]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise InputError(
            f"hub:{name} cannot be had",
            why=(str(error).strip() or type(error).__name__).splitlines()[0],
            fix="Check the name, the connection and (for gated models) `hf auth login`, "
            "or download the model and give its folder.",
        ) from error
    pinned.write_text(json.dumps({"name": name, "commit": commit}))
    return folder


def gguf_folder(file: Path) -> Path:
    """The GGUF file as a safetensors folder in the cache, converted if this has not been done before.

    Dequantising takes transformers some tens of seconds; afterwards the model loads like any other.
    """
    if not file.is_file():
        raise InputError(f"There is no file {file}")
    read_gguf(file)
    # It is read as a file of its folder, and an adapter there would be taken for what is meant.
    check_no_adapter(file.parent)
    facts = file.stat()
    name = hashlib.sha256(f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
    folder = data_dir() / "cache" / "models" / f"{file.stem}-{name}"
    if read_manifest(folder) is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with refusing(
                f"{file} cannot be converted",
                "The architecture must be one that transformers reads from GGUF (Llama, Qwen2, Gemma 2, ...).",
            ):
                write_folder(folder, lambda part: _convert(file, part), {"source": str(file)})
        except BaseException:
            shutil.rmtree(folder.with_name(folder.name + ".part"), ignore_errors=True)
            raise
    return folder


def _convert(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": file.name, "trust_remote_code": False, "local_files_only": True}
    config = AutoConfig.from_pretrained(file.parent, **where)
    tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, **where)
    read: Any = AutoModelForCausalLM.from_pretrained(
        file.parent, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True, **where
    )
    check_loaded(file, read[1])
    # A model that came out of a GGUF file refuses to be saved; one built from its configuration does not.
    model: Any = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(read[0].state_dict())
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
