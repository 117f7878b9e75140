"""What differs in the configurations of runs, and whether they stand on the same model and the same questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sapo_studio.app.comparison.records import ConfigRow, Identity
from sapo_studio.config.changes import MACHINE
from sapo_studio.config.schema import LAB, RunConfig, field_paths, parse_config
from sapo_studio.errors import InputError
from sapo_studio.model_files.sources import PINNED
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.question_answers import Answers
from sapo_studio.store.records import ConfigChange

SETS = "evaluation.sets"
_NOT_COMPARED = ("name", "seed")
"""Keys that say which run it is."""
_LAB_QUESTIONS = (
    *("min_steps", "max_steps", "largest_number", "largest_change", "asks"),
    *("train_questions", "development_questions", "test_questions"),
)
"""Settings of the task that decide, with the seed, which questions the lab makes."""


@dataclass(frozen=True)
class Configured:
    """A run's configuration. `config`: None where it is of another version, with keys that this one does not know;
    `values` are then what the store has, without defaults. `changes`: what was changed when it was resumed."""

    config: RunConfig | None
    values: Mapping[str, Any]
    seed: int
    changes: tuple[ConfigChange, ...]

    @property
    def same_but_seed(self) -> str:
        """Equal for runs of one configuration: all keys but the seed, the name and how the machine is used, with what
        was changed underway."""
        rest = {key: value for key, value in self.values.items() if key not in (*_NOT_COMPARED, *MACHINE)}
        underway = [
            (one.key, one.phase_ordinal, one.before, one.after) for one in self.changes if one.key not in MACHINE
        ]
        return json.dumps([rest, underway], sort_keys=True)


def configured(store: Store, run_id: str) -> Configured:
    """What the store has of a run's configuration, defaults filled in."""
    raw = queries.raw_config(store, run_id)
    try:
        config = parse_config(raw, source=f"the configuration of run {run_id}")
    except InputError:
        config = None
    values = dict(_flat(raw if config is None else config.model_dump(mode="json")))
    return Configured(config, values, queries.get_seed(store, run_id), tuple(queries.config_changes(store, run_id)))


