"""Imported files, queues of trajectories to judge, several people, process benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import allow_source, run_script

if TYPE_CHECKING:
    from sqlite_utils import Database

HAND_WORK = """
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'run' CHECK (kind IN ('run','import'));
CREATE TABLE imports (               -- what an imported file was; its run is kept like any other and never started
    run_id TEXT PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    file TEXT NOT NULL,
    format TEXT NOT NULL,
    settings TEXT NOT NULL DEFAULT '{}',  -- JSON: how it was read (a threshold, say)
    frame TEXT NOT NULL DEFAULT '{}',     -- JSON: how the rows stood in the file (lines or an array, indentation)
    refused TEXT NOT NULL DEFAULT '[]'    -- JSON list of {line, why}
) WITHOUT ROWID;
CREATE TABLE import_rows (           -- the rows of the file as they stood there
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    row INTEGER NOT NULL,            -- from 1 on
    raw TEXT NOT NULL,
    PRIMARY KEY (run_id, row)
) WITHOUT ROWID;
CREATE TABLE import_trajectories (   -- a row may hold several solutions
    trajectory_id INTEGER PRIMARY KEY REFERENCES trajectories(id) ON DELETE CASCADE,
    row INTEGER NOT NULL,
    place INTEGER NOT NULL DEFAULT 0 -- which of the row's solutions
);
ALTER TABLE annotations ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;  -- 1: follows from "the first error is here"
ALTER TABLE annotations ADD COLUMN uid TEXT NOT NULL DEFAULT '';  -- of its act: the same on every machine; '' of old
CREATE INDEX annotations_by_uid ON annotations(uid) WHERE uid != '';
CREATE TABLE comments (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    step INTEGER NOT NULL,           -- 1-based; 0: the whole trajectory
    annotator TEXT NOT NULL,
    at REAL NOT NULL,
    text TEXT NOT NULL,              -- '' takes back what the same person wrote there before
    undone_at REAL
);
CREATE INDEX comments_by_trajectory ON comments(trajectory_id, step);
CREATE TABLE queues (                -- trajectories to be judged, in an order that never changes
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,        -- the same on every machine
    name TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    rule TEXT NOT NULL,              -- disagreement, uncertain, random or question
    seed INTEGER NOT NULL,
    overlap REAL NOT NULL,           -- share of the items that everybody gets; the others go to who comes first
    gold_rate REAL NOT NULL,         -- share of items whose first error is known
    source TEXT NOT NULL             -- JSON: what it was made from
);
CREATE TABLE queue_items (
    id INTEGER PRIMARY KEY,
    queue_id INTEGER NOT NULL REFERENCES queues(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,          -- from 1 on
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    shared INTEGER NOT NULL,         -- 1: for everybody
    gold INTEGER,                    -- the known first error, 0 for none; NULL: no gold item
    UNIQUE (queue_id, place),
    UNIQUE (queue_id, trajectory_id)
);
CREATE INDEX queue_items_by_trajectory ON queue_items(trajectory_id);
CREATE TABLE item_states (           -- how far a person is with an item
    item_id INTEGER NOT NULL REFERENCES queue_items(id) ON DELETE CASCADE,
    annotator TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('claimed','saved','skipped')),
    holder TEXT NOT NULL DEFAULT '', -- which window holds the claim
    at REAL NOT NULL,                -- of the claim, the save or the skip; a claim of ten minutes ago is given back
    seconds REAL NOT NULL DEFAULT 0, -- time spent on it, breaks left out
    blind INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (item_id, annotator)
) WITHOUT ROWID;
CREATE TABLE queue_acts (            -- what a person did in a queue, to be taken back across items and restarts
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,        -- that of its judgements or its comment, where it has any
    item_id INTEGER NOT NULL REFERENCES queue_items(id) ON DELETE CASCADE,
    annotator TEXT NOT NULL,
    at REAL NOT NULL,
    verb TEXT NOT NULL CHECK (verb IN ('judge','comment','save','skip')),
    undone_at REAL
);
CREATE INDEX queue_acts_by_item ON queue_acts(item_id, annotator);
CREATE TABLE resolutions (           -- a third judgement where two people differ; theirs stay
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,        -- that of its judgements, kept under `resolver`
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    resolver TEXT NOT NULL,
    at REAL NOT NULL,
    judgements TEXT NOT NULL,        -- JSON {step: judgement}
    first_error INTEGER NOT NULL,    -- 0: none
    taken TEXT NOT NULL DEFAULT '',  -- whose judgement was taken; '': judged anew
    why TEXT NOT NULL DEFAULT '',
    undone_at REAL
);
CREATE INDEX resolutions_by_trajectory ON resolutions(trajectory_id);
CREATE TABLE training_labels (       -- what a verifier was trained on where that is not the label as it was written
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    verifier INTEGER NOT NULL,       -- V_i
    labels TEXT NOT NULL,            -- one character a step: 1, 0, or ? where the step was left out
    reasons TEXT NOT NULL,           -- one character a step: w as written, p people, c left out by consensus
    beliefs BLOB,                    -- chance that a step is right, as scores are kept; NULL without consensus
    PRIMARY KEY (trajectory_id, verifier)
) WITHOUT ROWID;
CREATE TABLE benchmarks (            -- process benchmarks: judged solutions, whole, whatever becomes of their runs
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,        -- from 1 on; never changed once frozen
    created_at REAL NOT NULL,
    created_by TEXT NOT NULL DEFAULT '',
    frozen_at REAL,                  -- NULL: may still be changed
    source TEXT NOT NULL DEFAULT '{}',  -- JSON: how it was made
    digest TEXT NOT NULL DEFAULT '', -- of its rows, when it was frozen
    UNIQUE (name, version)
);
CREATE TABLE benchmark_rows (
    benchmark_id INTEGER NOT NULL REFERENCES benchmarks(id) ON DELETE CASCADE,
    row INTEGER NOT NULL,            -- from 1 on
    split TEXT NOT NULL DEFAULT 'test',  -- test, or tuning: for thresholds
    problem TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    tests TEXT NOT NULL DEFAULT '[]',    -- JSON list
    steps TEXT NOT NULL,             -- JSON list
    first_error INTEGER NOT NULL,    -- 0: none
    correct INTEGER NOT NULL,        -- the final answer
    generator TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL DEFAULT '{}',   -- JSON: run, trajectory, who judged, how the label came about
    agreement REAL,                  -- share of the people who say this first error; NULL with one or none
    PRIMARY KEY (benchmark_id, row)
) WITHOUT ROWID;
"""


def migrate(db: Database) -> None:
    """Imported files, queues of trajectories to judge, several people, process benchmarks."""
    run_script(db, HAND_WORK)
    allow_source(db, "'process','test'", "'process','test','import'")
