"""The header of a safetensors file: names, types and shapes of its tensors, without reading a weight.

Format: eight bytes with the header's length, a JSON object, then the tensors without a gap
(https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import DAMAGED, MIB, open_plain, parse_object, reason, shown

LONGEST_HEADER = 32 * MIB
"""A header names some hundred bytes a tensor: of the largest models it has a few MiB."""
MOST_DIMENSIONS = 16
_BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}


FLOATS = {"F64": ("<u8", 0x7FF0 << 48), "F32": ("<u4", 0x7F80 << 16), "BF16": ("<u2", 0x7F80), "F16": ("<u2", 0x7C00)}
"""Types that weights are computed with: each as an integer, and its bits that are all set in NaN and infinity."""
SAMPLED = 4096
"""Bytes at the beginning of a tensor that are looked at."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header has it. `dtype` as safetensors calls it: F32, BF16, ... `place`: where its bytes lie in
    the file, from the one to before the other.
    """

    dtype: str
    shape: tuple[int, ...]
    place: tuple[int, int] = (0, 0)

    @property
    def numel(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors in `file` by name. Raises InputError where the file is cut off, damaged or something else."""
    with open_plain(file) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            if size < 10 or length > min(size - 8, LONGEST_HEADER):
                _refuse(file, f"Its header would be {length:,} bytes long, and the file has {size:,} in all.")
            data = stream.read(length)
        except OSError as error:
            raise InputError(f"{file} cannot be read", why=reason(error)) from error
    if len(data) < length:
        _refuse(file, "It is cut off inside its header.")
    if not data.startswith(b"{"):
        _refuse(file, "Its header is not a JSON object.")
    header = parse_object(data, f"The header of {file}")
    header.pop("__metadata__", None)
    return _tensors(file, header, 8 + length, size - 8 - length)


def check_sample(files: Mapping[Path, Mapping[str, Tensor]]) -> None:
    """Raise InputError where the first numbers of a tensor are NaN or infinite. The others are not read: all of a
    model's weights would take minutes."""
    for file, tensors in files.items():
        with open_plain(file) as stream:
            for name, tensor in tensors.items():
                if tensor.dtype not in FLOATS:
                    continue
                kind, set_bits = FLOATS[tensor.dtype]
                begin, end = tensor.place
                try:
                    stream.seek(begin)
                    numbers = np.frombuffer(stream.read(min(SAMPLED, end - begin)), dtype=kind)
                except (OSError, ValueError) as error:
                    raise InputError(f"{file} cannot be read", why=reason(error)) from error
                if bool(np.any((numbers & set_bits) == set_bits)):
                    raise InputError(
                        f"The tensor {shown(name)} in {file} holds NaN or infinity",
                        why="The model would calculate nothing else.",
                        fix=DAMAGED,
                    )


def _tensors(file: Path, header: Mapping[str, Any], start: int, held: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    places: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        tensor, begin, end = _entry(file, name, entry)
        bits = tensor.numel * _BITS[tensor.dtype]
        if end - begin != -(-bits // 8):
            _refuse(
                file,
                f"The tensor {shown(name)} of shape {list(tensor.shape)} would not fill its {end - begin:,} bytes.",
            )
        found[name] = replace(tensor, place=(start + begin, start + end))
        places.append((begin, end, name))
    at = 0
    for begin, end, name in sorted(places):
        if begin != at:
            _refuse(file, f"The tensor {shown(name)} does not begin where the one before it ends.")
        at = end
    if at > held:
        _refuse(file, f"It is cut off: its tensors take {at:,} bytes, and {held:,} are there.")
    if at < held:
        _refuse(file, f"It has {held - at:,} bytes behind its last tensor.")
    return found


def _entry(file: Path, name: str, entry: object) -> tuple[Tensor, int, int]:
    told = cast("Mapping[str, object]", entry) if isinstance(entry, dict) else {}
    dtype, shape, place = told.get("dtype"), _counts(told.get("shape")), _counts(told.get("data_offsets"))
    if dtype not in _BITS or shape is None or place is None or len(place) != 2 or place[0] > place[1]:
        _refuse(file, f"What its header says of the tensor {shown(name)} cannot be right.")
    return Tensor(str(dtype), shape), place[0], place[1]


def _counts(value: object) -> tuple[int, ...] | None:
    """A list of whole numbers from zero on; None for anything else."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    if len(items) > MOST_DIMENSIONS:
        return None
    numbers = tuple(item for item in items if type(item) is int and 0 <= item < 1 << 63)
    return numbers if len(numbers) == len(items) else None


def _refuse(file: Path, why: str) -> NoReturn:
    raise InputError(f"{file} is not a safetensors file that can be read", why=why, fix=DAMAGED)
