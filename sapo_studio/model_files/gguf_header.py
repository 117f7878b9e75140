"""The header of a GGUF file: its facts, and names and shapes of its tensors, without loading a weight.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import DAMAGED, open_plain, reason, shown

_PLAIN = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
LONGEST_TEXT = 1 << 24
"""A text longer than this is no header's; a chat template has some thousand bytes."""
DEEPEST = 4
"""Lists inside each other."""
MOST_DIMENSIONS = 4
KEPT = 1 << 16
"""Texts up to this length are kept."""
# Numbers a block and bytes a block of each type that tensors are kept in.
_BLOCKS = {
    **{0: (1, 4), 1: (1, 2), 30: (1, 2), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8)},
    **{2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 20: (32, 18)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292)},
    **{16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 21: (256, 110), 22: (256, 82), 23: (256, 136)},
    **{29: (256, 56), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18)},
}


@dataclass(frozen=True)
class Header:
    """`facts` by key; of a list only its length is kept, a very long text is cut. `tensors`: their shapes by name,
    slowest dimension first, as transformers has them."""

    facts: dict[str, Any]
    tensors: dict[str, tuple[int, ...]]


def read_header(path: Path) -> Header:
    """The header of `path`. Raises InputError for a file that is not GGUF, is cut off or does not add up."""
    with open_plain(path) as stream:
        try:
            return _Reader(stream, os.fstat(stream.fileno()).st_size).header()
        except (OSError, struct.error, ValueError, OverflowError) as error:
            raise InputError(f"{path} is not a GGUF file that can be read", why=reason(error), fix=DAMAGED) from error


class _Reader:
    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.size = size

    def header(self) -> Header:
        if self.stream.read(4) != b"GGUF":
            raise ValueError("It does not begin with GGUF.")
        version = self.number("<I")
        if version not in (2, 3):
            raise ValueError(f"Version {version} of the format is not known.")
        tensors, facts = self.number("<Q"), self.number("<Q")
        # A fact takes at least 13 bytes, a tensor 24.
        self.check_room(13 * facts + 24 * tensors, "Its header names more things than the file has room for.")
        known: dict[str, Any] = {}
        for _ in range(facts):
            key = self.text()
            known[key] = self.value(self.number("<I"), 0)
        found: dict[str, tuple[int, ...]] = {}
        ends: list[tuple[int, str]] = []
        for _ in range(tensors):
            name = self.text()
            if name in found:
                raise ValueError(f"It names the tensor {shown(name)} twice.")
            found[name], end = self.tensor(name)
            ends.append((end, name))
        step = known.get("general.alignment", 32)
        if type(step) is not int or not 0 < step <= 1 << 20:
            raise ValueError(f"general.alignment = {shown(step)} cannot be.")
        begin = -(-self.stream.tell() // step) * step
        last, name = max(ends, default=(0, ""))
        if begin + last > self.size:
            raise ValueError(f"It is cut off: the tensor {shown(name)} would end behind the end of the file.")
        return Header(known, found)

    def tensor(self, name: str) -> tuple[tuple[int, ...], int]:
        """A tensor's shape, and where it ends in the data."""
        count = self.number("<I")
        if not 0 < count <= MOST_DIMENSIONS:
            raise ValueError(f"The tensor {shown(name)} would have {count} dimensions.")
        shape = tuple(self.number("<Q") for _ in range(count))
        kind, place = self.number("<I"), self.number("<Q")
        if kind not in _BLOCKS:
            raise ValueError(f"The tensor {shown(name)} is of type {kind}, which is not known.")
        block, width = _BLOCKS[kind]
        total = math.prod(shape)
        if not total or total % block or shape[0] % block:
            raise ValueError(f"The tensor {shown(name)} of shape {list(shape)} cannot be of type {kind}.")
        return shape[::-1], place + total // block * width

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def check_room(self, count: int, why: str = "It is cut off.") -> None:
        if count > self.size - self.stream.tell():
            raise ValueError(why)

    def take(self, count: int) -> bytes:
        data = self.stream.read(count)
        if len(data) < count:
            raise ValueError("It is cut off.")
        return data

    def skip(self, count: int) -> None:
        self.check_room(count)
        self.stream.seek(count, os.SEEK_CUR)

    def text(self) -> str:
        length = self.number("<Q")
        if length > LONGEST_TEXT:
            raise ValueError("A text in its header is too long.")
        text = self.take(min(length, KEPT)).decode("utf-8", errors="replace")
        self.skip(length - min(length, KEPT))
        return text

    def value(self, kind: int, depth: int) -> Any:
        if kind in _PLAIN:
            return self.number(_PLAIN[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise ValueError(f"Type {kind} in its header is not known.")
        if depth >= DEEPEST:
            raise ValueError("Its header has lists inside lists without end.")
        inner, count = self.number("<I"), self.number("<Q")
        if inner in _PLAIN:
            self.skip(count * struct.calcsize(_PLAIN[inner]))
            return int(count)
        # A text takes at least 8 bytes, a list 12.
        self.check_room(8 * count)
        for _ in range(count):
            if inner == _STRING:
                self.skip(self.number("<Q"))
            else:
                self.value(inner, depth + 1)
        return int(count)
