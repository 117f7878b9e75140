"""The formats of step-labeled solutions that the program knows: one line each.

What `sapo` says of a format stands here, so that its help loads no format; what a format does stands in the module of
its name, as `FORMAT`, and is loaded when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sapo_studio.errors import InputError
from sapo_studio.files import read_lines
from sapo_studio.readable import cut, listing

if TYPE_CHECKING:
    from sapo_studio.formats.base import LabeledSolution
    from sapo_studio.formats.format import Format


@dataclass(frozen=True)
class KnownFormat:
    """A format: what commands call it (and its module here), its title, its files, and what `sapo export` says of it.

    `about` goes on after "annotated trajectories as". `reads` and `writes`: what its module can do. `keys`, of a format
    of rows of JSON: what a row is known by (`a.b` is b within a); the others are known by their suffix.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    about: str
    reads: bool = True
    writes: bool = True
    keys: tuple[str, ...] = ()

    def load(self) -> Format:
        """What its module can do."""
        return import_module(f"sapo_studio.formats.{self.name}").FORMAT


_JSON = (".jsonl", ".json")
FORMATS: tuple[KnownFormat, ...] = (
    KnownFormat(
        "processbench",
        "ProcessBench",
        _JSON,
        "ProcessBench JSONL (label: first error, counted from 0, -1 for none)",
        keys=("problem", "steps", "final_answer_correct", "label"),
    ),
    KnownFormat(
        "prm800k",
        "PRM800K",
        _JSON,
        "PRM800K JSONL (a rating of 1, 0 or -1 for each step)",
        keys=("question.problem", "label.steps"),
    ),
    KnownFormat(
        "math_shepherd",
        "Math-Shepherd",
        _JSON,
        "Math-Shepherd JSONL (one text, + or - behind each step)",
        keys=("input", "label"),
    ),
    KnownFormat(
        "trl",
        "TRL stepwise",
        _JSON,
        "TRL's stepwise JSONL (prompt, completions, true or false for each)",
        keys=("prompt", "completions", "labels"),
    ),
    KnownFormat(
        "math_aps",
        "MATH-APS",
        _JSON,
        "MATH-APS JSONL (beginnings of solutions with a value from 0 to 1)",
        keys=("question", "reasoning_steps"),
    ),
    KnownFormat(
        "prmbench",
        "PRMBench",
        _JSON,
        "PRMBench JSONL (error_steps, counted from 1)",
        keys=("modified_process", "error_steps"),
    ),
    KnownFormat(
        "mr_gsm8k",
        "MR-GSM8K",
        _JSON,
        "MR-GSM8K JSONL (first error, counted from 1, N/A for none)",
        keys=("model_output_steps", "model_output_solution_correctness"),
    ),
    KnownFormat(
        "sapo",
        "SAPO Studio",
        _JSON,
        "SAPO Studio's own JSONL, which holds all that is known of them",
        keys=("format", "step_labels"),
    ),
)

WRITTEN: tuple[KnownFormat, ...] = tuple(known for known in FORMATS if known.writes)
"""Those that `sapo export` can write."""
IMPORTED: tuple[KnownFormat, ...] = tuple(known for known in FORMATS if known.reads and known.keys)
"""Those that `sapo import` can read."""
_BY_KEYS = sorted(IMPORTED, key=lambda known: known.name != "sapo")
"""The program's own rows say what they are, whatever other keys somebody gave them."""
_LOOKED_AT = 20


def format_named(name: str) -> KnownFormat:
    """The format that can be imported under this name; - and _ are the same. Raises InputError."""
    wanted = name.strip().lower().replace("-", "_")
    for known in IMPORTED:
        if wanted == known.name:
            return known
    names = ", ".join(known.name for known in IMPORTED)
    raise InputError(f"There is no format {name!r} to import", fix=f"There are {names}; auto finds out.")


def format_of(file: Path) -> KnownFormat:
    """What `file` is read as by its name: the first format that has its suffix, else the first that can be read at all.

    The suffix of what is packed counts: `steps.jsonl.gz` is `.jsonl`.
    """
    readable = [known for known in FORMATS if known.reads]
    name = Path(file.stem) if file.suffix.lower() == ".gz" else file
    return next((known for known in readable if name.suffix.lower() in known.suffixes), readable[0])


def recognized(file: Path) -> KnownFormat:
    """What a file of rows of JSON is read as by what stands in it.

    Raises InputError where its first rows are in no format that is known, or where it has none.
    """
    from sapo_studio.formats.raw_rows import BrokenRowsError, RawRows

    seen: dict[str, None] = {}
    line, fault = 0, ""
    try:
        for row in islice(RawRows(read_lines(file, exact=True)), _LOOKED_AT):
            if isinstance(row.value, dict):
                value = cast("dict[str, Any]", row.value)
                for known in _BY_KEYS:
                    if all(_has(value, key) for key in known.keys):
                        return known
                seen |= dict.fromkeys(value)
                line = line or row.line
            elif not fault:
                fault = f"Line {row.line}: {row.fault or 'The row is no object.'}"
    except BrokenRowsError as error:
        raise InputError(f"{file} is not JSON", why=error.why, fix="Give JSON Lines, or one JSON array.") from error
    if not seen:
        raise InputError(f"{file} has no solutions", why=fault, fix="Give a file with a row of JSON for each.")
    told = cut(listing(list(seen)))
    known = "; ".join(f"{known.title}: {', '.join(known.keys)}" for known in IMPORTED)
    raise InputError(
        f"{file}:{line} is in no format that is known",
        why=f"Its rows have {told}.",
        fix=f"Formats are known by ({known}).",
    )


def _has(row: Mapping[str, Any], key: str) -> bool:
    head, _, rest = key.partition(".")
    inner = row.get(head)
    return head in row and (not rest or (isinstance(inner, dict) and _has(cast("dict[str, Any]", inner), rest)))


def read_file(file: Path) -> list[LabeledSolution]:
    """The solutions in a file whose first error is known, for a process benchmark: what else the file has is left out.

    Raises InputError, also where it cannot be read or has none.
    """
    known = format_of(file)
    known = recognized(file) if known.keys else known
    read = known.load().read
    assert read is not None, f"{known.name} is registered as readable"
    solutions = list(_judged(read(read_lines(file), str(file))))
    if not solutions:
        raise InputError(
            f"{file} has no solution whose first error is known", fix=f"Give a file in {known.title}'s format."
        )
    return solutions


def _judged(solutions: Iterable[LabeledSolution]) -> Iterator[LabeledSolution]:
    return (one for one in solutions if one.first_error is not None)
