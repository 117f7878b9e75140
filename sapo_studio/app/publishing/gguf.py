"""Where llama.cpp's converter lies, which makes a GGUF file of a model's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.paths import user_path

CONVERTER = "convert_hf_to_gguf.py"
VARIABLE = "SAPO_LLAMA_CPP"
"""Environment: the converter, or the folder of llama.cpp that it lies in."""


def find_converter() -> Path:
    """The converter. Raises InputError, with what to install, where there is none."""
    named = os.environ.get(VARIABLE, "")
    if named:
        place = user_path(named)
        file = place / CONVERTER if place.is_dir() else place
        if not file.is_file():
            raise InputError(
                f"There is no {CONVERTER} at {place}",
                why=f"The environment variable {VARIABLE} names it.",
                fix=f"Have it name the folder of llama.cpp that {CONVERTER} lies in.",
            )
        return file.resolve()
    found = shutil.which(CONVERTER)
    if found is None:
        raise InputError(
            "A GGUF file needs llama.cpp's converter",
            why=f"{CONVERTER} is not on PATH, and {VARIABLE} names no folder of llama.cpp.",
            fix="Get it by `git clone https://github.com/ggml-org/llama.cpp`, and set "
            f"{VARIABLE} to that folder. Nothing of it needs to be built.",
        )
    return Path(found).resolve()
