"""How a migration changes the shape of the store."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def run_script(db: Database, script: str) -> None:
    """Execute `script` statement by statement in the caller's transaction (`executescript` would commit it first)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""


def allow_source(db: Database, before: str, after: str) -> None:
    """Change what `trajectories.source` may be."""
    change_constraint(db, "trajectories", before, after)


def change_constraint(db: Database, table: str, before: str, after: str) -> None:
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
