"""What an engine worker tells its parent, one JSON object a line.

Version rules: `PROTOCOL` goes up when a kind is removed or the meaning of a field changes; the parent refuses a
worker of another protocol by name. New kinds and new optional fields do not raise it: an unknown kind is kept
as a log line, an unknown field is ignored.

Imports the domain alone. The engine's worker writes events, its parent and the store read them.
"""

from sapo_studio.events.codec import decode, encode
from sapo_studio.events.kinds import PROTOCOL, Event

__all__ = ["PROTOCOL", "Event", "decode", "encode"]
