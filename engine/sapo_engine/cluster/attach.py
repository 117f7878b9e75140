"""Joining a Ray cluster that somebody else has started. The program starts none: a cluster of one machine has nothing
that `runtime.launcher = "local"` lacks."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sapo_engine.cluster import host
from sapo_studio.errors import InputError

ANSWER_SECONDS = 5.0
AUTO = "auto"

HOW = (
    "Start one with `ray start --head` here and `ray start --address=THIS_MACHINE:6379` on the others (docs/cluster.md)"
)


def check_installed() -> None:
    """Raise InputError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            'runtime.launcher = "ray" needs Ray',
            why="The package ray is not installed where the engine lives.",
            fix="Install it with `pip install 'sapo-studio[ray]'`, on every node of the cluster.",
        )


@contextmanager
def attached(address: str) -> Generator[Any]:
    """Inside, this process is a driver of the cluster at `address` (HOST:PORT; empty: the one that RAY_ADDRESS names,
    or else that runs on this machine). Gives the module `ray`. Raises InputError where there is no such cluster."""
    check_installed()
    wanted = address or os.environ.get("RAY_ADDRESS", "") or AUTO
    if wanted.startswith("ray://"):
        raise InputError(
            f"{wanted} is the address of a Ray client",
            why="The machine with the store has to be a node of the cluster itself.",
            fix="Make it one (`ray start --address=HOST:6379`, with --num-gpus=0 where its cards are not to be used) "
            "and leave runtime.ray_address empty.",
        )
    if wanted != AUTO:
        _check_answers(wanted)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = import_module("ray")
    try:
        ray.init(address=wanted, log_to_driver=False, logging_level="ERROR", configure_logging=True)
    except ConnectionError as error:
        where = "runs on this machine" if wanted == AUTO else f"answers at {wanted}"
        raise InputError(f"No Ray cluster {where}", why=_first_line(error), fix=f"{HOW}.") from error
    except RuntimeError as error:  # another version of Ray or Python, and what its core reports
        raise InputError(f"The Ray cluster at {wanted} cannot be joined", why=_first_line(error)) from error
    ray.cloudpickle.register_pickle_by_value(host)
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    name, _, port = address.rpartition(":")
    try:
        with socket.create_connection((name.strip("[]"), int(port)), timeout=ANSWER_SECONDS):
            return
    except ValueError as error:
        raise InputError(
            f"runtime.ray_address = {address!r} is no address", fix="Give HOST:PORT, such as 10.0.0.1:6379, or nothing."
        ) from error
    except OSError as error:
        raise InputError(f"No Ray cluster answers at {address}", why=str(error), fix=f"{HOW}.") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
