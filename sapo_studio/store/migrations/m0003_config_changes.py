"""What was changed in a run's configuration; a figure that was computed wrongly is put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import run_script

if TYPE_CHECKING:
    from sqlite_utils import Database

CONFIG_CHANGES = """
CREATE TABLE config_changes (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    at REAL NOT NULL,                -- when the run was resumed with it
    phase_ordinal INTEGER,           -- the phase that was under way or to come next; NULL before the first
    sender TEXT NOT NULL DEFAULT '', -- who asked
    key TEXT NOT NULL,               -- section.key
    before TEXT NOT NULL,            -- JSON
    after TEXT NOT NULL              -- JSON; runs.config has it too
);
CREATE INDEX config_changes_by_run ON config_changes(run_id, id);
"""


def migrate(db: Database) -> None:
    """The table of changes; the self-verification error is computed again."""
    # Imported here, as sqlite-utils is: only the first opening has to pay for what it goes by.
    from sapo_studio.store.corrections import self_verification_errors

    run_script(db, CONFIG_CHANGES)
    self_verification_errors(db)
