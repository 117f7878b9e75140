"""The worker as its parent holds it: started, listened to, spoken to, ended. No torch here."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from sapo_engine.parent import exit_reasons as deaths
from sapo_studio import processes
from sapo_studio.config.machines import launch_options
from sapo_studio.config.schema import RuntimeConfig
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import EngineError, InputError
from sapo_studio.events import Event, decode
from sapo_studio.events.control import GoOn, Judgements, LabelSettings, Order, Start
from sapo_studio.events.kinds import Failed, Finished, PhaseFinished

COMMAND_VARIABLE = "SAPO_ENGINE_WORKER"
"""For tests: the command line of another worker program."""

BATCH_SECONDS = 0.2
BATCH_EVENTS = 500
"""What is committed at a time: what came within so long, or so many events, whichever is first."""

_LONGEST_LINE = 64 * 2**20
_ORPHAN_SECONDS = 1.0


def worker_command(runtime: RuntimeConfig, run_dir: Path, *, again: bool = False) -> list[str]:
    """The command line that starts a worker, or several. `-P` keeps a user's own torch.py out of its way. `again`: one
    has died before.

    Raises InputError where there cannot be several.
    """
    chosen = os.environ.get(COMMAND_VARIABLE)
    one = shlex.split(chosen) if chosen else [sys.executable, "-P", "-m", "sapo_engine.worker"]
    if runtime.processes == 1 and runtime.launcher == "local":
        return one
    if sys.platform == "win32":
        raise InputError(
            f"runtime.processes = {runtime.processes} is not possible on Windows",
            why="PyTorch's process groups do not share pipes and ports there as the engine needs it.",
            fix="Set runtime.processes = 1, or run it under WSL or Linux.",
        )
    told = launch_options(runtime)
    if runtime.launcher == "ray":
        told += [f"--address={runtime.ray_address}", *(["--again"] if again else [])]
        return [sys.executable, "-P", "-m", "sapo_engine.worker.ray_driver", *told, "--", *one]
    if runtime.launcher == "ssh":
        told += ["--ssh"]
    return [
        sys.executable,
        "-P",
        "-m",
        "sapo_engine.worker.launch",
        *told,
        f"--scratch={run_dir / 'launch'}",
        "--",
        *one,
    ]


class WorkerProcess:
    """One worker, from its start to its end.

    Make it in a thread that lives as long as the worker may: the kernel ties the worker's life to that thread.
    Its events are read by a thread of their own and wait in memory, so that the worker never waits for the store.
    Its standard error goes straight into a file, and so does what it prints without meaning an event.
    """

    def __init__(self, command: list[str], start: Start, log: Path, *, threads: int = 0, gpus: str = "") -> None:
        self.log = log
        self.log_offset = log.stat().st_size if log.exists() else 0
        self._oom_kills = deaths.oom_kills()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._ended = False
        self._exited_at: float | None = None
        environment = dict(os.environ)
        environment[processes.PARENT_VARIABLE] = str(os.getpid())
        environment["PYTHONUNBUFFERED"] = "1"
        environment["PYTHONHASHSEED"] = "0"  # the same seed must give the same numbers on every attempt
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        if gpus:
            environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the numbers that nvidia-smi shows
            environment["CUDA_VISIBLE_DEVICES"] = gpus
        try:
            with log.open("ab") as errors:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=environment,
                    start_new_session=True,
                    creationflags=processes.own_group_flags(),
                )
        except OSError as error:
            raise EngineError(
                "The engine worker could not be started",
                why=f"{shlex.join(command)}: {error}",
                fix="Install the engine with `pip install 'sapo-studio[engine]'` and resume the run.",
            ) from error
        self._job = processes.KillOnCloseJob()
        self._job.add(self._process)
        self._reader = threading.Thread(target=self._read, name="worker events", daemon=True)
        self._reader.start()
        self._write(start.model_dump_json())

    @property
    def pid(self) -> int:
        """The worker's process number."""
        return self._process.pid

    def order(self, verb: Verb) -> None:
        """Pass an order on. Does nothing where the worker has ended already."""
        self._write(Order(verb=verb).model_dump_json())

    def tell_judgements(self, judged: dict[int, dict[int, bool]]) -> None:
        """Answer what people say (`JudgementsWanted`). Does nothing where the worker has ended already."""
        self._write(Judgements(judged=judged).model_dump_json())

    def tell_label_settings(self, labeling: dict[str, Any]) -> None:
        """Tell what decides from now on which labels are trained on. Does nothing where the worker has ended."""
        self._write(LabelSettings(labeling=labeling).model_dump_json())

    def tell_go_on(self, on: bool) -> None:
        """Answer whether the run goes on (`IterationEnded`). Does nothing where the worker has ended already."""
        self._write(GoOn(on=on).model_dump_json())

    def _write(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()

    def collect(self, patience: float) -> list[Event]:
        """The next events, as many as are to be committed together. Waits `patience` seconds for the first."""
        batch: list[Event] = []
        deadline = time.monotonic() + patience
        while not self._ended and len(batch) < BATCH_EVENTS:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                if not batch:
                    self._notice_exit()
                break
            if event is None:
                self._ended = True
                break
            if not batch:
                deadline = time.monotonic() + BATCH_SECONDS
            batch.append(event)
            if isinstance(event, PhaseFinished | Finished | Failed):
                break
        return batch

    def _notice_exit(self) -> None:
        """The worker may be gone while something that it started still holds its pipe open."""
        if self._process.poll() is None:
            self._exited_at = None
        elif self._exited_at is None:
            self._exited_at = time.monotonic()
        elif time.monotonic() - self._exited_at > _ORPHAN_SECONDS:
            self._ended = True

    @property
    def ended(self) -> bool:
        """Whether the worker has said its last word, and `collect` has handed it out."""
        return self._ended

    def kill(self) -> None:
        """End the worker at once, with everything that it started. Does nothing where it has ended."""
        if self._process.poll() is None:  # else its number may be somebody else's by now
            with contextlib.suppress(ProcessLookupError):
                processes.kill_tree(processes.identify(self.pid))
            self._process.kill()

    def wait(self, *, timeout: float = 5.0) -> int | None:
        """The exit status of a worker that has ended its output. None where it did not end and had to be killed."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
            return None

    def close(self) -> None:
        """Tidy up after `wait`, once nothing that the worker started can hold its pipe open any more."""
        self._reader.join(1.0)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def reason(self, code: int | None) -> EngineError:
        """Why this worker ended with status `code`."""
        return deaths.explain(code, self.log, offset=self.log_offset, oom_kills_before=self._oom_kills)

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        try:
            with self.log.open("ab", buffering=0) as log:
                while line := stdout.readline(_LONGEST_LINE):
                    if line.startswith(b"{"):
                        self._events.put(decode(line))
                    else:
                        _note(log, line)
        finally:
            self._events.put(None)


def _note(log: IO[bytes], line: bytes) -> None:
    # A log that cannot be written (full disk) must not end the run: the store will say so where it matters.
    with contextlib.suppress(OSError):
        log.write(line)
