"""The first shape: runs and their phases, metrics, trajectories, labels, judgements; and views for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import run_script

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


def migrate(db: Database) -> None:
    """Tables and views of the first version."""
    run_script(db, TABLES_1)
    run_script(db, VIEWS_1)
