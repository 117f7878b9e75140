"""Process benchmarks in the store: named, versioned, frozen; and as files beside it, for engines, which know no store.

A frozen version never changes: its digest is that of its rows whenever they are used. Its files are made of its rows
and can be made again at any time.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sapo_studio import paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.process_benchmark import BenchmarkRow, digest, parse_reference
from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import write_atomic
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.registry import KnownFormat, format_named
from sapo_studio.readable import listing
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.records import BenchmarkInfo

FILE_FORMAT = "processbench"


_INFO = (
    "SELECT b.id, b.name, b.version, b.created_at, b.created_by, b.frozen_at, b.source, b.digest, count(r.row),"
    " coalesce(sum(r.split = 'tuning'), 0), coalesce(sum(r.first_error > 0), 0), avg(r.agreement) FROM benchmarks b"
    " LEFT JOIN benchmark_rows r ON r.benchmark_id = b.id {where} GROUP BY b.id ORDER BY b.name, b.version DESC"
)


class NoSuchBenchmarkError(InputError):
    """Nothing in the store is called so."""


def list_benchmarks(store: Store) -> list[BenchmarkInfo]:
    """All versions of all benchmarks, by name, the newest version first."""
    return [_info(store, row) for row in store.rows(_INFO.format(where=""))]


def _info(store: Store, row: Sequence[Any]) -> BenchmarkInfo:
    with reading(store.path, f"benchmark {row[1]}@{row[2]}"):
        number, name, version, created_at, by, frozen_at, source, *counts = row
        return BenchmarkInfo(number, name, version, created_at, by, frozen_at, json.loads(source), *counts)


def find_benchmark(store: Store, text: str, *, frozen: bool = False) -> BenchmarkInfo:
    """The benchmark that `text` names: NAME@VERSION, or NAME, its newest (`frozen`: its newest frozen) version.

    Raises InputError where there is none, or a draft is named where a frozen one is needed.
    """
    reference = parse_reference(text)
    known = list_benchmarks(store)
    name, version = reference or (text, None)
    named = [one for one in known if one.name == name and version in (None, one.version)]
    fit = [one for one in named if one.frozen_at is not None] if frozen else named
    if fit:
        return fit[0]
    if named:
        raise InputError(
            f"The process benchmark {named[0].title} is a draft",
            why="Its rows may still change, and numbers measured on it could not be compared.",
            fix=f"Freeze it: sapo benchmark freeze {named[0].title}",
        )
    raise NoSuchBenchmarkError(f"There is no process benchmark {text!r}", fix=_there_is(known, name))


def _there_is(known: Sequence[BenchmarkInfo], name: str) -> str:
    """What could have been meant by a benchmark called `name`: its versions, else all that there are."""
    near = [one for one in known if one.name == name] or known
    if not near:
        return "Make one: sapo benchmark make NAME --from RUN"
    titles = [one.title if one.frozen_at is not None else f"{one.title} (a draft)" for one in near]
    return f"There {'is' if len(titles) == 1 else 'are'} {listing(titles)}."


def read_rows(store: Store, benchmark: BenchmarkInfo) -> list[BenchmarkRow]:
    """The rows, in order. Of a frozen version StoreError where they are no longer those that were frozen."""
    found: list[BenchmarkRow] = []
    with reading(store.path, f"the rows of benchmark {benchmark.title}"):
        for row in store.rows(
            "SELECT problem, answer, tests, steps, first_error, correct, generator, origin, agreement, split"
            " FROM benchmark_rows WHERE benchmark_id = ? ORDER BY row",
            (benchmark.id,),
        ):
            problem, answer, tests, steps, error, correct, generator, origin, agreement, split = row
            whole = (tuple(json.loads(tests)), tuple(json.loads(steps)), error, bool(correct), generator)
            found.append(BenchmarkRow(problem, answer, *whole, json.loads(origin), agreement, split))
    if benchmark.frozen_at is not None and digest(found) != benchmark.digest:
        raise StoreError(
            f"The process benchmark {benchmark.title} is no longer what was frozen",
            why="Its rows were changed in the store's file: their digest is another one.",
            fix="Put the store back from a backup: `sapo restore`.",
        )
    return found


def check_benchmark_name(name: str) -> None:
    """Raises InputError where no process benchmark can be called so."""
    reference = parse_reference(name)
    if reference is None or reference[1] is not None:
        raise InputError(
            f"{name!r} is no name for a process benchmark",
            fix="Use 1 to 60 letters, digits, dots, dashes and underscores, a letter or digit first.",
        )


def create_benchmark(
    store: Store, name: str, rows: Sequence[BenchmarkRow], *, source: Mapping[str, Any], created_by: str = ""
) -> BenchmarkInfo:
    """Keep `rows` as a draft: the next version of `name`. Raises InputError for a name that is none, or no rows."""
    check_benchmark_name(name)
    if not rows:
        raise InputError(f"The process benchmark {name} would have no rows", fix="Give it judged solutions.")
    with store.atomic():
        version = 1 + int(store.value("SELECT coalesce(max(version), 0) FROM benchmarks WHERE name = ?", (name,)))
        store.execute(
            "INSERT INTO benchmarks (uid, name, version, created_at, created_by, source) VALUES (?, ?, ?, ?, ?, ?)",
            (uuid.uuid4().hex, name, version, time.time(), created_by, json.dumps(source)),
        )
        number = store.value("SELECT id FROM benchmarks WHERE name = ? AND version = ?", (name, version))
        store.execute_many(
            "INSERT INTO benchmark_rows (benchmark_id, row, split, problem, answer, tests, steps, first_error, correct,"
            " generator, origin, agreement) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(number, at, row.split, row.problem, row.answer, _json(row.tests), _json(row.steps)),
                    *(row.first_error, row.correct, row.generator, _json(row.origin), row.agreement),
                )
                for at, row in enumerate(rows, start=1)
            ],
        )
    return find_benchmark(store, f"{name}@{version}")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def freeze_benchmark(store: Store, benchmark: BenchmarkInfo) -> BenchmarkInfo:
    """Freeze a draft, and write its files. Of a version that is frozen the files are written again."""
    with store.atomic():
        store.execute(
            "UPDATE benchmarks SET frozen_at = ?, digest = ? WHERE id = ? AND frozen_at IS NULL",
            (time.time(), digest(read_rows(store, benchmark)), benchmark.id),
        )
    frozen = find_benchmark(store, benchmark.title)
    write_files(store, frozen)
    return frozen


def delete_benchmark(store: Store, benchmark: BenchmarkInfo) -> None:
    """Delete a version with its files. Raises InputError while runs are measured on it."""
    with store.atomic():
        users = runs_with(store, benchmark)
        if users:
            raise InputError(
                f"{benchmark.title} is not deleted",
                why=f"Measured on it: {', '.join(users[:8])}.",
                fix="Delete these runs first.",
            )
        store.execute("DELETE FROM benchmarks WHERE id = ?", (benchmark.id,))
    for file in _files(store, benchmark):
        file.unlink(missing_ok=True)


def runs_with(store: Store, benchmark: BenchmarkInfo) -> list[str]:
    """The runs whose configuration names this version."""
    found = store.rows(
        "SELECT id FROM runs WHERE json_extract(config, '$.task.process_data') = ? ORDER BY number",
        (benchmark.reference,),
    )
    return [run for (run,) in found]


# -- As files


def solutions(benchmark: BenchmarkInfo, rows: Sequence[BenchmarkRow]) -> list[LabeledSolution]:
    """The rows as formats write them, with answers and tests. A row's id is NAME@VERSION-ROW."""
    return [
        LabeledSolution(
            id=f"{benchmark.title}-{number}",
            generator=row.generator,
            problem=row.problem,
            steps=row.steps,
            final_answer_correct=row.correct,
            first_error=row.first_error,
            answer=row.answer,
            tests=row.tests,
        )
        for number, row in enumerate(rows, start=1)
    ]


