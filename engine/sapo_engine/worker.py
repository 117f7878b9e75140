"""The worker: one process that computes a run. Orders come in on standard input, events go out on standard
output, one JSON object a line.

Anything that a library prints goes to standard error, which the parent keeps in the run's engine.log.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sapo_studio import processes
from sapo_studio.config.schema import RunConfig, parse_config
from sapo_studio.errors import InputError, SapoError, Stopped
from sapo_studio.events import Event, encode
from sapo_studio.events.control import CONTROL, Order, Start
from sapo_studio.events.kinds import Failed, Finished, Hello, Plan

if TYPE_CHECKING:
    import torch

    from sapo_engine.context import Orders

PACKAGES = ("torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers")


class Wire:
    """The way out: events as lines on what was standard output."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Write one event, whole."""
        line = encode(event)
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


def main() -> int:
    """Run until all phases are done, or until told otherwise. Returns the exit code."""
    processes.die_with_parent()
    wire = Wire(_take_standard_output())
    # Unbuffered: a thread that waits inside a buffered reader makes the interpreter abort at its end.
    lines = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
    first = lines.readline()
    if not first:
        return 0
    start = CONTROL.validate_json(first)
    if not isinstance(start, Start):
        wire.send(
            Failed(what="The engine worker was told something else before Start", fix="This is a fault of the program.")
        )
        return 1
    try:
        return _run(start, wire, lines)
    except SapoError as error:
        wire.send(Failed(what=error.what, why=error.why, fix=error.fix))
    except MemoryError:
        wire.send(
            Failed(what="The engine ran out of memory", why=traceback.format_exc(limit=3), fix=SMALLER, retry=True)
        )
    except Exception as error:  # the last resort of a process: whatever it is, the parent must hear of it
        traceback.print_exc()
        wire.send(_failure(error))
    return 1


SMALLER = "Lower runtime.rollout_batch or the batch sizes, or choose a smaller model."


def _failure(error: Exception) -> Failed:
    text = f"{type(error).__name__}: {error}"
    if "out of memory" in text.lower():
        return Failed(what="The device ran out of memory", why=text, fix=SMALLER, retry=True)
    if isinstance(error, FloatingPointError):
        return Failed(
            what="Training went out of bounds", why=str(error), fix="Lower the learning rate and resume the run."
        )
    return Failed(what="The engine met an error that it does not know", why=text, fix="engine.log has the details.")


def _run(start: Start, wire: Wire, lines: BinaryIO) -> int:
    # Imported here: a worker that is given a bad configuration answers in a tenth of a second.
    config = parse_config(start.config, source="the run's configuration")

    import torch
    import transformers

    from sapo_engine.context import Context, Orders
    from sapo_engine.loop import plan, run
    from sapo_engine.stages import Stages

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = _device(config)
    if config.runtime.threads:
        torch.set_num_threads(config.runtime.threads)
    wire.send(Hello(pid=os.getpid(), device=_describe(device), versions=_versions()))
    phases = plan(config)
    wire.send(Plan(phases=phases))
    orders = Orders()
    threading.Thread(target=_listen, args=(lines, orders), name="orders", daemon=True).start()
    context = Context(
        Path(start.run_dir),
        phases,
        wire.send,
        orders,
        start.done,
        config.runtime.checkpoint_seconds,
    )
    try:
        run(Stages(config, context, device))
    except Stopped:
        wire.send(Finished(complete=False))
        return 0
    wire.send(Finished(complete=True))
    return 0


def _listen(lines: BinaryIO, orders: Orders) -> None:
    """Take orders until the parent is gone; then there is no one to work for."""
    for line in lines:
        order = CONTROL.validate_json(line)
        if isinstance(order, Order):
            orders.take(order.verb)
    os._exit(0)


def _take_standard_output() -> BinaryIO:
    """Standard output for events alone: file descriptor 1 now leads to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(own, "wb")


def _device(config: RunConfig) -> torch.device:
    import torch

    wanted = config.runtime.device
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(
            f"runtime.device = {wanted!r} is no device", why=str(error), fix='Use "auto", "cpu" or "cuda:0".'
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"There is no device {wanted}",
            why=f"torch sees {torch.cuda.device_count()} CUDA devices here.",
            fix='Set runtime.device to "auto" or "cpu".',
        )
    return device


def _describe(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    count = torch.get_num_threads()
    return f"{device} ({count} {'thread' if count == 1 else 'threads'})"


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
