"""Writing runs themselves: making, renaming and deleting them, their status, heartbeat and commands."""

from __future__ import annotations

import json
import re
import shutil
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sapo_studio.config.changes import Change
from sapo_studio.config.places import whole_paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import LEGAL, RunStatus, Verb
from sapo_studio.errors import InputError, RunGone, StoreError
from sapo_studio.names import checked_name
from sapo_studio.store import backup_losses
from sapo_studio.store.benchmarks import pinned
from sapo_studio.store.codec import id_range
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault, reading
from sapo_studio.store.presence import highest_number
from sapo_studio.store.records import Command, ErrorText

_BY_NUMBER = (
    ("annotations", "trajectory_id"),
    ("comments", "trajectory_id"),
    ("resolutions", "trajectory_id"),
    ("training_labels", "trajectory_id"),
    ("import_trajectories", "trajectory_id"),
    ("pairs", "id"),
    ("rollouts", "id"),
    ("labels", "trajectory_id"),
    ("scores", "trajectory_id"),
    ("trajectories", "id"),
    ("unindexed", "id"),
    ("questions", "id"),
)
"""Tables whose ids say which run they belong to."""

_BY_ITEM = ("item_states", "queue_acts")
"""Tables whose rows go with an item of a queue, as an item goes with its trajectory."""

_ITEMS = "SELECT id FROM queue_items WHERE trajectory_id BETWEEN ? AND ?"

_VERBS = frozenset(verb.value for verb in Verb)

_BY_RUN = (
    "phases",
    "metrics",
    "curves",
    "curve_blocks",
    "events",
    "commands",
    "compute",
    "config_changes",
    "imports",
    "import_rows",
    "run_queue",
    "alarms",
)
"""Tables with the id of their run."""


def create_run(store: Store, config: RunConfig, preset: str = "") -> str:
    """Make a queued run with this configuration and return its id: a slug of its name and a number that is
    never used twice, not even by a store that was here before this one: folders of runs keep theirs.

    Relative paths are kept as they are meant from here, and a process benchmark of the store with its version. Raises
    InputError where one cannot be a path, there is no such benchmark, or no run can be called so.
    """
    checked_name(config.name, "a run")
    config = pinned(store, whole_paths(config))
    with store.atomic():
        number, run_id = _next(store, config.name)
        store.execute(
            "INSERT INTO runs (number, id, name, preset, status, config, iterations, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(number, run_id, config.name, preset, RunStatus.QUEUED.value, config.model_dump_json()),
                *(config.iterations, time.time()),
            ),
        )
    return run_id


def create_import(store: Store, name: str) -> tuple[int, str]:
    """Make the row of an imported file and return its number and its id: a run that is done and never begins.

    Raises InputError for a name that none can have.
    """
    name = checked_name(name, "an imported file")
    with store.atomic():
        number, run_id = _next(store, name)
        now = time.time()
        store.execute(
            "INSERT INTO runs (number, id, name, status, config, iterations, created_at, finished_at, progress, kind)"
            " VALUES (?, ?, ?, ?, '{}', 0, ?, ?, 1.0, 'import')",
            (number, run_id, name, RunStatus.DONE.value, now, now),
        )
    return number, run_id


def _next(store: Store, name: str) -> tuple[int, str]:
    number = 1 + max(int(store.value(_LAST_NUMBER)), highest_number(store.path))
    return number, f"{_slug(name)}-{number}"


_LAST_NUMBER = (
    "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0),"
    " coalesce((SELECT max(number) FROM runs), 0))"
)


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:40].rstrip("-") or "run"


def status_of(store: Store, run_id: str) -> RunStatus:
    """The status of a run. Raises InputError where there is no such run."""
    found = store.value("SELECT status FROM runs WHERE id = ?", (run_id,))
    if found is None:
        raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
    with reading(store.path, f"the status of run {run_id}"):
        return RunStatus(found)


