"""The candidate's side: runs the program, then answers calls. It is in the program's hands, and nothing trusts it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import wire  # pyright: ignore[reportMissingImports]  # beside this file: the cage puts this folder on the path

# What programs for exercises import is loaded once, in the cage, instead of in each of its children.
PRELOADED = (
    "array bisect cmath collections copy datetime decimal fractions functools heapq hashlib itertools json math "
    "operator random re statistics string sys typing dataclasses enum abc time types"
)
for _name in PRELOADED.split():
    __import__(_name)


def serve(channel: int, program: str) -> None:
    """Run `program`, then answer what the checker asks, one JSON line each way, until it closes the channel."""
    stream = os.fdopen(channel, "r", encoding="utf-8", closefd=False)
    kept: dict[int, Any] = {}

    def say(message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(channel, data) :]

    def keep(value: Any) -> Any:
        number = id(value)
        kept[number] = value
        return {"k": "ref", "v": number}

    def find(data: Any) -> Any:
        return kept[data["v"]]

    def send(value: Any) -> Any:
        return wire.encode(value, keep)

    space: dict[str, Any] = {"__name__": "candidate", "__builtins__": __builtins__}
    try:
        exec(compile(program, "<program>", "exec"), space)
        say({"names": [name for name in space if not name.startswith("__")]})
    except BaseException as error:  # the program may raise whatever it likes
        say({"error": _told(error)})
        return
    for line in stream:
        asked = json.loads(line)
        try:
            target = space[asked["name"]] if "name" in asked else kept[asked["ref"]]
            if "get" in asked:
                say({"value": send(getattr(target, asked["get"]))})
            elif "set" in asked:
                setattr(target, asked["set"], wire.decode(asked["value"], find))
                say({"value": None})
            elif "call" in asked:
                given = wire.decode(asked["args"], find)
                named = wire.decode(asked["kwargs"], find)
                value = send(target(*given, **named))
                after = send(given)
                say({"value": value} if after == asked["args"] else {"value": value, "args": after})
            else:
                say({"value": send(target)})
        except BaseException as error:  # whatever the program raises is the checker's to hear
            say({"error": _told(error)})


def _told(error: BaseException) -> list[str]:
    try:
        return [type(error).__name__, str(error)[:300]]
    except BaseException:  # an error may refuse to be told
        return ["Exception", ""]


if __name__ == "__main__":
    sys.exit("the cage imports this")
