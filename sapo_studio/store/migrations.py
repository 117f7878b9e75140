"""Numbered changes of the store's shape. A released migration is never edited; a change is a new one.

Ids of questions, trajectories, rollouts and pairs are `run number * 2**32 + number in the run`: both sides
know them without asking, and a phase that is done again after a crash meets its own rows.

Scores of a trajectory are one BLOB of big-endian unsigned 16-bit integers, a 65,535th each (2 bytes a score);
the views decode them, so that a plain sqlite3 shell shows numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

TABLES_1 = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- upper half of the ids of everything in the run; never used twice
    id TEXT NOT NULL UNIQUE,         -- what the command line calls it: a slug of the name and the number
    name TEXT NOT NULL,
    preset TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL CHECK (status IN ('queued','running','paused','stopped','interrupted','failed','done')),
    config TEXT NOT NULL,            -- the resolved RunConfig, JSON
    iterations INTEGER NOT NULL,
    created_at REAL NOT NULL,        -- seconds since 1970, as every *_at
    started_at REAL,
    finished_at REAL,
    active_seconds REAL NOT NULL DEFAULT 0,  -- time spent running, over all attempts
    pid INTEGER,                     -- the engine parent, with its start time (a pid alone may be another's)
    pid_started REAL,
    heartbeat_at REAL,
    phase_ordinal INTEGER,           -- the phase under way
    progress REAL NOT NULL DEFAULT 0,  -- 0..1 over the whole run
    eta_seconds REAL,
    restarts INTEGER NOT NULL DEFAULT 0,
    device TEXT NOT NULL DEFAULT '',
    error TEXT                       -- JSON {what, why, fix}
);
CREATE TABLE phases (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','running','done')),
    weight REAL NOT NULL DEFAULT 1,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    unit TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    artefact TEXT NOT NULL DEFAULT '',
    started_at REAL,
    finished_at REAL,
    seconds REAL,
    UNIQUE (run_id, ordinal)
);
CREATE TABLE metrics (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iteration INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    low REAL, high REAL, n INTEGER,
    estimate INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, iteration, name)
) WITHOUT ROWID;
CREATE TABLE curves (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run_id, ordinal, name, step)
) WITHOUT ROWID;
CREATE TABLE questions (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    split TEXT NOT NULL,
    text TEXT NOT NULL,
    solution TEXT NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX questions_by_run ON questions(run_id, split);
CREATE TABLE trajectories (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    question_id INTEGER NOT NULL REFERENCES questions(id) ON DELETE CASCADE,
    iteration INTEGER NOT NULL,
    sample INTEGER NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('sample','solution','expansion','process')),
    n_steps INTEGER NOT NULL,
    correct INTEGER NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    truth INTEGER,                   -- first wrong step by the task's own oracle, 1-based; 0 none; NULL unknown
    tokens INTEGER NOT NULL DEFAULT 0,
    copies INTEGER NOT NULL DEFAULT 1,
    "case" TEXT NOT NULL DEFAULT '', -- with `verified`: of the labels with a case that were written last (see labels)
    verified INTEGER,                -- first error as roll-outs have it, 1-based; 0 none; NULL not looked for
    steps TEXT NOT NULL              -- JSON list of strings, as they were cut when sampled
);
CREATE INDEX trajectories_by_iteration ON trajectories(run_id, source, iteration, "case");
CREATE INDEX trajectories_by_question ON trajectories(question_id);
CREATE TABLE scores (
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    verifier INTEGER NOT NULL,       -- V_0 .. V_I
    scores BLOB NOT NULL,
    mean REAL NOT NULL,
    predicted INTEGER NOT NULL,      -- step of the largest drop, 1-based
    PRIMARY KEY (trajectory_id, verifier)
) WITHOUT ROWID;
CREATE INDEX scores_by_verifier ON scores(verifier, trajectory_id);
CREATE TABLE labels (
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    source TEXT NOT NULL,            -- sapo, omega, shepherd, outcome, expansion
    iteration INTEGER NOT NULL,
    labels TEXT NOT NULL,            -- one character a step: 1 right, 0 wrong, ? not labelled
    "case" TEXT NOT NULL DEFAULT '',
    predicted INTEGER NOT NULL DEFAULT 0,
    verified INTEGER NOT NULL DEFAULT 0,
    rollouts INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (trajectory_id, source)
) WITHOUT ROWID;
CREATE TABLE rollouts (
    id INTEGER PRIMARY KEY,
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    iteration INTEGER NOT NULL,
    prefix INTEGER NOT NULL,         -- steps of the trajectory that the roll-out starts from
    text TEXT NOT NULL,
    correct INTEGER NOT NULL,
    tokens INTEGER NOT NULL
);
CREATE INDEX rollouts_by_trajectory ON rollouts(trajectory_id, prefix);
CREATE TABLE pairs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iteration INTEGER NOT NULL,
    question_id INTEGER NOT NULL REFERENCES questions(id) ON DELETE CASCADE,
    winner_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    loser_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    margin REAL NOT NULL,
    used INTEGER NOT NULL
);
CREATE INDEX pairs_by_iteration ON pairs(run_id, iteration);
-- without these, deleting a run would search all pairs once for each of its questions and trajectories
CREATE INDEX pairs_by_question ON pairs(question_id);
CREATE INDEX pairs_by_winner ON pairs(winner_id);
CREATE INDEX pairs_by_loser ON pairs(loser_id);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    at REAL NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX events_by_run ON events(run_id, id);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    at REAL NOT NULL,
    verb TEXT NOT NULL,
    sender TEXT NOT NULL DEFAULT '',
    handled_at REAL
);
CREATE INDEX commands_open ON commands(run_id) WHERE handled_at IS NULL;
CREATE TABLE annotations (
    id INTEGER PRIMARY KEY,
    trajectory_id INTEGER NOT NULL REFERENCES trajectories(id) ON DELETE CASCADE,
    annotator TEXT NOT NULL,
    at REAL NOT NULL,
    act INTEGER NOT NULL,            -- judgements given in one key press share it, and are undone together
    step INTEGER NOT NULL,           -- 1-based
    judgement INTEGER NOT NULL CHECK (judgement IN (-1, 0, 1)),  -- wrong, neutral, right
    undone_at REAL
);
CREATE INDEX annotations_by_trajectory ON annotations(trajectory_id, annotator, step);
"""


