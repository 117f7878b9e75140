"""The registry of formats: what a line promises, what a file is read as, what is said of files that do not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from sapo_studio.errors import InputError
from sapo_studio.formats import registry
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.registry import FORMATS, KnownFormat, format_of, read_file

LINE = {"id": "x", "generator": "g", "problem": "p", "steps": ["a", "b"], "final_answer_correct": False, "label": 1}


def test_each_format_can_do_what_its_line_says():
    assert len({known.name for known in FORMATS}) == len(FORMATS) > 0
    for known in FORMATS:
        made = known.load()
        assert (made.read is not None, made.write is not None) == (known.reads, known.writes)
        assert known.reads or known.writes
        assert all(suffix.startswith(".") for suffix in known.suffixes)


@pytest.mark.parametrize("name", ["steps.jsonl", "steps.json", "STEPS.JSONL", "steps", "steps.txt"])
def test_processbench_is_read_whatever_the_file_is_called(tmp_path: Path, name: str):
    file = tmp_path / name
    file.write_text("\ufeff" + json.dumps(LINE) + "\n\n", encoding="utf-8")
    (solution,) = read_file(file)
    assert (solution.id, solution.steps, solution.first_error) == ("x", ("a", "b"), 2)


def test_a_suffix_decides_among_formats(monkeypatch: pytest.MonkeyPatch):
    known = (
        KnownFormat("written-only", "", (".lines",), "", reads=False),
        KnownFormat("usual", "", (".jsonl",), ""),
        KnownFormat("lines", "", (".lines",), ""),
    )
    monkeypatch.setattr(registry, "FORMATS", known)
    found = [format_of(Path(name)).name for name in ("a.jsonl", "a.LINES", "a.b", "lines")]
    assert found == ["usual", "lines", "usual", "usual"]


def test_files_that_do_not_do(tmp_path: Path):
    with pytest.raises(InputError, match=r"missing\.jsonl cannot be read"):
        read_file(tmp_path / "missing.jsonl")
    file = tmp_path / "steps.jsonl"
    file.write_text("\n\n")
    with pytest.raises(InputError) as caught:
        read_file(file)
    assert (caught.value.what, caught.value.fix) == (
        f"{file} has no solutions",
        "Give a file with a row of JSON for each.",
    )
    file.write_text(json.dumps(LINE) + "\n" + json.dumps(LINE | {"label": "2"}) + "\n")
    with pytest.raises(InputError) as caught:
        read_file(file)
    assert caught.value.what == f"{file}:2 is not ProcessBench"
    assert caught.value.why.startswith("label: ")


def test_no_solution_is_wrong_at_a_step_that_it_does_not_have():
    facts = {"id": "x", "generator": "g", "problem": "p", "steps": ("a", "b"), "final_answer_correct": False}
    assert LabeledSolution(**facts, first_error=2).first_error == 2
    for wrong in (3, -1, True, "1"):
        with pytest.raises(ValidationError):
            LabeledSolution(**facts, first_error=wrong)
