"""A GGUF file of a model's folder, by llama.cpp's own converter: it knows the architectures and tokenizers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.model_files.gguf_header import read_header
from sapo_studio.model_files.reading import shown

TYPES = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
SHOWN_LINES = 4
"""Of what the converter said, where it failed."""


def write_gguf(converter: Path, folder: Path, dtype: str, name: str) -> str:
    """Have `converter` write the model in `folder` as GGUF beside it. Returns the file's name.

    Raises InputError with the converter's own words where it cannot: it does not know every architecture or tokenizer.
    """
    file = folder / f"{name}.gguf"
    command = [sys.executable, str(converter), str(folder), "--outfile", str(file), "--outtype", TYPES[dtype]]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0 or not file.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()[-SHOWN_LINES:]
        raise InputError(
            "llama.cpp's converter cannot make a GGUF file of this model",
            why=shown(" ".join(" ".join(said).split()), 400) or f"It ended with status {done.returncode}.",
            fix="Publish it without --gguf, or get a newer llama.cpp.",
        )
    read_header(file)  # whole, and what it should be
    return file.name
