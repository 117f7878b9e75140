"""Which runs a person means: RUN, or RUN@ITERATION, several at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_studio.app.comparison.records import Picked
from sapo_studio.errors import InputError, RunGone
from sapo_studio.store import run_lookup
from sapo_studio.store.db import Store

_DIGITS = 6
"""More than any iteration has."""


def pick(store: Store, text: str) -> Picked:
    """The run that a person means by RUN or RUN@ITERATION (`run_lookup.find_run` says what RUN may be). Raises
    InputError where there is none, several may be meant, or it is an imported file."""
    head, at, tail = text.rpartition("@")
    if not at or not (tail.isascii() and tail.isdecimal()) or _is_one(store, text):
        return Picked(_found(store, text))
    if len(tail) > _DIGITS:
        raise InputError(f"{tail} is no iteration", fix="Write RUN@ITERATION, as in lab-demo-3@2.")
    return Picked(_found(store, head), int(tail))


def pick_all(store: Store, given: Sequence[str | Picked]) -> list[Picked]:
    """All of them. Raises one InputError that names every one that is none."""
    found: list[Picked] = []
    faults: list[InputError] = []
    for one in given:
        try:
            found.append(pick(store, one) if isinstance(one, str) else _known(store, one))
        except InputError as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        why = "\n".join(" ".join(part for part in (fault.what, fault.why) if part) for fault in faults)
        raise InputError(f"{len(faults)} of the runs cannot be compared", why=why, fix=faults[0].fix)
    return found


def _known(store: Store, picked: Picked) -> Picked:
    kind = store.value("SELECT kind FROM runs WHERE id = ?", (picked.run_id,))
    if kind is None:
        raise RunGone(f"There is no run {picked.run_id}", fix="`sapo runs` lists what there is.")
    if kind == "import":
        raise run_lookup.is_a_file(picked.run_id)
    return picked


def _is_one(store: Store, text: str) -> bool:
    return bool(store.value("SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?1 OR name = ?1)", (text,)))


def _found(store: Store, text: str) -> str:
    """As `find_own_run`, but a name that several runs have means none of them: to compare the newest of them with
    itself, or with another than was meant, would go unseen."""
    same = [
        identity
        for (identity,) in store.rows(
            "SELECT id FROM runs WHERE name = ?1 AND binned_at IS NULL AND kind != 'import'"
            " AND NOT EXISTS (SELECT 1 FROM runs WHERE id = ?1) ORDER BY number",
            (text,),
        )
    ]
    if len(same) > 1:
        raise InputError(f"{len(same)} runs are called {text}", why=", ".join(same[:8]), fix="Name one by its id.")
    return run_lookup.find_own_run(store, text)
