"""Which run a person means by what was typed: an id, the start of one, a name, or `last`."""

from __future__ import annotations

import difflib

from sapo_studio.errors import InputError
from sapo_studio.store.db import Store


def find_own_run(store: Store, text: str) -> str:
    """As `find_run`, where only a run of this program will do: `last` is the last one, whatever was imported since.

    Raises InputError for an imported file, too.
    """
    run_id = find_entry(store, text)
    if store.value("SELECT kind FROM runs WHERE id = ?", (run_id,)) == "import":
        raise is_a_file(run_id)
    return run_id


def find_entry(store: Store, text: str) -> str:
    """As `find_run`, where an imported file will do as well as a run: `last` is still the last run, so that nobody gets
    a file that was imported since by accident; where there is no run, it is the last file.
    """
    newest = _newest(store, "!=") if text == "last" else None
    return newest or find_run(store, text)


def find_imported(store: Store, text: str) -> str:
    """As `find_run`, where only an imported file is meant: `last` is the last one. Whether another `text` means one is
    for the caller to see."""
    newest = _newest(store, "=") if text == "last" else None
    return newest or find_run(store, text)


def _newest(store: Store, compare: str) -> str | None:
    """The run whose kind is (`=`), or is not (`!=`), an import and that was made last."""
    return store.value(f"SELECT id FROM runs WHERE kind {compare} 'import' ORDER BY number DESC LIMIT 1")


def find_run(store: Store, text: str) -> str:
    """The id of the run that a person means: its id, the start of one id only, its exact name (the newest of
    that name), or `last`. A run in the bin is meant by its whole id alone.

    Raises InputError that names the nearest ids, or what of this name is in the bin.
    """
    if store.value("SELECT 1 FROM runs WHERE id = ?", (text,)):
        return text
    known: list[tuple[str, str]] = [
        (identity, name)
        for identity, name in store.rows("SELECT id, name FROM runs WHERE binned_at IS NULL ORDER BY number DESC")
    ]
    ids = [identity for identity, _ in known]
    if text == "last" and ids:
        return ids[0]
    for identity, name in known:
        if name == text:
            return identity
    starting = [identity for identity in ids if identity.startswith(text)] if text else []
    if len(starting) == 1:
        return starting[0]
    if starting:
        raise InputError(f"{text} may mean several runs", why=", ".join(starting[:8]), fix="Give more of the id.")
    _refuse_binned(store, text)
    near = difflib.get_close_matches(text, ids, n=3, cutoff=0.4) or ids[:3]
    hint = "Did you mean " + " or ".join(near) + "?" if near else "Start one with `sapo run lab-demo`."
    raise InputError(f"There is no run {text!r}", fix=f"{hint} `sapo runs` lists what there is.")


def _refuse_binned(store: Store, text: str) -> None:
    """Raises InputError where runs in the bin are called `text`."""
    binned = store.value(
        "SELECT id FROM runs WHERE binned_at IS NOT NULL AND name = ? ORDER BY number DESC LIMIT 1", (text,)
    )
    if binned is not None:
        raise InputError(f"{text} is in the bin", fix=f"Name it by its id, {binned}: sapo bin restore {binned}")


def is_a_file(run_id: str) -> InputError:
    """What to raise where an imported file is named and only a run will do."""
    return InputError(
        f"{run_id} is an imported file", why="It has no configuration: no run made it.", fix="Name a run."
    )
