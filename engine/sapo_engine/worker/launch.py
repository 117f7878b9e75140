"""Starts several workers as one: `accelerate launch` with what the engine needs around it.

Rank 0 has this process's standard input and output, and so the parent's pipe: it alone takes orders and sends events.
If a rank ends badly, all are ended; which one was the first and why is told to the parent here, where nobody else
writes any more. Starting again is the parent's business.

With `--hosts` there is one such process on each machine, for an equal part of the ranks. Those of the others (from
`--machine 1` on) are started from the first one by ssh and end with it, or by hand: then they start their ranks again
until these end in good order.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from sapo_engine.cluster.host import interface_of
from sapo_engine.worker.ends import RankEnd, first_end, last_words
from sapo_engine.worker.peers import RANK_ENDED, Peers
from sapo_studio import processes
from sapo_studio.config.machines import command_on
from sapo_studio.domain.card_choice import card_trouble
from sapo_studio.errors import InputError
from sapo_studio.events import encode
from sapo_studio.events.kinds import Failed

WORKER = (sys.executable, "-P", "-m", "sapo_engine.worker")
PEERS_SECONDS = 15.0
"""How long to wait for the word of another machine, where all ranks here say that they lost one."""
MEET_SECONDS = 86_400
"""How long the machines wait for each other: somebody may have to start them."""
_ALIKE = ("processes", "threads", "device", "hosts", "port")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command once a rank until all have ended. Returns the exit code."""
    processes.die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.worker.launch", description=__doc__)
    parser.add_argument("--processes", type=int, required=True, help="ranks, on all machines together")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--hosts", default="", help="the machines with commas, the first one first")
    parser.add_argument("--port", type=int, default=0, help="where all meet on the first machine")
    parser.add_argument("--machine", type=int, default=0, help="which of them this is")
    parser.add_argument("--ssh", action="store_true", help="start the other machines' launchers from here")
    parser.add_argument("--tied", action="store_true", help="end with standard input, and start nothing again")
    parser.add_argument("--scratch", type=Path, help="a folder for ranks' last words; emptied")
    parser.add_argument("command", nargs="*", default=WORKER)
    options = parser.parse_args(arguments)
    if options.scratch is None:
        options.scratch = Path(tempfile.gettempdir()) / f"sapo-launch-{os.getpid()}"
    if options.machine == 0:
        return _attempt(options)
    os.environ[processes.PARENT_VARIABLE] = str(os.getpid())
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ["PYTHONUNBUFFERED"] = "1"
    if options.tied:
        threading.Thread(target=_end_with_input, daemon=True).start()
        return _attempt(options)
    while _attempt(options) != 0:
        print(f"sapo: waiting for {options.hosts.split(',')[0]} to go on; Ctrl+C ends it", file=sys.stderr, flush=True)
    return 0


def _attempt(options: argparse.Namespace) -> int:
    """All ranks of this machine, from their start to their end."""
    # Imported here: it takes seconds, and the parent may die meanwhile.
    from torch.distributed import DistError
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    hosts = [host.rpartition("@")[2] for host in options.hosts.split(",")]
    here = options.processes // len(hosts)
    peers = Peers()
    try:
        _choose_cards(options.device, here)
        shutil.rmtree(options.scratch, ignore_errors=True)
        if len(hosts) > 1:
            _meet_at(hosts[options.machine])
        if options.ssh:
            signal.signal(signal.SIGTERM, _as_exception)  # torchrun does the same, some seconds later
            alike = [f"--{name}={getattr(options, name)}" for name in _ALIKE]
            named = enumerate(options.hosts.split(","))
            peers.start({host: [*command_on(alike, at), "--tied"] for at, host in named if at})
        _launch(options, hosts)
    except InputError as error:
        _send(Failed.of(error))
        return 1
    except ChildFailedError as error:
        return _report(error, options.processes, peers)
    except SignalException:
        if not peers.ended_badly():
            raise
        _send(peers.first_failure)
        return RANK_ENDED
    except (DistError, ConnectionError) as error:  # the first machine is not there, or its port is taken
        _send(Failed(what="The machines did not meet", why=str(error).splitlines()[0], retry=True))
        return 1
    finally:
        peers.close()
        shutil.rmtree(options.scratch, ignore_errors=True)
    return 0


