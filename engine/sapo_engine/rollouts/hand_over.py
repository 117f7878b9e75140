"""Weights on their way to a process of our own: through memory that both share, not over a disk.

The other process is told of a folder as transformers and peft write them, whose weights are a link to a file without
any name: a file descriptor that it has inherited. So nothing of them is left once both processes have ended, however
they did, and between two hand-overs they take no room. They lie in main memory where there is enough of it, else in a
nameless file on the folder's disk.
"""

from __future__ import annotations

import copy
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import psutil
import torch
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from sapo_engine.models.reasoner import PREFIX, Adapters, Reasoner, adapter_weights, plain_state
from sapo_engine.models.reasoner import WEIGHTS as ADAPTER_WEIGHTS

MODEL_WEIGHTS = "model.safetensors"
"""Name of the weights in a model's folder."""
OF_FREE_MEMORY = 0.5
"""What part of the free main memory weights may take while they are on their way."""
CONTROL_GROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may take."""
SAFETENSORS = {
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.bool: "BOOL",
}


class HandOver:
    """A place that weights are handed over at, one after the other. `folder` is for what is small, and taken over from
    whoever had it before. A process that is to read them inherits `descriptors`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._weights, self._adapter = _Nameless(folder), _Nameless(folder)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """File descriptors that the other process has to inherit under the same numbers."""
        return (*self._weights.descriptors, *self._adapter.descriptors)

    @contextmanager
    def weights(self, network: PreTrainedModel, dtype: torch.dtype) -> Generator[Path]:
        """A folder with `network`'s own weights (no adapters) in `dtype`, for as long as the other process reads it."""
        folder = self._made("weights")
        config = copy.deepcopy(network.config)
        config.architectures = [type(network).__name__]
        config.save_pretrained(folder)
        state = revert_weight_conversion(network, _once(plain_state(network)))
        try:
            (folder / MODEL_WEIGHTS).symlink_to(self._weights.fill(state, dtype))
            yield folder
        finally:
            self._weights.clear()

    def adapter(self, reasoner: Reasoner, adapters: Adapters) -> Path:
        """A folder with `reasoner`'s adapter. It stays until the next adapter: vLLM may go on reading what it has
        opened once."""
        for old in self.folder.glob("adapter-*"):
            shutil.rmtree(old)
        folder = self._made(f"adapter-{reasoner.key}")
        adapters.peft_config().save_pretrained(str(folder))
        own = adapter_weights(reasoner.network, reasoner.adapter)
        (folder / ADAPTER_WEIGHTS).symlink_to(self._adapter.fill({PREFIX + key: value for key, value in own.items()}))
        return folder

    def close(self) -> None:
        """Give everything back. It may be called twice."""
        self._weights.close()
        self._adapter.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder


class _Nameless:
    """A file without a name, in memory or on the disk of `folder`: which of them is decided as it is filled."""

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        disk = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # as long as this
        self._files: list[IO[bytes]] = [self._open.enter_context(disk)]
        if hasattr(os, "memfd_create"):
            # Not in /dev/shm: it has names, and in containers mostly 64 MiB.
            self._files.append(self._open.enter_context(os.fdopen(os.memfd_create("weights"), "r+b")))

    @property
    def descriptors(self) -> list[int]:
        """Of the one on the disk, and of the one in memory where the system has such."""
        return [file.fileno() for file in self._files]

    def fill(self, state: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None) -> str:
        """Write `state` in place of what was here; returns the path that a process with `descriptors` reads it at."""
        self.clear()
        header, places, size = _layout(state, dtype)
        descriptor = self.descriptors[-1 if size <= OF_FREE_MEMORY * free_memory() else 0]
        # Asked for beforehand: a full disk is told of here, where it can be said, not by a signal.
        os.posix_fallocate(descriptor, 0, size)
        with mmap.mmap(descriptor, size) as shared:
            shared[: len(header)] = header
            for name, (begin, kind) in places.items():
                _copy(state[name].detach(), shared, begin, kind)
        return f"/proc/self/fd/{descriptor}"

    def clear(self) -> None:
        """Take no room. Who has not copied yet what it was handed ends by a signal (SIGBUS) as it looks."""
        for descriptor in self.descriptors:
            os.ftruncate(descriptor, 0)

    def close(self) -> None:
        """Be gone, as soon as the other process is."""
        self._open.close()


def free_memory() -> int:
    """Bytes of main memory that this process may still take: the machine's, or its control group's if that is less."""
    free = psutil.virtual_memory().available
    try:
        most = int((CONTROL_GROUP / "memory.max").read_text())
        return min(free, most - int((CONTROL_GROUP / "memory.current").read_text()))
    except (OSError, ValueError):  # there is none, or it says `max`
        return free


def _once(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors that share their memory under the first of their names, as transformers saves tied weights."""
    seen: set[tuple[int, torch.Size]] = set()
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if (value.data_ptr(), value.shape) not in seen:
            seen.add((value.data_ptr(), value.shape))
            found[name] = value
    return found


Places = dict[str, tuple[int, torch.dtype]]


def _layout(state: Mapping[str, torch.Tensor], dtype: torch.dtype | None) -> tuple[bytes, Places, int]:
    """The head of a safetensors file of `state`, where each tensor begins and its type, and the file's size. `dtype`
    is that of all floating point numbers; None: each its own."""
    types = {name: dtype if dtype and value.is_floating_point() else value.dtype for name, value in state.items()}
    told: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    offsets: dict[str, int] = {}
    # The widest first, so that each begins at a multiple of its width.
    for name in sorted(state, key=lambda name: -types[name].itemsize):
        end = begin + state[name].numel() * types[name].itemsize
        told[name] = {
            "dtype": SAFETENSORS[types[name]],
            "shape": list(state[name].shape),
            "data_offsets": [begin, end],
        }
        offsets[name] = begin
        begin = end
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 8)
    header = len(text).to_bytes(8, "little") + text
    return header, {name: (len(header) + at, types[name]) for name, at in offsets.items()}, len(header) + begin


def _copy(value: torch.Tensor, shared: mmap.mmap, begin: int, dtype: torch.dtype) -> None:
    """From where it lies straight to its place."""
    if value.numel():
        place = torch.frombuffer(shared, dtype=dtype, count=value.numel(), offset=begin)
        place.view(value.shape).copy_(value)
