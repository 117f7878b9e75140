"""The worker: one process that computes a run, or one of several (launch.py). Orders come in on standard input, events
go out on standard output, one JSON object a line; of several workers only rank 0 hears and speaks.

Anything that a library prints goes to standard error, which the parent keeps in the run's engine.log.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.metadata
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sapo_engine.devices import device_called, see_card, take_device
from sapo_engine.own_output import take_standard_output
from sapo_engine.parent.exit_reasons import LOST_PEERS
from sapo_studio import __version__, processes
from sapo_studio.config.schema import parse_config
from sapo_studio.errors import EngineError, InputError, SapoError, Stopped
from sapo_studio.events import PROTOCOL, Event, encode
from sapo_studio.events.control import CONTROL, GoOn, Judgements, LabelSettings, Order, Start
from sapo_studio.events.kinds import Failed, Finished, Hello, Log, Plan

if TYPE_CHECKING:
    import torch

    from sapo_engine.phases.control import ControlState
    from sapo_engine.process_group import Ranks

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


@dataclass(frozen=True)
class Place:
    """Which of how many workers this is, as the launcher's environment says, which of this machine's cards it takes,
    and where its last words go."""

    rank: int
    size: int
    card: int
    last_words: str

    @classmethod
    def mine(cls) -> Place:
        """This process's. A worker that the parent started itself is the only one."""
        get = os.environ.get
        rank = int(get("RANK", "0"))
        card = int(get("LOCAL_RANK", str(rank)))
        return cls(rank, int(get("WORLD_SIZE", "1")), card, get("TORCHELASTIC_ERROR_FILE", ""))

    def take_card(self) -> None:
        """See this rank's card alone, as number 0, so that no library takes another. Before torch is loaded."""
        if self.size > 1:
            see_card(self.card)

    def fail(self, wire: Wire, failed: Failed) -> None:
        """Tell the parent why this worker ends. Of several workers, another may be writing to the parent just now:
        the launcher tells it then, once all have ended."""
        if self.size == 1:
            wire.send(failed)
            return
        with contextlib.suppress(OSError):  # then the exit code has to do
            part = Path(self.last_words + ".part")
            words = {"message": failed.what, "timestamp": int(time.time()), "failed": failed.model_dump(mode="json")}
            part.write_text(json.dumps(words), encoding="utf-8")
            part.replace(self.last_words)


def main() -> int:
    """Run until all phases are done, or until told otherwise. Returns the exit code."""
    processes.die_with_parent()
    if sys.platform != "win32":
        faulthandler.register(signal.SIGUSR1, all_threads=True)  # the parent asks so where it hears nothing any more
    place = Place.mine()
    place.take_card()
    wire = Wire(take_standard_output())
    try:
        if place.size == 1:
            return _run_with(None, place, wire)
        from sapo_engine.process_group import PeersLostError, join

        try:
            return _run_with(join(), place, wire)
        except PeersLostError as error:
            print(f"Rank {place.rank} of {place.size} ends because another did: {error}", file=sys.stderr, flush=True)
            return LOST_PEERS
    except SapoError as error:
        place.fail(wire, Failed.of(error))
    except MemoryError:
        place.fail(
            wire,
            Failed(what="The engine ran out of memory", why=traceback.format_exc(limit=3), fix=SMALLER, retry=True),
        )
    except Exception as error:  # the last resort of a process: whatever it is, the parent must hear of it
        traceback.print_exc()
        place.fail(wire, _failure(error))
    return 1


def _run_with(group: Ranks | None, place: Place, wire: Wire) -> int:
    # Unbuffered: a thread that waits inside a buffered reader makes the interpreter abort at its end.
    lines = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
    first = lines.readline() if place.rank == 0 else b""
    if group is not None:
        _check_releases(group)
        first = group.share(first)
    if not first:
        return 0
    start = CONTROL.validate_json(first)
    if not isinstance(start, Start):
        raise EngineError(
            "Protocol error: expected Start", why=f"It was {first[:80]!r}.", fix="This is a fault of the program."
        )
    return _run(start, group, place, wire, lines)