def _as_exception(number: int, frame: object) -> NoReturn:
    from torch.distributed.elastic.multiprocessing.api import SignalException

    raise SignalException("asked to end", signal.Signals(number))


def _end_with_input() -> None:
    while os.read(0, 1):  # not through a reader with a lock, which would outlive this process's end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _meet_at(host: str) -> None:
    """Have gloo take the network that this machine is called by."""
    try:
        address = socket.gethostbyname(host)
    except OSError as error:
        raise InputError(f"runtime.hosts names {host}, which this machine does not know", why=str(error)) from error
    interface = interface_of(address)
    if interface:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def _launch(options: argparse.Namespace, hosts: Sequence[str]) -> None:
    from accelerate.commands.launch import launch_command, launch_command_parser

    # What these lines say is said by `_report`, and the last line of the log is to be a worker's.
    logging.getLogger("torch.distributed.elastic.multiprocessing.api").addFilter(
        lambda record: not str(record.msg).startswith(("failed (exitcode", "Sending process"))
    )
    here = options.processes // len(hosts)
    threads = options.threads or max(1, (os.cpu_count() or 1) // here)
    together = ["--same_network", "--rdzv_conf", f"timeout={MEET_SECONDS}"] if len(hosts) > 1 else []
    told = [
        "--multi_gpu",  # in the sense of accelerate: several processes, also without a card
        *("--num_processes", str(options.processes)),
        *("--num_machines", str(len(hosts))),
        *("--machine_rank", str(options.machine)),
        *("--main_process_ip", hosts[0] if len(hosts) > 1 else "127.0.0.1"),
        *("--main_process_port", str(options.port)),  # 0: a free one for each attempt
        *together,
        *("--gpu_ids", "all"),
        *("--mixed_precision", "no"),
        *("--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", str(threads)),
        *("--max_restarts", "0"),
        *("--monitor_interval", "0.1"),
        *("--log_dir", str(options.scratch)),
    ]
    parser = launch_command_parser()
    launch_command(parser.parse_args([*told, "--no_python", *options.command]))


def _choose_cards(device: str, count: int) -> None:
    """One card a rank. Raises InputError where there are too few; hides them all where none is wanted."""
    import torch

    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return
    # Those in `runtime.gpus`, or that the queue has placed the run on, are all that can be seen here.
    trouble = card_trouble(device=device, gpus="", processes=count, there=range(torch.cuda.device_count()))
    if trouble is not None:
        raise InputError(trouble.what, why=trouble.why, fix=trouble.fix)


def _report(error: Any, size: int, peers: Peers) -> int:
    """Tell the parent why the first rank ended, here or on another machine."""
    # A peer that ends meanwhile sends SIGTERM to this process, to end ranks that have ended already.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    first = first_end(
        RankEnd(rank, failure.exitcode, told=_told(failure.error_file), at=failure.timestamp)
        for rank, failure in error.failures.items()
    )
    elsewhere = first.lost_peers and peers.ended_badly(PEERS_SECONDS)
    _send(peers.first_failure if elsewhere else first.report(size))
    return RANK_ENDED


def _told(file: str) -> Failed | None:
    """What the rank itself wrote down, if it could."""
    try:
        return last_words(Path(file).read_text(encoding="utf-8"))
    except OSError:
        return None


def _send(failed: Failed | None) -> None:
    if failed is None:
        return
    # What a rank was writing when it was ended may lack its end.
    sys.stdout.buffer.write(b"\n" + encode(failed))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
