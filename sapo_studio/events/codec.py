"""Events to JSON lines and back."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter, ValidationError

from sapo_studio.events.kinds import Event, Log


def encode(event: Event) -> bytes:
    """One line of UTF-8 JSON, newline included."""
    return event.model_dump_json().encode() + b"\n"


def decode(line: bytes) -> Event:
    """The event in `line`. What cannot be read as one comes back as a warning in the log, cut to 500 characters."""
    try:
        return _adapter().validate_json(line)
    except ValidationError:
        text = line.decode("utf-8", "replace").strip()
        return Log(level="warning", message=f"unreadable event: {text[:500]}")


@cache
def _adapter() -> TypeAdapter[Event]:
    """Made when the first line is read: window and command line know the kinds and read none."""
    return TypeAdapter(Event)
