"""The process that chat templates run in: a template is a program that came with a model.

Started by path with the folders that jinja2 and markupsafe lie in; imports nothing of this program. Reads requests from
standard input and answers on standard output, each eight bytes of length and a JSON object:

* request: `template`, `chats` (lists of messages), `facts` (what the template may use beside), `prompt` (whether it is
  to go on to where the model is to answer), `seconds` of computing that all of it may take, `longest` text in
  characters;
* answer: `texts` (null for a chat that the template refuses) and `refused`, its words for the first of these; or
  `error` as [kind, what it says]: "failed", "memory" or "long".

A process that takes too long is ended by the system (RLIMIT_CPU), one that wants more memory gets a MemoryError
(RLIMIT_AS, Linux). What neither can stop, the other side ends.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import sys
from typing import Any, BinaryIO

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it ends (Linux; elsewhere its pipe's end does it)."""
    if sys.platform != "linux":
        return
    import ctypes
    import os

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def limit_memory(most: int) -> None:
    """Take no more than `most` bytes of address space, and write no file."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def limit_time(seconds: float) -> None:
    """Be ended once `seconds` more have been computed."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    # Whole seconds, rounded up so that none is taken away.
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


@functools.lru_cache(maxsize=8)
def compiled(template: str) -> Any:
    """`template` in the environment that transformers compiles chat templates in."""
    import jinja2.ext
    import jinja2.nodes
    import jinja2.sandbox
    from jinja2 import TemplateError

    class Generation(jinja2.ext.Extension):
        """Marks what the model writes, for training on it; here it is left as it is."""

        tags = {"generation"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

        def _same(self, caller: Any) -> str:
            return caller()

    class PlainDict:
        """`dict` without its attributes."""

        def __call__(self, *values: Any, **named: Any) -> dict[Any, Any]:
            return dict(*values, **named)

        def fromkeys(self, *values: Any) -> dict[Any, Any]:
            return dict.fromkeys(*values)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def strftime_now(form: str) -> str:
        return datetime.datetime.now().strftime(form)

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    known: dict[str, Any] = {"raise_exception": raise_exception, "strftime_now": strftime_now, "dict": PlainDict()}
    environment.globals |= known
    return environment.from_string(template)


def render(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request."""
    from jinja2 import TemplateError

    limit_time(request["seconds"])
    texts: list[str | None] = []
    refused = ""
    try:
        template = compiled(request["template"])
        for chat in request["chats"]:
            facts = {"tools": None, "documents": None, "add_generation_prompt": request["prompt"], **request["facts"]}
            try:
                text = template.render(messages=chat, **facts)
            except TemplateError as error:
                refused = refused or str(error)[:500] or type(error).__name__
                texts.append(None)
                continue
            if len(text) > request["longest"]:
                return {"error": ["long", f"{len(text):,} characters"]}
            texts.append(text)
    except MemoryError:
        return {"error": ["memory", ""]}
    except Exception as error:  # whatever a template can do wrong
        return {"error": ["failed", f"{type(error).__name__}: {error}"[:500]]}
    return {"texts": texts, "refused": refused}


def read(stream: BinaryIO) -> dict[str, Any] | None:
    """The next request; None where the other side is gone."""
    head = stream.read(8)
    body = stream.read(int.from_bytes(head, "little")) if len(head) == 8 else b""
    return json.loads(body) if body else None


def write(stream: BinaryIO, answer: dict[str, Any]) -> None:
    """Send an answer."""
    body = json.dumps(answer).encode("ascii")
    stream.write(len(body).to_bytes(8, "little") + body)
    stream.flush()


def main() -> None:
    """Arguments: the starter's process number, bytes of memory, folders to import from."""
    parent, most, *folders = sys.argv[1:]
    die_with(int(parent))
    sys.path += folders
    compiled("")  # its imports, while there is memory for them
    limit_memory(int(most))
    write(sys.stdout.buffer, {"ready": True})
    while (request := read(sys.stdin.buffer)) is not None:
        try:
            write(sys.stdout.buffer, render(request))
        except MemoryError:  # nothing has been written yet
            write(sys.stdout.buffer, {"error": ["memory", ""]})


if __name__ == "__main__":
    main()
