"""Starts a run's workers on a Ray cluster, and stands for them before the parent.

To the parent it is a worker: orders come in on standard input, rank 0's events go out on standard output. On each place
an actor (cluster/host.py) starts the same worker program that a single machine would, and torch.distributed joins
them. If a rank or its node is lost, all are ended and the first one's reason is told; starting again, from the last
finished shard or training state, is the parent's business as it is on one machine. So it is where the cluster has room
for all ranks again after a run had to go on with fewer: they end with the phase under way.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_engine.cluster.attach import attached
from sapo_engine.cluster.growth import Growth
from sapo_engine.cluster.host import Chunk, Facts, RankHost
from sapo_engine.cluster.nodes import differences, misfit, name_of
from sapo_engine.cluster.places import Places, take_places
from sapo_engine.devices import VISIBLE
from sapo_engine.own_output import take_standard_output
from sapo_engine.worker.ends import RankEnd, first_end, last_words
from sapo_studio import engines, processes
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import InputError, SapoError
from sapo_studio.events import Event, decode, encode
from sapo_studio.events.control import CONTROL, Order
from sapo_studio.events.kinds import Failed, Finished, Log
from sapo_studio.readable import counted

POLL_SECONDS = 1.0
BLAME_SECONDS = 30.0
"""How long to wait for the rank that ended first, where others say that they lost it: Ray takes a while to be sure that
a node is gone."""

EVERYWHERE = ("NCCL_", "GLOO_")
"""Variables that all nodes get as they are here; the rest of their environment is their own."""


_AFTER_PHASE = Order(verb=Verb.STOP_AFTER_PHASE).model_dump_json().encode() + b"\n"


class Orders:
    """What the parent says, `lines` of it: kept until rank 0 is there, then handed on. `at_end` is called when no more
    can come."""

    def __init__(self, lines: Iterable[bytes], at_end: Callable[[], object]) -> None:
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._feed: Callable[[bytes], object] | None = None
        self.stopped = False
        """Whether the run was asked to stop."""
        self.after_phase = False
        """Whether it was asked to stop when the phase under way is done."""
        self._end_of_phase = False
        threading.Thread(target=self._listen, args=(lines, at_end), name="orders", daemon=True).start()

    def send_to(self, feed: Callable[[bytes], object]) -> None:
        """Hand all of it to `feed` from now on."""
        with self._lock:
            self._feed = feed
            for line in self._waiting:
                feed(line)
            self._waiting.clear()

    def end_with_phase(self) -> None:
        """Have the ranks end when the phase under way is done, for a reason of the driver's own."""
        with self._lock:
            self._end_of_phase = True
            if self._feed is not None:
                self._feed(_AFTER_PHASE)

    def _listen(self, lines: Iterable[bytes], at_end: Callable[[], object]) -> None:
        for line in lines:
            order = CONTROL.validate_json(line)
            verb = order.verb if isinstance(order, Order) else None
            if verb is Verb.STOP:
                self.stopped = True
            elif verb in (Verb.STOP_AFTER_PHASE, Verb.KEEP_GOING):
                self.after_phase = verb is Verb.STOP_AFTER_PHASE
            with self._lock:
                if self._feed is None:
                    self._waiting.append(line)
                    continue
                self._feed(line)
                if verb is Verb.KEEP_GOING and self._end_of_phase:
                    self._feed(_AFTER_PHASE)
        at_end()


@dataclass
class Ranks:
    """The actors by rank, and where each is."""

    actors: list[Any]
    facts: list[Facts]


