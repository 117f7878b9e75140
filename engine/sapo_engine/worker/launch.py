"""Starts several workers as one: `accelerate launch` with what the engine needs around it.

Rank 0 has this process's standard input and output, and so the parent's pipe: it alone takes orders and sends events.
If a rank ends badly, all are ended; which one was the first and why is told to the parent here, where nobody else
writes any more. Starting again is the parent's business.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sapo_engine.worker.ends import RankEnd, first_end, last_words
from sapo_studio import processes
from sapo_studio.domain.card_choice import card_trouble
from sapo_studio.errors import InputError
from sapo_studio.events import encode
from sapo_studio.events.kinds import Failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command once a rank until all have ended. Returns the exit code."""
    processes.die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.worker.launch", description=__doc__)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder for ranks' last words; emptied")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    # Imported here: it takes seconds, and the parent may die meanwhile.
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        _choose_cards(options.device, options.processes)
        shutil.rmtree(options.scratch, ignore_errors=True)
        _launch(options.command, options.processes, options.threads, options.scratch)
    except InputError as error:
        _send(Failed.of(error))
        return 1
    except ChildFailedError as error:
        return _report(error, options.processes)
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)
    return 0


def _launch(command: Sequence[str], count: int, threads: int, scratch: Path) -> None:
    from accelerate.commands.launch import launch_command, launch_command_parser

    # What these lines say is said by `_report`, and the last line of the log is to be a worker's.
    logging.getLogger("torch.distributed.elastic.multiprocessing.api").addFilter(
        lambda record: not str(record.msg).startswith(("failed (exitcode", "Sending process"))
    )
    options = [
        "--multi_gpu",  # in the sense of accelerate: several processes on one machine, also without a card
        *("--num_processes", str(count)),
        *("--num_machines", "1"),
        *("--machine_rank", "0"),
        *("--main_process_ip", "127.0.0.1"),
        *("--main_process_port", "0"),  # a free one for each attempt
        *("--gpu_ids", "all"),
        *("--mixed_precision", "no"),
        *("--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", str(threads or max(1, (os.cpu_count() or 1) // count))),
        *("--max_restarts", "0"),
        *("--monitor_interval", "0.1"),
        *("--log_dir", str(scratch)),
    ]
    parser = launch_command_parser()
    launch_command(parser.parse_args([*options, "--no_python", *command]))


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


def _report(error: Any, size: int) -> int:
    """Tell the parent why the first rank ended."""
    first = first_end(
        RankEnd(rank, failure.exitcode, told=_told(failure.error_file), at=failure.timestamp)
        for rank, failure in error.failures.items()
    )
    failed = first.report(size)
    if failed is not None:
        _send(failed)
    return 1


def _told(file: str) -> Failed | None:
    """What the rank itself wrote down, if it could."""
    try:
        return last_words(Path(file).read_text(encoding="utf-8"))
    except OSError:
        return None


def _send(failed: Failed) -> None:
    # What a rank was writing when it was ended may lack its end.
    sys.stdout.buffer.write(b"\n" + encode(failed))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
