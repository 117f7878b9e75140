"""What each phase has computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import run_script

if TYPE_CHECKING:
    from sqlite_utils import Database

COMPUTE = """
CREATE TABLE compute (               -- what each phase that is done has computed; none for phases of earlier versions
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('method','evaluation')),
    generated INTEGER NOT NULL,      -- tokens, as the next four
    prefill INTEGER NOT NULL,
    scored INTEGER NOT NULL,
    trained_reasoner INTEGER NOT NULL,
    trained_verifier INTEGER NOT NULL,
    flops REAL NOT NULL,
    complete INTEGER NOT NULL,       -- 0: there was more, that nobody counted
    PRIMARY KEY (run_id, ordinal, purpose)
) WITHOUT ROWID;
CREATE VIEW v_compute AS
    SELECT p.run_id, p.iteration, p.name AS phase, c.purpose, c.generated, c.prefill, c.scored,
           c.trained_reasoner + c.trained_verifier AS trained, c.flops, c.complete
    FROM compute c JOIN phases p ON p.run_id = c.run_id AND p.ordinal = c.ordinal;
"""


def migrate(db: Database) -> None:
    """The table of what was computed, and its view."""
    run_script(db, COMPUTE)
