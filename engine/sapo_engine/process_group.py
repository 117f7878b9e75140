"""The processes that work on a run together.

Every rank goes through the same loop with the same configuration and does the bookkeeping itself; what is dear is
divided. All ranks must call the methods here in the same order: that they never part ways is why whatever depends on
time, files or orders is decided by the leader (rank 0) and shared.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import distributed, nn

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = timedelta(days=1)
"""How long a rank waits for the others: one may be grading, or saving, or paused. One that has died is noticed at
once, by its connections and by the launcher."""

BUCKET = 16 * 2**20
"""Gradients are summed so many numbers at a time."""

_LAUNCHED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_LAUNCHED_PREFIXES = ("TORCHELASTIC_", "ACCELERATE_", "GROUP_", "ROLE_")


class PeersLostError(Exception):
    """Another rank is gone: this one can do nothing but end, and the reason is the other's."""


class Group:
    """One process on its own: everything here costs nothing. Several are a `Ranks`."""

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    """Which of how many on this machine."""

    @property
    def leader(self) -> bool:
        """Whether this rank speaks for all: it sends events, takes orders and writes files."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Everybody's `value`, by rank, on all ranks."""
        return [value]

    def share(self, value: T) -> T:
        """The leader's `value`, on all ranks."""
        return value

    def broadcast_int(self, number: int) -> int:
        """The leader's `number`, on all ranks; cheaper than `share`."""
        return number

    def map(
        self, items: Sequence[T], work: Callable[[Sequence[T]], Sequence[R]], weights: Sequence[float] | None = None
    ) -> list[R]:
        """`work(items)`, one result an item in their order: each rank works on a part of the items.

        All ranks have the same results, also where `work` would not do the same twice. `weights` say how much work
        an item is.
        """
        if self.size == 1:
            return list(work(items))
        shares = partition(weights or [1.0] * len(items), self.size)
        mine = work([items[i] for i in shares[self.rank]]) if shares[self.rank] else []
        found: dict[int, R] = {}
        for share, results in zip(shares, self.gather(list(mine)), strict=True):
            found.update(zip(share, results, strict=True))
        return [found[i] for i in range(len(items))]

    def total(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sums over ranks, by name, equal on all ranks."""
        sums: dict[str, float] = {}
        for mine in self.gather(dict(values)):
            for name, value in mine.items():
                sums[name] = sums.get(name, 0.0) + value
        return sums

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the sum of all ranks' gradients in place of each rank's own."""

    def broadcast_parameters(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give all ranks the leader's values of `parameters`, bit by bit."""

    def mesh(self, device: torch.device) -> distributed.DeviceMesh | None:
        """The ranks as those that divide a model on `device` among them; None for one process on its own."""
        return None

    def helpers_per_rank(self, count: int) -> int:
        """This rank's part of its machine's `count` helper processes. 0 means one a core, and stays 0 for a single
        rank."""
        return max(1, (count or os.cpu_count() or 1) // self.local_size) if self.size > 1 else count

    def barrier(self) -> None:
        """Return once all ranks are here: what the leader wrote before it can be read after it."""

    def close(self) -> None:
        """Leave the others in good order."""


ALONE = Group()


class Ranks(Group):
    """Several processes, on one machine or more: gloo for objects and on CPU, NCCL for gradients on cards.

    Everything raises PeersLostError where another rank has ended.
    """

    def __init__(self) -> None:
        with _peers():
            distributed.init_process_group("gloo", timeout=PATIENCE)
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()
        machines = self.gather(_machine())
        self.local_size = machines.count(machines[self.rank])
        self.local_rank = machines[: self.rank].count(machines[self.rank])
        self._gradients: distributed.ProcessGroup | None = None

    def use(self, device: torch.device) -> None:
        """Sum gradients on `device`, this rank's own card."""
        if device.type == "cuda":
            torch.cuda.set_device(device.index or 0)
            with _peers():
                made = distributed.new_group(backend="nccl", timeout=PATIENCE)
            self._gradients = cast("distributed.ProcessGroup", made)  # every rank is a member

    def gather(self, value: T) -> list[T]:
        """See Group."""
        found: list[Any] = [None] * self.size
        with _peers():
            distributed.all_gather_object(found, value)
        return cast("list[T]", found)

    def share(self, value: T) -> T:
        """See Group."""
        box: list[Any] = [value if self.leader else None]
        with _peers():
            distributed.broadcast_object_list(box, src=0)
        return cast("T", box[0])

    def broadcast_int(self, number: int) -> int:
        """See Group."""
        box = torch.tensor([number], dtype=torch.int64)
        with _peers():
            distributed.broadcast(box, src=0)
        return int(box)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """See Group. A parameter that has no gradient on any rank keeps none."""
        present = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
        with _peers():
            distributed.all_reduce(present)
        used = [p for p, count in zip(parameters, present.tolist(), strict=True) if count]
        for bucket in _buckets(used):
            flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in bucket])
            with _peers():
                distributed.all_reduce(flat, group=self._gradients)
            for p, piece in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                if p.grad is None:
                    p.grad = piece.view_as(p).clone()
                else:
                    p.grad.copy_(piece.view_as(p))

    def broadcast_parameters(self, parameters: Iterable[nn.Parameter]) -> None:
        """See Group."""
        with torch.no_grad():
            for bucket in _buckets(parameters):
                flat = torch.cat([p.detach().flatten() for p in bucket])
                with _peers():
                    distributed.broadcast(flat, src=0, group=self._gradients)
                for p, piece in zip(bucket, flat.split([p.numel() for p in bucket]), strict=True):
                    p.copy_(piece.view_as(p))

    def mesh(self, device: torch.device) -> distributed.DeviceMesh | None:
        """See Group."""
        members = self._gradients or cast("distributed.ProcessGroup", distributed.group.WORLD)
        return distributed.DeviceMesh.from_group(members, device.type)

    def barrier(self) -> None:
        """See Group."""
        self.broadcast_int(0)
        self.gather(None)

    def close(self) -> None:
        """See Group."""
        self.barrier()
        distributed.destroy_process_group()


@contextlib.contextmanager
def _peers() -> Generator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # gloo and NCCL have no finer one that all of them use
        raise PeersLostError(str(error)) from error


@contextlib.contextmanager
def peers_at_work() -> Generator[None]:
    """Raise PeersLostError where a library's own messages to other ranks fail inside. Its other errors pass."""
    try:
        yield
    except RuntimeError as error:
        # gloo has none of its own, and names its files in what it says.
        if isinstance(error, distributed.DistError) or "gloo" in str(error):
            raise PeersLostError(str(error)) from error
        raise


def _machine() -> tuple[str, str]:
    """What tells this machine from others, also from one of the same name. A container counts as one."""
    with contextlib.suppress(OSError):
        return socket.gethostname(), Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return socket.gethostname(), ""


def join() -> Ranks | None:
    """This process's group, from the environment that the launcher gave it. None where it is on its own.

    The environment is cleared of it: libraries that look there would take it as an invitation to divide their own
    work.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return None
    group = Ranks()
    for name in [name for name in os.environ if name in _LAUNCHED or name.startswith(_LAUNCHED_PREFIXES)]:
        del os.environ[name]
    return group


def partition(weights: Sequence[float], size: int) -> list[list[int]]:
    """Indices of `weights` in `size` parts of about equal weight, each in rising order; the same on every rank.

    Heavy ones are dealt first, each to the part that has least; of equal ones neighbours go to different parts.
    """
    parts: list[list[int]] = [[] for _ in range(size)]
    loads = [(0.0, 0, part) for part in range(size)]
    for index in sorted(range(len(weights)), key=lambda i: -weights[i]):
        load, count, part = heapq.heappop(loads)
        parts[part].append(index)
        heapq.heappush(loads, (load + weights[index], count + 1, part))
    return [sorted(part) for part in parts]


def _buckets(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters of one type, so many together that each exchange is large."""
    by_type: dict[torch.dtype, list[nn.Parameter]] = {}
    for parameter in parameters:
        by_type.setdefault(parameter.dtype, []).append(parameter)
    buckets: list[list[nn.Parameter]] = []
    for same in by_type.values():
        filled = BUCKET
        for parameter in same:
            if filled + parameter.numel() > BUCKET:
                buckets.append([])
                filled = 0
            buckets[-1].append(parameter)
            filled += parameter.numel()
    return buckets
