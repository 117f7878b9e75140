"""Several machines without a cluster: what `runtime.hosts` names, and the command that each but the first is to run."""

from __future__ import annotations

import sys

from sapo_studio.config.sections.runtime import BY_HOSTS, RuntimeConfig

PORT = 29500
"""Where the workers meet on the first machine, where `runtime.hosts` does not say: torchrun's own."""


def hosts_of(runtime: RuntimeConfig) -> tuple[str, ...]:
    """The machines by name, this one first as the others reach it; none where the workers are started otherwise."""
    if runtime.launcher not in BY_HOSTS:
        return ()
    first, *others = runtime.hosts.split(",")
    return (first.partition(":")[0], *others)


def port_of(runtime: RuntimeConfig) -> int:
    """The port of the first machine on which all meet."""
    return int(runtime.hosts.split(",")[0].partition(":")[2] or PORT)


def launch_options(runtime: RuntimeConfig) -> list[str]:
    """What each machine's launcher is told alike."""
    told = {"processes": runtime.processes, "threads": runtime.threads, "device": runtime.device}
    hosts = hosts_of(runtime)
    if hosts:
        told |= {"hosts": ",".join(hosts), "port": port_of(runtime)}
    return [f"--{name}={value}" for name, value in told.items()]


def command_on(options: list[str], machine: int, python: str = "") -> list[str]:
    """The command line that starts the workers of machine `machine` (from 1 on). `options` are those of the first."""
    return [python or sys.executable, "-P", "-m", "sapo_engine.worker.launch", *options, f"--machine={machine}"]


def commands_by_hand(runtime: RuntimeConfig) -> list[tuple[str, list[str]]]:
    """Each machine on which somebody has to start something, with the command; none where nobody has to."""
    if runtime.launcher != "hand":
        return []
    options = launch_options(runtime)
    return [(host, command_on(options, at, "python3")) for at, host in enumerate(hosts_of(runtime)) if at]