def _flat(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Keys by their dotted path; evaluation sets by their names."""
    for key, value in values.items():
        path = f"{at}{key}"
        if path == SETS and isinstance(value, list):
            for one in cast("list[dict[str, Any]]", value):
                name = one.get("name", "")
                yield from _flat({k: v for k, v in one.items() if k != "name"}, f"{SETS}.{name}.")
        elif isinstance(value, Mapping) and path in _SECTIONS:
            yield from _flat(cast("Mapping[str, Any]", value), f"{path}.")
        else:
            yield path, value


_SECTIONS = frozenset(path.rpartition(".")[0] for path in field_paths())


def rows_of(
    keys: Sequence[str], runs: Sequence[Configured], baseline: int
) -> tuple[tuple[ConfigRow, ...], tuple[ConfigRow, ...]]:
    """(Keys that differ, keys that are equal), in order of definition. `keys`: of the runs; `baseline`: place of the
    one that others are held against."""
    order = {path: place for place, path in enumerate(field_paths())}
    paths = sorted(
        dict.fromkeys(path for run in runs for path in run.values if path not in _NOT_COMPARED),
        key=lambda path: (order.get(SETS if path.startswith(f"{SETS}.") else path, len(order)), path),
    )
    rows: list[ConfigRow] = []
    for path in paths:
        values = tuple(run.values.get(path) for run in runs)
        mine = [
            (key, tuple(one for one in run.changes if one.key == path)) for key, run in zip(keys, runs, strict=True)
        ]
        unlike = tuple(value != values[baseline] for value in values)
        rows.append(ConfigRow(path, values, unlike, {key: found for key, found in mine if found}))
    return tuple(row for row in rows if row.differs), tuple(row for row in rows if not row.differs)


# -- What runs stand on


def identities(
    store: Store, run_ids: Sequence[str], runs: Sequence[Configured], answers: Sequence[Answers], set: str
) -> tuple[Identity, ...]:
    """Base model, training questions and test questions of runs, each compared by what is in them where that is known,
    else by name."""
    models = [(name, (digest,)) for name, digest in map(_model, [store] * len(runs), run_ids, runs)]
    sources = [_data(run, "train_data") for run in runs]
    alike = len({*sources}) == 1  # else nobody need look into them
    trained = [
        (source, (_drawn_by(run), _digest_of_asked(store, run_id) if alike else ""))
        for run_id, run, source in zip(run_ids, runs, sources, strict=True)
    ]
    tested = [
        (
            _set_data(run, set) if set else _data(run, "test_data"),
            (_digest(repr(found.keys)) if len(found) else "", "" if set else _drawn_by(run)),
        )
        for run, found in zip(runs, answers, strict=True)
    ]
    return (
        _identity("Base model", models, whole=1),
        _identity("Training questions", trained, whole=1),
        _identity("Test questions" if not set else f"Questions of {set}", tested, whole=2),
    )


def _identity(what: str, known: Sequence[tuple[str, Sequence[str]]], whole: int) -> Identity:
    """Of (name, digests) in each run: digests of the same things in the same order, '' where one is not known. Equal
    ones are of the same. Only of the first `whole` it is true that other ones are of something else: what a run has
    asked so far may come from the same data as what another has."""
    names = tuple(name for name, _ in known)
    columns = [[*column] for column in zip(*(found for _, found in known), strict=True)]
    if any(all(column) and len({*column}) == 1 for column in columns):
        return Identity(what, names, "digest", True, f"{what}: the same in all, by what is in them.")
    told = next((column for column in columns[:whole] if all(column)), None)
    if told is not None:
        shown = tuple(f"{name} ({digest[:8]})" for name, digest in zip(names, told, strict=True))
        return Identity(what, shown, "digest", False, f"{what}: not the same in all, by what is in them.")
    if len({*names}) > 1:
        return Identity(what, names, "name", False, f"{what}: not the same in all, by name.")
    drawn = any(all(column) for column in columns[whole:])
    why = "each run has asked its own choice of them" if drawn else "whether they hold the same is not known"
    return Identity(what, names, "name", None, f"{what}: of the same name in all; {why}.")


def _model(store: Store, run_id: str, run: Configured) -> tuple[str, str]:
    """(What the base model is called, what tells it from any other: the commit on the Hub that was pinned)."""
    source = str(run.values.get("model.source", ""))
    if source == "fresh":
        shape = "x".join(str(run.values.get(f"model.{name}")) for name in ("hidden_size", "layers", "heads"))
        # Its weights are drawn by the seed: the same seed and shape make the same network.
        name = f"fresh {shape}, seed {run.seed}"
        return name, _digest(name)
    commit = ""
    file = store.run_dir(run_id) / PINNED
    try:
        told: Any = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        commit = str(told.get("commit", ""))
    except (OSError, ValueError, AttributeError):
        pass  # without it the name has to do
    return (f"{source} ({commit[:8]})", _digest(f"{source}@{commit}")) if commit else (source, "")


def _drawn_by(run: Configured) -> str:
    """What decides the questions of the lab, which makes them: its settings and the seed. Of other tasks empty."""
    if run.values.get("task.kind") != LAB:
        return ""
    return _digest(json.dumps([*(run.values.get(f"task.{name}") for name in _LAB_QUESTIONS), run.seed]))


def _data(run: Configured, key: str) -> str:
    kind = str(run.values.get("task.kind", ""))
    if kind == LAB:
        steps = "-".join(str(run.values.get(f"task.{name}")) for name in ("min_steps", "max_steps"))
        return f"arithmetic lab, {steps} steps, seed {run.seed}"
    data = str(run.values.get(f"task.{key}") or run.values.get("task.train_data") or "")
    return f"{kind}, {data}" if data else kind


def _set_data(run: Configured, set: str) -> str:
    kind, data = (str(run.values.get(f"{SETS}.{set}.{key}", "")) for key in ("kind", "data"))
    return f"{kind}, {data}" if data else kind or "not measured"


def _digest_of_asked(store: Store, run_id: str) -> str:
    """Of the training questions that a run has asked so far; empty where it has asked none."""
    rows = store.rows("SELECT text, answer FROM questions WHERE run_id = ? AND split = 'train' ORDER BY id", (run_id,))
    return _digest(repr(rows)) if rows else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