def as_text(known: KnownFormat, benchmark: BenchmarkInfo, rows: Sequence[BenchmarkRow]) -> str:
    """All rows, whatever their split, as a file of the format `known`."""
    write = known.load().write
    if write is None:
        raise InputError(f"{known.title} can be read, not written")
    return "".join(write(solutions(benchmark, rows)))


def _files(store: Store, benchmark: BenchmarkInfo) -> tuple[Path, Path]:
    folder = store.path.parent / paths.BENCHMARKS
    return folder / f"{benchmark.title}.jsonl", folder / f"{benchmark.title}{paths.WITH_TUNING}.jsonl"


def write_files(store: Store, benchmark: BenchmarkInfo) -> tuple[Path, Path]:
    """Write the files of a frozen version where they are not there as they should be: the rows that are measured on,
    and these followed by those for thresholds. Returns both paths."""
    rows = read_rows(store, benchmark)
    made = solutions(benchmark, rows)
    measured = [one for one, row in zip(made, rows, strict=True) if row.split == "test"]
    tuning = [one for one, row in zip(made, rows, strict=True) if row.split == "tuning"]
    write = format_named(FILE_FORMAT).load().write
    assert write is not None, f"{FILE_FORMAT} is registered as writable"
    files = _files(store, benchmark)
    try:
        for file, content in zip(files, (measured, measured + tuning), strict=True):
            data = "".join(write(content)).encode()
            if not file.is_file() or file.read_bytes() != data:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(file, data)
    except OSError as error:
        raise StoreError(
            f"Cannot write the files of {benchmark.title} to {files[0].parent}",
            why=str(error),
            fix="Make the folder writable, or free some space.",
        ) from error
    return files


def folder_to_measure(store: Store, run_id: str) -> Path:
    """The folder of a run, for an engine that opens the run again: the files of the frozen benchmark that it names,
    which somebody may have changed or deleted since, are written again. Raises InputError where there is none."""
    pinned(store, queries.get_config(store, run_id))
    return store.run_dir(run_id)


def pinned(store: Store, config: RunConfig) -> RunConfig:
    """`config` with the version of the process benchmark that it names, whose files are there then: `benchmark:NAME` is
    the newest frozen one. Raises InputError where there is none."""
    named = config.task.process_data
    if not named.startswith(paths.BENCHMARK):
        _check_no_file(store, named)
        return config
    found = find_benchmark(store, named.removeprefix(paths.BENCHMARK), frozen=True)
    write_files(store, found)
    return config.model_copy(update={"task": config.task.model_copy(update={"process_data": found.reference})})


def _check_no_file(store: Store, text: str) -> None:
    """Raises InputError where `text` is no file and looks like a benchmark that is named as a command names one."""
    name = Path(text).name
    reference = parse_reference(name)
    if reference is None or Path(text).exists():
        return
    meant = next((one for one in list_benchmarks(store) if one.name == reference[0]), None)
    if meant is not None:
        raise InputError(
            f"There is no file {text}",
            why=f"A process benchmark is called {meant.name}.",
            fix=f"Write task.process_data = {json.dumps(paths.BENCHMARK + name)} for the benchmark.",
        )