def _decoded(blob: str, index: str) -> str:
    """SQL for the `index`-th (1-based) 16-bit value in `blob`, as a fraction of 65,535 rounded to 4 places."""
    digits = f"hex(substr({blob}, 2 * {index} - 1, 2))"
    value = " + ".join(
        f"(instr('0123456789ABCDEF', substr({digits}, {place + 1}, 1)) - 1) * {16 ** (3 - place)}" for place in range(4)
    )
    return f"round(({value}) / 65535.0, 4)"


VIEWS_1 = f"""
CREATE VIEW v_steps AS
    SELECT t.run_id, t.id AS trajectory_id, t.iteration, j.key + 1 AS step, j.value AS text,
           CASE WHEN t.truth IS NULL THEN NULL WHEN t.truth = 0 OR j.key + 1 < t.truth THEN 1 ELSE 0 END AS truth
    FROM trajectories t, json_each(t.steps) j;
CREATE VIEW v_step_scores AS
    SELECT s.trajectory_id, s.verifier, j.key + 1 AS step, j.value AS text,
           {_decoded("s.scores", "(j.key + 1)")} AS score
    FROM scores s JOIN trajectories t ON t.id = s.trajectory_id, json_each(t.steps) j;
CREATE VIEW v_step_labels AS
    SELECT l.trajectory_id, l.source, l.iteration, j.key + 1 AS step, j.value AS text,
           substr(l.labels, j.key + 1, 1) AS label
    FROM labels l JOIN trajectories t ON t.id = l.trajectory_id, json_each(t.steps) j;
CREATE VIEW v_annotations AS
    SELECT a.trajectory_id, a.annotator, a.step, a.judgement, a.at FROM annotations a
    WHERE a.undone_at IS NULL AND a.id = (
        SELECT max(b.id) FROM annotations b WHERE b.trajectory_id = a.trajectory_id
          AND b.annotator = a.annotator AND b.step = a.step AND b.undone_at IS NULL);
CREATE VIEW v_iterations AS
    SELECT run_id, iteration,
        max(CASE name WHEN 'greedy_accuracy' THEN value END) AS greedy_accuracy,
        max(CASE name WHEN 'sampled_accuracy' THEN value END) AS sampled_accuracy,
        max(CASE name WHEN 'verifier_step_accuracy' THEN value END) AS verifier_step_accuracy,
        max(CASE name WHEN 'mce' THEN value END) AS mce,
        max(CASE name WHEN 'gap' THEN value END) AS gap,
        max(CASE name WHEN 'self_verification_error' THEN value END) AS self_verification_error
    FROM metrics GROUP BY run_id, iteration;
CREATE VIEW v_runs AS
    SELECT r.id, r.name, r.preset, r.status, datetime(r.created_at, 'unixepoch') AS created,
        round(r.progress, 3) AS progress,
        (SELECT value FROM metrics m WHERE m.run_id = r.id AND m.name = 'sampled_accuracy'
         ORDER BY iteration DESC LIMIT 1) AS sampled_accuracy,
        (SELECT value FROM metrics m WHERE m.run_id = r.id AND m.name = 'greedy_accuracy'
         ORDER BY iteration DESC LIMIT 1) AS greedy_accuracy
    FROM runs r;
"""