class Driver:
    """One attempt of a run on the cluster behind `ray`. `send` tells the parent something."""

    def __init__(self, ray: Any, options: argparse.Namespace, orders: Orders, send: Callable[[bytes], None]) -> None:
        self._ray, self._options, self._orders, self._send = ray, options, orders, send
        self._again = ""
        """Why the run is to be started again once the phase under way is done."""

    def run(self) -> int:
        """Run the workers until all have ended. Returns the exit code."""
        options = self._options
        places = take_places(
            self._ray,
            options.processes,
            cpus=max(1, options.threads),
            device=options.device,
            again=options.again,
            tell=self._log,
            stopped=lambda: self._orders.stopped,
        )
        if places is None:
            self._tell(Finished(complete=False))
            return 0
        ranks = self._place(places)
        self._start(ranks, places)
        if sys.platform == "linux":
            # The parent asks so for the stacks of a worker that hangs, which it cannot reach itself.
            signal.signal(signal.SIGUSR1, lambda number, frame: self._wake_and_ask(ranks))
        ends = self._follow(ranks, Growth(self._ray, places, options.processes))
        if all(end.code == 0 for end in ends.values()):
            return 0
        return self._report(ends, ranks)

    def _place(self, places: Places) -> Ranks:
        # One thread waits for what the worker says, another hands it orders.
        actors = [places.actor(self._ray, RankHost, index, threads=3) for index in range(places.count)]
        facts: list[Facts] = self._ray.get([actor.facts.remote(engines.PROBE) for actor in actors])
        wrong = [why for why in map(misfit, facts) if why]
        if wrong:
            raise InputError(
                "Not every node of the Ray cluster has this program",
                why=" ".join(f"{why}." for why in dict.fromkeys(wrong)),
                fix="Install the same release of sapo-studio[engine,ray] on all of them (`sapo doctor --cluster`).",
            )
        on = Counter(map(name_of, facts))
        where = ", ".join(f"{count} on {node}" for node, count in on.items())
        what = "card" if places.on_cards else "CPU"
        self._log(f"Ray has placed {counted(places.count, 'worker')}, each on a {what}: {where}.")
        for difference in differences(facts):
            self._log(difference, level="warning")
        return Ranks(actors, facts)

    def _start(self, ranks: Ranks, places: Places) -> None:
        first = ranks.facts[0]["address"]
        port = self._ray.get(ranks.actors[0].free_port.remote())
        started: list[Any] = []
        for rank, (actor, facts) in enumerate(zip(ranks.actors, ranks.facts, strict=True)):
            here = sum(one["address"] == facts["address"] for one in ranks.facts)
            environment = self._environment(own=facts["address"] == self._ray.util.get_node_ip_address())
            environment |= {
                "RANK": str(rank),
                "WORLD_SIZE": str(places.count),
                "LOCAL_RANK": "0",  # Ray shows each rank its own card alone
                "MASTER_ADDR": first,
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": str(self._options.threads or max(1, facts["cores"] // here)),
                "PYTHONHASHSEED": "0",
                "PYTHONUNBUFFERED": "1",
            }
            if not places.on_cards:
                environment[VISIBLE] = ""
            # The first of the command is this machine's Python; a node starts its own.
            started.append(actor.start.remote(self._options.command[1:], environment, facts["address"]))
        self._ray.get(started)
        self._orders.send_to(ranks.actors[0].feed.remote)

    def _wake_and_ask(self, ranks: Ranks) -> None:
        for actor in ranks.actors:
            actor.signal.remote(int(signal.SIGUSR1))
            actor.signal.remote(int(signal.SIGCONT))

    def _environment(self, *, own: bool) -> dict[str, str]:
        """What a rank gets of this process's environment: all of it on this machine."""
        if own:
            return {
                name: value for name, value in os.environ.items() if not name.startswith("RAY_") and name != VISIBLE
            }
        return {name: value for name, value in os.environ.items() if name.startswith(EVERYWHERE)}

    def _follow(self, ranks: Ranks, growth: Growth) -> dict[int, RankEnd]:
        """Hand on what the ranks say until all have ended, or one badly. Returns the ends known by then. Where `growth`
        has room for more, they end with the phase."""
        ray = self._ray
        ends: dict[int, RankEnd] = {}
        asked = {actor.more.remote(POLL_SECONDS): rank for rank, actor in enumerate(ranks.actors)}
        blame_until: float | None = None
        while asked and (blame_until is None or time.monotonic() < blame_until):
            ready, _ = ray.wait(list(asked), num_returns=1, timeout=POLL_SECONDS)
            if not self._again and growth.has_room:
                self._again = f"The run goes on with {counted(self._options.processes, 'worker')}."
                self._log("The cluster has room for all workers again: they are started when this phase is done.")
                self._orders.end_with_phase()
            for reference in ready:
                rank = asked.pop(reference)
                try:
                    chunk: Chunk = ray.get(reference)
                except ray.exceptions.RayError as error:
                    ends[rank] = RankEnd(rank, None, lost=_line(error))
                else:
                    self._pass_on(rank, chunk)
                    if chunk["code"] is None:
                        asked[ranks.actors[rank].more.remote(POLL_SECONDS)] = rank
                        continue
                    ends[rank] = RankEnd(rank, chunk["code"], told=last_words(chunk["last_words"]))
                if ends[rank].lost_peers:
                    blame_until = blame_until or time.monotonic() + BLAME_SECONDS
                elif ends[rank].code != 0:
                    return ends
        return ends

    def _pass_on(self, rank: int, chunk: Chunk) -> None:
        if chunk["out"] and rank == 0:
            self._send(self._end_explained(chunk["out"]) if self._again else chunk["out"])
        if chunk["errors"]:
            sys.stderr.buffer.write(chunk["errors"])
            sys.stderr.buffer.flush()

    def _end_explained(self, lines: bytes) -> bytes:
        """What rank 0 says, and where it ends because it was to be started again, why."""
        last = lines.splitlines(keepends=True)[-1]
        word = decode(last) if last.startswith(b"{") else None
        if not isinstance(word, Finished) or word.complete or self._orders.stopped or self._orders.after_phase:
            return lines
        return lines.removesuffix(last) + encode(Finished(complete=False, again=self._again))

    def _report(self, ends: dict[int, RankEnd], ranks: Ranks) -> int:
        """Tell the parent why the first rank ended."""
        size = len(ranks.actors)
        unheard = [rank for rank in range(size) if rank not in ends]
        first = first_end(ends.values())
        if first.lost_peers and unheard:
            first = RankEnd(unheard[0], None, lost="It did not answer any more.")
        if first.code is None:
            self._tell(
                Failed(
                    what=f"Engine worker {first.rank + 1} of {size} (rank {first.rank}) was lost with its place on the "
                    f"cluster, {name_of(ranks.facts[first.rank])}",
                    why=first.lost,
                    fix="Look after that node (`sapo doctor --cluster`) and resume the run.",
                    retry=True,
                )
            )
        else:
            failed = first.report(size)
            if failed is not None:
                self._tell(failed)
        return 1

    def _log(self, message: str, level: str = "info") -> None:
        self._tell(Log(level=level, message=message))

    def _tell(self, event: Event) -> None:
        self._send(encode(event))


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command on each place until all have ended. Returns the exit code."""
    processes.die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.worker.ray_driver", description=__doc__)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--address", default="")
    parser.add_argument("--again", action="store_true", help="the run goes on after a worker was lost")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    out = take_standard_output()
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # where Ray prints the log of every raylet that dies

    def send(lines: bytes) -> None:
        out.write(lines)
        out.flush()

    # Unbuffered, as in the worker: a thread inside a buffered reader makes the interpreter abort at its end.
    lines = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
    # Without a parent there is no one to work for, and Ray ends what this process has started.
    orders = Orders(lines, at_end=lambda: os._exit(1))
    try:
        with attached(options.address) as ray:
            return Driver(ray, options, orders, send).run()
    except SapoError as error:
        send(encode(Failed.of(error)))
        return 1


if __name__ == "__main__":
    sys.exit(main())
