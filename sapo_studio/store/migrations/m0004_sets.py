"""Metrics and questions by evaluation set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sapo_studio.store.migrations.schema_changes import allow_source, run_script

if TYPE_CHECKING:
    from sqlite_utils import Database

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


def migrate(db: Database) -> None:
    """Metrics by evaluation set, and their trajectories (source `test`)."""
    run_script(db, SETS)
    allow_source(db, "'expansion','process'", "'expansion','process','test'")