def run_script(db: Database, script: str) -> None:
    """Execute `script` statement by statement in the caller's transaction (`executescript` would commit it first)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""


def _first(db: Database) -> None:
    run_script(db, TABLES_1)
    run_script(db, VIEWS_1)


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


def _compute(db: Database) -> None:
    run_script(db, COMPUTE)


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


def _config_changes(db: Database) -> None:
    # Imported here, as sqlite-utils is: only the first opening has to pay for what it goes by.
    from sapo_studio.store.corrections import self_verification_errors

    run_script(db, CONFIG_CHANGES)
    self_verification_errors(db)


SETS = """
DROP VIEW v_iterations;
DROP VIEW v_runs;
CREATE TABLE metrics_by_set (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    "set" TEXT NOT NULL DEFAULT '',  -- the evaluation set; '' for the run itself and its own test questions
    iteration INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    low REAL, high REAL, n INTEGER,
    estimate INTEGER NOT NULL DEFAULT 0,
    -- in the order of the columns: quick_check of SQLite 3.40 mistakes another one for NULLs
    PRIMARY KEY (run_id, "set", iteration, name)
) WITHOUT ROWID;
INSERT INTO metrics_by_set (run_id, iteration, name, value, low, high, n, estimate)
    SELECT run_id, iteration, name, value, low, high, n, estimate FROM metrics;
DROP TABLE metrics;
ALTER TABLE metrics_by_set RENAME TO metrics;
ALTER TABLE questions ADD COLUMN "set" TEXT NOT NULL DEFAULT '';  -- the evaluation set it belongs to
CREATE VIEW v_iterations AS
    SELECT run_id, iteration,
        max(CASE name WHEN 'greedy_accuracy' THEN value END) AS greedy_accuracy,
        max(CASE name WHEN 'sampled_accuracy' THEN value END) AS sampled_accuracy,
        max(CASE name WHEN 'verifier_step_accuracy' THEN value END) AS verifier_step_accuracy,
        max(CASE name WHEN 'mce' THEN value END) AS mce,
        max(CASE name WHEN 'gap' THEN value END) AS gap,
        max(CASE name WHEN 'self_verification_error' THEN value END) AS self_verification_error
    FROM metrics WHERE "set" = '' GROUP BY run_id, iteration;
CREATE VIEW v_sets AS
    SELECT run_id, "set", iteration,
        max(CASE name WHEN 'greedy_accuracy' THEN value END) AS greedy_accuracy,
        max(CASE name WHEN 'sampled_accuracy' THEN value END) AS sampled_accuracy
    FROM metrics WHERE "set" != '' GROUP BY run_id, "set", iteration;
CREATE VIEW v_runs AS
    SELECT r.id, r.name, r.preset, r.status, datetime(r.created_at, 'unixepoch') AS created,
        round(r.progress, 3) AS progress,
        (SELECT value FROM metrics m WHERE m.run_id = r.id AND m.name = 'sampled_accuracy' AND m."set" = ''
         ORDER BY iteration DESC LIMIT 1) AS sampled_accuracy,
        (SELECT value FROM metrics m WHERE m.run_id = r.id AND m.name = 'greedy_accuracy' AND m."set" = ''
         ORDER BY iteration DESC LIMIT 1) AS greedy_accuracy
    FROM runs r;
"""


def _sets(db: Database) -> None:
    """Metrics by evaluation set, and their trajectories (source `test`)."""
    run_script(db, SETS)
    _allow_source(db, "'expansion','process'", "'expansion','process','test'")


def _allow_source(db: Database, before: str, after: str) -> None:
    """Change what `trajectories.source` may be."""
    _change_constraint(db, "trajectories", before, after)


def _change_constraint(db: Database, table: str, before: str, after: str) -> None:
    """Change the text of a constraint of a table.

    A constraint can only be changed by making the table anew, which here would copy nearly all of a store and, by
    the implicit DELETE of DROP TABLE, take scores and labels along; or in the schema's own text, which SQLite documents
    for constraints that say nothing of how rows lie on disk (lang_altertable.html).
    """
    execute = db.conn.execute
    execute("PRAGMA writable_schema = ON")
    execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (before, after, table),
    )
    # Other connections read the schema again where its number has changed.
    (number,) = execute("PRAGMA schema_version").fetchone()
    execute(f"PRAGMA schema_version = {number + 1}")
    execute("PRAGMA writable_schema = RESET")
    (sql,) = execute("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).fetchone()
    if after not in sql:
        raise sqlite3.DatabaseError("this SQLite refuses to change a constraint (defensive mode)")


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


def _hand_work(db: Database) -> None:
    """Imported files, queues of trajectories to judge, several people, process benchmarks."""
    run_script(db, HAND_WORK)
    _allow_source(db, "'process','test'", "'process','test','import'")


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


def _supervision(db: Database) -> None:
    """The queue of runs, alarms, notes, tags, archive and bin; what the window reads large runs by."""
    run_script(db, SUPERVISION)
    run_script(db, READING)
    # A loss that is no number is a gap in its curve. SQLite keeps NaN as NULL.
    _change_constraint(db, "curves", "value REAL NOT NULL", "value REAL /* NULL: not a number */")


MIGRATIONS: list[tuple[str, Callable[[Database], None]]] = [
    ("0001_first", _first),
    ("0002_compute", _compute),
    ("0003_config_changes_and_self_verification", _config_changes),
    ("0004_sets", _sets),
    ("0005_hand_work", _hand_work),
    ("0006_supervision", _supervision),
]
"""Name and step, in order. `PRAGMA user_version` says how many a store has been through."""