def set_status(store: Store, run_id: str, status: RunStatus, error: ErrorText | None = None) -> None:
    """Change a run's status and, with it, its times, its error and its process.

    The same status again changes nothing but the error. A run that ends (in whatever way) has no process, no
    forecast and no open commands any more. Raises StoreError where `LEGAL` forbids the change, InputError
    where there is no such run.
    """
    with store.atomic():
        before = status_of(store, run_id)
        text = None if error is None else json.dumps(asdict(error))
        if before == status:
            if text is not None:
                store.execute("UPDATE runs SET error = ? WHERE id = ?", (text, run_id))
            return
        if status not in LEGAL[before]:
            raise StoreError(
                f"Run {run_id} cannot go from {before.value} to {status.value}",
                why="It follows from "
                + ", ".join(sorted(s.value for s, after in LEGAL.items() if status in after))
                + ".",
                fix="Look at its state again with `sapo runs`; another window or command may have changed it.",
            )
        now = time.time()
        if status.alive:
            store.execute(
                "UPDATE runs SET status = ?, error = ?, started_at = coalesce(started_at, ?), finished_at = NULL,"
                " heartbeat_at = ? WHERE id = ?",
                (status.value, text, now, now, run_id),
            )
            return
        if status is RunStatus.QUEUED:  # it waits for its turn again: what became of it last time is over
            store.execute(
                "UPDATE runs SET status = ?, error = ?, finished_at = NULL, pid = NULL, pid_started = NULL,"
                " eta_seconds = NULL WHERE id = ?",
                (status.value, text, run_id),
            )
            return
        store.execute(
            "UPDATE runs SET status = ?, error = ?, finished_at = ?, pid = NULL, pid_started = NULL,"
            " eta_seconds = NULL, progress = CASE WHEN ? THEN 1.0 ELSE progress END WHERE id = ?",
            (status.value, text, now, status is RunStatus.DONE, run_id),
        )
        store.execute("UPDATE phases SET status = 'pending' WHERE run_id = ? AND status = 'running'", (run_id,))
        store.execute("UPDATE commands SET handled_at = ? WHERE run_id = ? AND handled_at IS NULL", (now, run_id))


def heartbeat(
    store: Store, run_id: str, *, pid: int, pid_started: float, active: float = 0.0, restarts: int | None = None
) -> None:
    """Say that the engine parent `pid` is alive.

    `active`: seconds worked since the last heartbeat (pauses left out).
    """
    store_value = (time.time(), pid, pid_started, active, restarts, run_id)
    with store.atomic():
        store.execute(
            "UPDATE runs SET heartbeat_at = ?, pid = ?, pid_started = ?, active_seconds = active_seconds + ?,"
            " restarts = coalesce(?, restarts) WHERE id = ?",
            store_value,
        )


def request(store: Store, run_id: str, verb: Verb, sender: str) -> int:
    """Ask the engine of a run for something; any process may. Returns the id of the command row."""
    with store.atomic():
        status_of(store, run_id)
        store.execute(
            "INSERT INTO commands (run_id, at, verb, sender) VALUES (?, ?, ?, ?)",
            (run_id, time.time(), verb.value, sender),
        )
        return int(store.value("SELECT last_insert_rowid()"))


def open_commands(store: Store, run_id: str) -> list[Command]:
    """Commands of a run that no engine has handled yet, oldest first."""
    found = store.rows(
        "SELECT id, verb, at, sender FROM commands WHERE run_id = ? AND handled_at IS NULL ORDER BY id", (run_id,)
    )
    # One that is no verb (of a newer window, or damaged) asks for nothing.
    return [Command(identity, Verb(verb), at, sender) for identity, verb, at, sender in found if verb in _VERBS]


def mark_handled(store: Store, commands: Sequence[int]) -> None:
    """Note that these commands (by id) have been carried out."""
    with store.atomic():
        store.execute_many(
            "UPDATE commands SET handled_at = ? WHERE id = ?", [(time.time(), identity) for identity in commands]
        )


