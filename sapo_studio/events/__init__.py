"""What an engine worker tells its parent, one JSON object a line.

Version rules: `PROTOCOL` goes up when a kind is removed, the meaning of a field changes, a new kind is waited for to be
answered, or a new kind of control line is sent (an older worker ends at one that it does not know); the parent refuses
a worker of another protocol by name. Other new kinds and new optional fields do not raise it: an unknown kind is kept
as a log line, an unknown field is ignored. 2: `IterationEnded` with `GoOn`, `LabelSettings`.

Imports the domain alone. The engine's worker writes events, its parent and the store read them.
"""

from sapo_studio.events.codec import decode, encode
from sapo_studio.events.kinds import PROTOCOL, Event

__all__ = ["PROTOCOL", "Event", "decode", "encode"]
