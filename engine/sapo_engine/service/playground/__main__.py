"""The way in: `python -m sapo_engine.service.playground --idle-seconds=300 --device=cpu`.

Messages come in on standard input, answers go out on what was standard output, one JSON object a line
(sapo_studio.requests.play). It ends with its client: with a Close, with the end of its input, and when the process that
started it is no more. What a library prints goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from sapo_engine.own_output import take_standard_output
from sapo_studio import processes
from sapo_studio.errors import InputError, SapoError
from sapo_studio.requests.limits import IDLE_SECONDS
from sapo_studio.requests.play import Answer, Cancel, Close, Done, Failed, Ready, Request, encode, read_message
from sapo_studio.requests.wire import write_error

if TYPE_CHECKING:
    from sapo_engine.service.playground.server import Server


class Wire:
    """The way out. Several threads may tell something."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, answer: Answer) -> None:
        """Write one answer, whole. Ends this process where nobody listens any more."""
        try:
            with self._lock:
                self._stream.write(encode(answer))
                self._stream.flush()
        except (BrokenPipeError, ValueError):
            end()


def end() -> None:
    """End this process and all that it has started, whatever it is doing."""
    processes.sweep_descendants()
    os._exit(0)


class Post:
    """Where messages come in: handed to the server as soon as there is one. Until then (torch alone takes seconds to
    load) they wait, and what is cancelled is answered here."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._early: list[Request] = []
        self._server: Server | None = None

    def take(self, message: Request | Cancel) -> None:
        """A message has come in."""
        with self._lock:
            if self._server is not None:
                self._server.take(message)
            elif isinstance(message, Cancel):
                for request in [one for one in self._early if message.id in (None, one.id)]:
                    self._early.remove(request)
                    self._wire.send(Done(request=request.id, seconds=0.0, cancelled=True))
            else:
                self._early.append(message)

    def hand_to(self, server: Server) -> None:
        """From now on `server` takes them."""
        with self._lock:
            self._server = server
            for message in self._early:
                server.take(message)

    def listen(self) -> None:
        """Take in what comes on standard input, until there is nobody to work for: then this process ends, whatever it
        is doing."""
        # Unbuffered: a thread that waits inside a buffered reader makes the interpreter abort at its end.
        for line in open(0, "rb", buffering=0, closefd=False):  # noqa: SIM115
            try:
                message = read_message(line)
            except InputError as error:
                self._wire.send(Failed.of("", error))
                continue
            if isinstance(message, Close):
                break
            self.take(message)
        end()


def main(arguments: Sequence[str]) -> int:
    """Serve until the client ends. Exit code 2: the device that was asked for is not there."""
    processes.die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS.default)
    parser.add_argument("--device", default="")
    parser.add_argument("--called", default="", help="the device, as people know it")
    options = parser.parse_args(arguments)
    wire = Wire(take_standard_output())
    post = Post(wire)
    threading.Thread(target=post.listen, name="messages", daemon=True).start()
    try:
        # Imported here: who is asked to end meanwhile need not wait for torch.
        from sapo_engine.service.playground.server import Server
        from sapo_engine.service.torch_setup import set_up_on
        from sapo_studio.config.schema import RuntimeConfig

        device = set_up_on(RuntimeConfig(), options.device)
    except SapoError as error:
        return write_error(error)
    called = options.called or str(device)
    server = Server(wire.send, device, called=called, idle_seconds=options.idle_seconds)
    wire.send(Ready(pid=os.getpid(), device=called))
    post.hand_to(server)
    while True:
        server.work()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