def _check_releases(group: Ranks) -> None:
    """Several machines may have several releases of the program, which would part ways."""
    there = group.gather((f"{__version__} (protocol {PROTOCOL})", socket.gethostname()))
    if len({release for release, _ in there}) > 1:
        raise InputError(
            "The workers are of several releases of the program",
            why=", ".join(dict.fromkeys(f"{release} on {host}" for release, host in there)) + ".",
            fix="Install the same release of sapo-studio[engine] on all machines.",
        )


SMALLER = (
    "Resume with less at a time: sapo resume RUN --set runtime.micro_tokens=... (positions trained on) or "
    "--set runtime.rollout_batch=... (sequences sampled); or choose a smaller model."
)


NO_SIGHT = "workers do not see the run's folder: they are sent what they read of it."


def _failure(error: Exception) -> Failed:
    text = f"{type(error).__name__}: {error}"
    if "out of memory" in text.lower():
        return Failed(what="The device ran out of memory", why=text, fix=SMALLER, retry=True)
    return Failed(
        what=f"Unexpected engine error: {type(error).__name__}",
        why=(str(error).strip() or repr(error)).splitlines()[0][:500],
        fix="The whole traceback is in engine.log, in the run's folder. Please report it.",
    )


def _run(start: Start, group: Ranks | None, place: Place, wire: Wire, lines: BinaryIO) -> int:
    # Imported here: a worker that is given a bad configuration answers in a tenth of a second.
    config = parse_config(start.config, source="the run's configuration")

    import torch
    import transformers

    from sapo_engine.loop import run
    from sapo_engine.phases.context import RunContext
    from sapo_engine.phases.control import ControlState
    from sapo_engine.phases.run_files import RunFiles
    from sapo_engine.process_group import ALONE
    from sapo_engine.session import RunSession
    from sapo_studio.config.phase_plan import plan

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = take_device(config.runtime) if place.size == 1 else device_called(config.runtime.device)
    if config.runtime.threads:
        torch.set_num_threads(config.runtime.threads)
    if group is not None:
        group.use(device)
    phases = plan(config)
    control = ControlState()
    ranks = group or ALONE
    if ranks.leader:
        wire.send(Hello(pid=os.getpid(), device=_describe(device, place.size), versions=_versions()))
        wire.send(Plan(phases=phases))
        at_end = 0 if place.size == 1 else LOST_PEERS
        threading.Thread(target=_listen, args=(lines, control, at_end), name="control", daemon=True).start()
    complete = True
    try:
        with (
            contextlib.closing(RunFiles(Path(start.run_dir), ranks)) as files,
            contextlib.closing(RunSession(config, files.folder, device, ranks)) as session,
        ):
            session.check_references()
            seconds = config.runtime.checkpoint_seconds
            context = RunContext(session, phases, wire.send, control, start.done, seconds, files=files)
            if files.lacking:
                context.emit(Log(message=f"{files.lacking} of {ranks.size} {NO_SIGHT}"))
            session.pool.tell = session.pool.batch_size.tell = lambda message: context.emit(Log(message=message))
            for note in session.notes:
                context.emit(Log(message=note))
            run(context)
    except Stopped:
        complete = False
    if ranks.leader:
        wire.send(Finished(complete=complete))
    ranks.close()
    return 0


def _listen(lines: BinaryIO, control: ControlState, at_end: int) -> None:
    """Take orders until the parent is gone; then there is no one to work for, and the process ends with `at_end`."""
    for line in lines:
        order = CONTROL.validate_json(line)
        if isinstance(order, Order):
            control.take(order.verb)
        elif isinstance(order, Judgements):
            control.take_judgements(order.judged)
        elif isinstance(order, LabelSettings):
            control.take_label_settings(order.labeling)
        elif isinstance(order, GoOn):
            control.take_go_on(order.on)
    os._exit(at_end)


def _describe(device: torch.device, size: int) -> str:
    import torch

    times = f"{size} processes, each on " if size > 1 else ""
    if device.type == "cuda":
        return f"{times}{device} ({torch.cuda.get_device_name(device)})"
    count = torch.get_num_threads()
    return f"{times}{device} ({count} {'thread' if count == 1 else 'threads'})"


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
