"""The queue of runs, alarms, notes and tags; what the window reads large runs by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import change_constraint, run_script

if TYPE_CHECKING:
    from sqlite_utils import Database

SUPERVISION = """
CREATE TABLE store_settings (        -- what holds for all who use the store
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL              -- JSON
) WITHOUT ROWID;
CREATE TABLE run_queue (             -- runs that start by themselves once there is room for them
    run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    place REAL NOT NULL,             -- the smallest comes first
    queued_at REAL NOT NULL,
    queued_by TEXT NOT NULL DEFAULT '',
    cards TEXT NOT NULL DEFAULT '[]',    -- JSON list of UUIDs of the cards it may use; [] for any
    needs TEXT NOT NULL DEFAULT '{}',    -- JSON: what the forecast says it takes
    waits_for TEXT NOT NULL DEFAULT '',  -- why it has not started, in words
    stuck INTEGER NOT NULL DEFAULT 0,    -- 1: it cannot start on this machine, however long it waits
    started_at REAL,                     -- NULL while it waits; the row stays until its run has ended
    placed TEXT NOT NULL DEFAULT '[]',   -- JSON list of UUIDs of the cards it was started on
    resumes INTEGER NOT NULL DEFAULT 0   -- how often it was interrupted (the machine went down) and waits again
) WITHOUT ROWID;
CREATE TABLE alarms (                -- what should not be missed, and whether somebody saw it
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iteration INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    message TEXT NOT NULL,
    facts TEXT NOT NULL DEFAULT '{}',    -- JSON: the figures behind it
    seen_at REAL,
    UNIQUE (run_id, iteration, kind)
);
CREATE INDEX alarms_unseen ON alarms(run_id) WHERE seen_at IS NULL;
ALTER TABLE runs ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';  -- JSON list
ALTER TABLE runs ADD COLUMN archived_at REAL;                -- out of the list, kept
ALTER TABLE runs ADD COLUMN binned_at REAL;                  -- in the bin
ALTER TABLE resolutions ADD COLUMN filled TEXT NOT NULL DEFAULT '[]';  -- JSON list of steps, not judged one by one
-- Nobody kept it before: every incorrect step behind the first error, as `filled_if_untold` says.
UPDATE resolutions SET filled = (SELECT json_group_array(CAST(s.key AS INTEGER)) FROM json_each(judgements) s
    WHERE s.value = -1 AND CAST(s.key AS INTEGER) > first_error) WHERE first_error > 0 AND json_valid(judgements);
"""


READING = """
-- the newest value of each metric of a run is found without reading the others
CREATE INDEX metrics_by_name ON metrics(run_id, "set", name, iteration);
CREATE TABLE unindexed (             -- trajectories whose steps the search index does not have yet (store/search_index)
    id INTEGER PRIMARY KEY           -- without REFERENCES: of a run that is deleted meanwhile it is passed over
);
CREATE TRIGGER trajectory_added AFTER INSERT ON trajectories BEGIN
    INSERT OR IGNORE INTO unindexed (id) VALUES (new.id);
END;
CREATE TRIGGER trajectory_rewritten AFTER UPDATE OF steps ON trajectories WHEN new.steps IS NOT old.steps BEGIN
    INSERT OR IGNORE INTO unindexed (id) VALUES (new.id);
END;
INSERT INTO unindexed (id) SELECT id FROM trajectories;
CREATE TABLE curve_blocks (          -- curves of phases that are done, once more and packed (store/curve_blocks)
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    last INTEGER NOT NULL,           -- its last step
    steps BLOB NOT NULL,             -- 64-bit little-endian integers
    "values" BLOB NOT NULL,          -- 64-bit little-endian floats
    PRIMARY KEY (run_id, ordinal, name, last)
);
CREATE TRIGGER curve_point_added AFTER INSERT ON curves BEGIN
    DELETE FROM curve_blocks
    WHERE run_id = new.run_id AND ordinal = new.ordinal AND name = new.name AND last >= new.step;
END;
CREATE TRIGGER curve_point_rewritten AFTER UPDATE OF value ON curves WHEN new.value IS NOT old.value BEGIN
    DELETE FROM curve_blocks
    WHERE run_id = new.run_id AND ordinal = new.ordinal AND name = new.name AND last >= new.step;
END;
CREATE TABLE trace_views (           -- what a trace table shows, kept under a name; the same for every run
    name TEXT PRIMARY KEY,
    filter TEXT NOT NULL,            -- JSON: a TraceFilter without its run
    saved_at REAL NOT NULL
) WITHOUT ROWID;
"""


def migrate(db: Database) -> None:
    """The queue of runs, alarms, notes, tags, archive and bin; what the window reads large runs by."""
    run_script(db, SUPERVISION)
    run_script(db, READING)
    # A loss that is no number is a gap in its curve. SQLite keeps NaN as NULL.
    change_constraint(db, "curves", "value REAL NOT NULL", "value REAL /* NULL: not a number */")
