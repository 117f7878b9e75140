"""What is trained on at a time is counted in tokens, not in sequences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sqlite_utils import Database

BEFORE, AFTER = "runtime.micro_batch", "runtime.micro_tokens"


def migrate(db: Database) -> None:
    """Stored configurations, and what was changed in them, say `runtime.micro_tokens` where they said
    `runtime.micro_batch`: as many tokens as so many of the longest texts have (`config.gone`)."""
    # Imported here, as sqlite-utils is: only the first opening has to pay for what it goes by.
    from sapo_studio.config.gone import in_tokens, longest_text, most_tokens
    from sapo_studio.errors import InputError

    connection = db.conn
    for run_id, text in connection.execute("SELECT id, config FROM runs").fetchall():
        config = _table(text)
        if "micro_batch" not in _table(config.get("runtime")):
            continue
        try:
            now = in_tokens(config, f"the configuration of run {run_id}")
        except InputError:
            continue  # it says both, as none was ever written: whoever reads it hears so
        connection.execute("UPDATE runs SET config = ? WHERE id = ?", (json.dumps(now), run_id))
    changes = connection.execute(
        "SELECT c.id, c.before, c.after, r.config FROM config_changes c JOIN runs r ON r.id = c.run_id WHERE c.key = ?",
        (BEFORE,),
    ).fetchall()
    for number, before, after, text in changes:
        longest = longest_text(_table(_table(text).get("task")))
        values = (json.loads(before), json.loads(after))
        tokens = [json.dumps(most_tokens(value, longest) if isinstance(value, int) else value) for value in values]
        connection.execute(
            "UPDATE config_changes SET key = ?, before = ?, after = ? WHERE id = ?", (AFTER, *tokens, number)
        )


def _table(found: object) -> dict[str, Any]:
    """A JSON object, as text or read; empty where it is none."""
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
