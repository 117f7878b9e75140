"""The header of a GGUF file: its facts and the names of its tensors, without loading a weight.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sapo_studio.errors import InputError

_PLAIN = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
LONGEST = 1 << 24
"""A string or list longer than this is no header's."""


@dataclass(frozen=True)
class Header:
    """`facts` by key; of a list only its length is kept. `tensors` are the names of all tensors."""

    facts: dict[str, Any]
    tensors: frozenset[str]


def read_header(path: Path) -> Header:
    """The header of `path`. Raises InputError for a file that is not GGUF or is cut off."""
    try:
        with path.open("rb") as stream:
            return _Reader(stream).header()
    except (OSError, struct.error, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a GGUF file that can be read", why=str(error)) from error


class _Reader:
    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def header(self) -> Header:
        if self.stream.read(4) != b"GGUF":
            raise ValueError("It does not begin with GGUF.")
        version = self.number("<I")
        if version not in (2, 3):
            raise ValueError(f"Version {version} of the format is not known.")
        tensors, facts = self.number("<Q"), self.number("<Q")
        if max(tensors, facts) > LONGEST:
            raise ValueError("Its header names too many things.")
        known = {self.text(): self.value(self.number("<I")) for _ in range(facts)}
        names: set[str] = set()
        for _ in range(tensors):
            names.add(self.text())
            # Sizes, then the type and the place of the tensor.
            self.skip(8 * self.number("<I") + 4 + 8)
        return Header(known, frozenset(names))

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.stream.read(struct.calcsize(form)))[0]

    def skip(self, count: int) -> None:
        if len(self.stream.read(count)) < count:
            raise ValueError("It is cut off.")

    def text(self) -> str:
        length = self.number("<Q")
        if length > LONGEST:
            raise ValueError("A name in its header is too long.")
        return self.stream.read(length).decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind in _PLAIN:
            return self.number(_PLAIN[kind])
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            raise ValueError(f"Type {kind} in its header is not known.")
        inner, count = self.number("<I"), self.number("<Q")
        if count > LONGEST:
            raise ValueError("A list in its header is too long.")
        if inner in _PLAIN:
            self.skip(count * struct.calcsize(_PLAIN[inner]))
        else:
            for _ in range(count):
                self.value(inner)
        return int(count)