def rename_run(store: Store, run_id: str, name: str) -> None:
    """Give a run another name; its id stays.

    Raises InputError for a name that none can have.
    """
    name = checked_name(name, "a run")
    with store.atomic():
        status_of(store, run_id)
        store.execute("UPDATE runs SET name = ? WHERE id = ?", (name, run_id))


def change_config(
    store: Store, run_id: str, config: RunConfig, changes: Sequence[Change], sender: str, how: str = "Resumed with"
) -> None:
    """Give a run another configuration, with what has changed in its history and its log. `how`: what the log says
    before it."""
    now = time.time()
    with store.atomic():
        store.execute("UPDATE runs SET config = ? WHERE id = ?", (config.model_dump_json(), run_id))
        next_phase = store.value("SELECT min(ordinal) FROM phases WHERE run_id = ? AND status != 'done'", (run_id,))
        store.execute_many(
            "INSERT INTO config_changes (run_id, at, phase_ordinal, sender, key, before, after)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (run_id, now, next_phase, sender, change.key, json.dumps(change.before), json.dumps(change.after))
                for change in changes
            ],
        )
        add_log(store, run_id, "info", f"{how} " + ", ".join(map(str, changes)))


def add_log(store: Store, run_id: str, level: str, message: str) -> None:
    """Add a line to a run's log."""
    with store.atomic():
        store.execute(
            "INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)", (run_id, time.time(), level, message)
        )


def set_notice(store: Store, run_id: str, notice: ErrorText | None) -> None:
    """Say (or no longer say) why a run that is alive waits."""
    text = None if notice is None else json.dumps(asdict(notice))
    with store.atomic():
        store.execute("UPDATE runs SET error = ? WHERE id = ?", (text, run_id))


def drop_pending_phases(store: Store, run_id: str) -> None:
    """A run has ended before its last iteration: what it had planned will not be."""
    with store.atomic():
        store.execute("DELETE FROM phases WHERE run_id = ? AND status = 'pending'", (run_id,))


def delete_run(store: Store, run_id: str) -> None:
    """Delete a run with everything in it: its rows first, in one transaction, then its folder; on a full disk its
    folder first, so that there is room to delete the rows.

    That it was done on purpose is written down for `backups`. Raises InputError while it runs.
    """
    folder = store.run_dir(run_id)
    try:
        _delete_rows(store, run_id)
    except StoreFault as fault:
        if fault.kind != "full" or not folder.is_dir() or store.only_reading is not None:
            raise
        _remove_folder(run_id, folder)
        _delete_rows(store, run_id)
    if folder.is_dir():
        _remove_folder(run_id, folder)


def _delete_rows(store: Store, run_id: str) -> None:
    # Without foreign keys for the moment: they would look for the children of each single row.
    # The lists name all tables.
    store.execute("PRAGMA foreign_keys = OFF")
    try:
        with store.atomic():
            # A damaged status is none of a run that somebody works on.
            found = store.row("SELECT number, status IN ('running', 'paused') FROM runs WHERE id = ?", (run_id,))
            if found is None:
                raise RunGone(f"There is no run {run_id}", fix="`sapo runs` lists what there is.")
            number, alive = found
            if alive:
                raise InputError(f"Run {run_id} is still running", fix=f"Stop it first: `sapo stop {run_id}`.")
            backup_losses.note_deleted(store.path, run_id, number)
            for table in _BY_ITEM:
                store.execute(f"DELETE FROM {table} WHERE item_id IN ({_ITEMS})", id_range(number))
            store.execute("DELETE FROM queue_items WHERE trajectory_id BETWEEN ? AND ?", id_range(number))
            for table, column in _BY_NUMBER:
                store.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", id_range(number))
            for table in _BY_RUN:
                store.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
            store.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    finally:
        store.execute("PRAGMA foreign_keys = ON")


def _remove_folder(run_id: str, folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(
            f"Run {run_id} is deleted, but its folder {folder} could not be removed",
            why=str(error),
            fix="Remove it by hand.",
        ) from error
