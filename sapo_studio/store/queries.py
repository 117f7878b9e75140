"""Everything that is read from the store, by the window and the command line alike. Each call opens and closes its own cursor: an open read
cursor would keep the engine from checkpointing."""

from __future__ import annotations
