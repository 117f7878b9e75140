"""Whether two model folders hold the same model, so that one need not be loaded beside the other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from sapo_studio.model_files.folder import read_config

_SAYS_NOTHING = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache")
"""Keys of config.json that say nothing about what the model computes."""
_BLOCK = 1 << 20
_PROBES = 16


def same_model(one: Path, other: Path) -> bool:
    """Whether configuration and weights are equal, byte for byte. Two that differ are nearly always told apart by a few
    blocks of them; only of equal ones everything is read."""
    files = _weight_files(one)
    if not files or [f.name for f in files] != [f.name for f in _weight_files(other)]:
        return False
    if one == other:
        return True
    if _computes(one) != _computes(other):
        return False
    pairs = [(file, other / file.name) for file in files]
    if any(a.stat().st_size != b.stat().st_size for a, b in pairs):
        return False
    return all(_same(a, b, probes=True) for a, b in pairs) and all(_same(a, b, probes=False) for a, b in pairs)


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _computes(folder: Path) -> dict[str, Any]:
    return {key: value for key, value in read_config(folder).items() if key not in _SAYS_NOTHING}


def _same(one: Path, other: Path, *, probes: bool) -> bool:
    size = one.stat().st_size
    steps = max(_BLOCK, size // _PROBES) if probes else _BLOCK
    places = [*range(0, size, steps), size]
    with one.open("rb") as a, other.open("rb") as b:
        for begins, ends in pairwise(places):
            a.seek(begins)
            b.seek(begins)
            length = min(_BLOCK, ends - begins)
            if a.read(length) != b.read(length):
                return False
    return True
