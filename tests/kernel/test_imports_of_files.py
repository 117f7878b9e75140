"""Files that are taken in and given back: by command line, to the byte, with people's labels, all or nothing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sapo_studio import supervisor
from sapo_studio.app.benchmarks.candidates import find_source
from sapo_studio.app.exports.step_labels import written
from sapo_studio.app.imports.take_in import known_format, look, take_in
from sapo_studio.cli import app
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.holding import Losses
from sapo_studio.formats.registry import FORMATS, format_named
from sapo_studio.store import annotations, imports, queries
from sapo_studio.store.db import Store
from sapo_studio.store.runs import delete_run
from tests.fixtures.step_files import ROWS, TREE, lines
from tests.fixtures.synthetic import synthetic_run

NAMES = [known.name for known in FORMATS]


def put(folder: Path, text: str, name: str = "steps.jsonl") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def taken(store: Store, file: Path, *, keep_odd: bool = False) -> str:
    return take_in(store, file, known_format(file), ReadAs(keep_odd=keep_odd)).run_id


def given_back(store: Store, run_id: str, name: str, labels: Any = None) -> str:
    return "".join(written(format_named(name), store, run_id, labels=labels))


# -- To the byte


def frames(row: dict[str, Any], more: dict[str, Any]) -> dict[str, str]:
    """The same two rows as files may hold them."""
    odd = json.dumps(row, separators=(" ,", ":")).replace("{", '{"z":1.500, "u":"\\u00e9\u00e9", "n":1E2,', 1)
    both = [row, more]
    return {
        "lines": lines(row, more),
        "no end": lines(row, more)[:-1],
        "windows": "\ufeff" + lines(row, more).replace("\n", "\r\n"),
        "blanks": "\n\n " + lines(row) + "\n\t" + lines(more) + "\n\n",
        "spelling": odd + "\n" + lines(more),
        "array": json.dumps(both),
        "indented": json.dumps(both, indent=1) + "\n",
        "loose array": f" [ {json.dumps(row)} ,{json.dumps(more, ensure_ascii=False)}\n]\n ",
    }


@pytest.mark.parametrize("name", NAMES)
def test_what_was_taken_in_is_given_back_as_it_was(name: str, store: Store, tmp_path: Path):
    more = json.loads(json.dumps(ROWS[name])) | {"id": "other"}
    for kind, text in frames(ROWS[name], more).items():
        run_id = taken(store, put(tmp_path, text))
        assert given_back(store, run_id, name) == text, kind
        assert imports.counts(store, run_id)[0] == 2


def test_a_packed_file_is_given_back_unpacked(store: Store, tmp_path: Path):
    text = lines(ROWS["trl"])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    run_id = taken(store, tmp_path / "a.jsonl.gz")
    assert queries.get_run(store, run_id).name == "a"
    assert given_back(store, run_id, "trl") == text


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_with_any_other_keys_come_back(data: st.DataObject, store: Store, tmp_path: Path):
    name = data.draw(st.sampled_from(NAMES))
    value = st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("xyz", min_size=3), inner, max_size=2),
        max_leaves=4,
    )
    others = st.dictionaries(st.text("xyz", min_size=3), value, max_size=3)
    rows = [ROWS[name] | data.draw(others) | {"id": str(n)} for n in range(data.draw(st.integers(1, 3)))]
    text = json.dumps(rows, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 2])))
    run_id = taken(store, put(tmp_path, text))
    assert given_back(store, run_id, name) == text
    delete_run(store, run_id)


# -- What is kept, and as what


def test_an_imported_file_is_an_entry_beside_the_runs(store: Store, tmp_path: Path):
    run_id = taken(store, put(tmp_path, lines(TREE, ROWS["math_aps"]), "aps.json"))
    run = queries.get_run(store, run_id)
    assert (run.imported, run.name, run.status, run.iterations) == (True, "aps", "done", 0)
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, source="import"))
    assert len(ids) == 6
    detail = queries.trace(store, int(ids[1]))
    assert (detail.steps, detail.truth, [x.labels for x in detail.labels]) == (["First.", "Bad."], -1, ["10"])
    assert queries.trace_rows(store, ids)[1].verified == 2  # its values come from rollouts
    assert len(detail.siblings) == 5
    info = imports.info(store, run_id)
    assert (info.format, info.settings["threshold"], info.refused) == ("math_aps", 0.0, [])
    delete_run(store, run_id)
    for table in ("imports", "import_rows", "import_trajectories", "questions", "trajectories", "labels", "runs"):
        assert store.value(f"SELECT count(*) FROM {table}") == 0


def test_what_engines_do_is_refused(store: Store, tmp_path: Path):
    run_id = taken(store, put(tmp_path, lines(ROWS["trl"])))
    for act in (supervisor.launch, supervisor.resume, supervisor.stop, supervisor.pause, supervisor.kill):
        with pytest.raises(InputError, match="is an imported file"):
            act(store, run_id)
    for ask in (queries.get_config, queries.get_seed):
        with pytest.raises(InputError, match="is an imported file"):
            ask(store, run_id)
    assert supervisor.reconcile(store) == []


def test_odd_rows_are_refused_by_line_or_kept(store: Store, tmp_path: Path):
    rows = [ROWS["processbench"] | {"id": str(n), "label": label} for n, label in enumerate((-1, 3, 0))]
    text = lines(rows[0]) + "{oops\n\n" + lines(rows[1], rows[2], rows[2])
    file = put(tmp_path, text)
    found = take_in(store, file, known_format(file), ReadAs())
    assert found.kept == 2
    assert [(one.line, one.why) for one in found.refused[1:]] == [
        (4, "label: 3, but there are only 3 steps"),
        (6, "id: '2' is the name of row 5, too"),
    ]
    assert (found.refused[0].line, found.refused[0].why.startswith("It is not JSON")) == (2, True)
    assert given_back(store, found.run_id, "processbench") == lines(rows[0]) + lines(rows[2])
    kept = taken(store, file, keep_odd=True)
    assert given_back(store, kept, "processbench") == text.replace("{oops\n", "")
    losses = Losses()
    assert len(list(written(format_named("mr_gsm8k"), store, kept, losses=losses))) == 3
    assert "left out: their first error is not known (1 solution)" in losses.told()
    array = put(tmp_path, json.dumps(rows))
    assert [one.line for one in look(array, known_format(array), ReadAs()).refused] == [2]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "has no solutions"),
        (b"\n\n", "has no solutions"),
        (b'{"a": 1}\n', "is in no format that is known"),
        (b'[{"prompt": 1}', "is not JSON"),
        (b"[]", "has no solutions"),
        (b"problem,steps\nq,s\n", "has no solutions\nLine 1: "),
        ("caf\u00e9".encode("latin-1"), "is not UTF-8 text"),
        (gzip.compress(lines(ROWS["trl"]).encode())[:-12], "is broken"),
        (lines(ROWS["trl"] | {"labels": []}).encode(), "Nothing of"),
        (b"[" + b"[" * 100_000, "is not JSON"),
        (json.dumps([ROWS["trl"], ROWS["trl"]])[:-9].encode(), "is not TRL stepwise"),
    ],
)
def test_a_file_that_does_not_do_leaves_nothing(content: bytes, what: str, store: Store, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=what):
        taken(store, tmp_path / "a.jsonl")
    assert queries.list_runs(store) == []


DIES = """
import os, signal, sys
from pathlib import Path
from sapo_studio.app.imports import take_in as module
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.registry import format_named
from sapo_studio.store import imports
from sapo_studio.store.db import Store

at, file = int(sys.argv[1]), Path(sys.argv[2])
calls = 0
plain = Store.execute_many

def counted(self, sql, values):
    global calls
    plain(self, sql, values)
    calls += 1
    if calls == at:
        os.kill(os.getpid(), signal.SIGKILL)

with Store.open() as store:
    Store.execute_many = counted
    module.take_in(store, file, format_named("sapo"), ReadAs())
print(calls)
"""


@pytest.mark.slow  # a process for each write
def test_who_is_killed_leaves_no_half_import(home: Path, tmp_path: Path):
    file = put(tmp_path, lines(*(ROWS["sapo"] | {"id": str(n)} for n in range(20))))
    with Store.open() as store:
        for at in (1, 3, 5):
            done = subprocess.run([sys.executable, "-c", DIES, str(at), str(file)], check=False, env=os.environ)
            assert done.returncode == -9
            assert queries.list_runs(store) == []
            assert store.value("SELECT count(*) FROM trajectories") == 0
        assert len(queries.trace_ids(store, queries.TraceFilter(taken(store, file), source="import"))) == 20


# -- People's labels


def test_people_change_nothing_but_labels(store: Store, tmp_path: Path):
    rows = [ROWS["processbench"] | {"id": str(n)} for n in range(3)]
    text = "".join(json.dumps(row).replace('"label": 1', '"label":  1.0') + "\r\n" for row in rows)
    run_id = taken(store, put(tmp_path, text))
    with pytest.raises(InputError, match="Nobody has judged"):
        given_back(store, run_id, "processbench", "human")
    first, second, _ = map(int, queries.trace_ids(store, queries.TraceFilter(run_id, source="import")))
    annotations.annotate(store, first, "ann", first_error_here(3, 1))
    annotations.annotate(store, second, "ann", first_error_here(3, 2))
    parts = text.split("\r\n")
    assert given_back(store, run_id, "processbench", "human") == "\r\n".join(
        [parts[0].replace('"label":  1.0', '"label":  0'), *parts[1:]]
    )
    losses = Losses()
    assert "".join(written(format_named("processbench"), store, run_id, losses=losses)) == text
    assert losses.told() == ["people's labels, which --labels human writes (2 solutions)"]
    annotations.annotate(store, first, "ann", no_error(3))
    other = [json.loads(line) for line in given_back(store, run_id, "trl", "human").splitlines()]
    assert [row["labels"] for row in other] == [[True, True, True], [True, False, False], [True, False]]
    for labels in ("rollouts", "oracle"):
        with pytest.raises(InputError, match="is an imported file"):
            given_back(store, run_id, "trl", labels)


def test_everything_goes_through_the_programs_own_format(store: Store, tmp_path: Path):
    run_id = taken(store, put(tmp_path, lines(ROWS["sapo"] | {"mine": 1})))
    (identity,) = map(int, queries.trace_ids(store, queries.TraceFilter(run_id, source="import")))
    detail = queries.trace(store, identity)
    assert [(one.annotator, one.step) for one in detail.annotations] == [("ann", 1)]
    assert [one.source for one in detail.labels] == ["file", "sapo"]
    assert (len(detail.rollouts), list(detail.scores)) == (1, [1])
    annotations.annotate(store, identity, "ben", first_error_here(3, 2))
    row = json.loads(given_back(store, run_id, "sapo", "human"))
    assert row["mine"] == 1
    assert row["step_labels"][:2] == ["correct", "incorrect"]
    assert {one["person"] for one in row["judgements"]} == {"ann", "ben"}
    assert row["comments"] == ROWS["sapo"]["comments"]
    again = taken(store, put(tmp_path, json.dumps(row)))
    (copy,) = map(int, queries.trace_ids(store, queries.TraceFilter(again, source="import")))
    before = {(a.annotator, a.step): a.judgement for a in queries.trace(store, identity).annotations}
    assert {(a.annotator, a.step): a.judgement for a in queries.trace(store, copy).annotations} == before
    losses = Losses()
    list(written(format_named("trl"), store, again, losses=losses))
    told = "; ".join(losses.told())
    for name in ("people's judgements", "comments (1", "scores (1", "labels by source (1", "rollouts (1", "mine"):
        assert name in told


# -- By command line


@pytest.fixture
def sapo(home: Path) -> Callable[..., Any]:
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


def test_by_command_line(sapo: Callable[..., Any], store: Store, tmp_path: Path):
    rows = [ROWS["trl"], ROWS["trl"] | {"labels": []}]
    file = put(tmp_path, lines(*rows))
    told = sapo("import", file, "--name", "mine", "--json")
    assert json.loads(told.stdout.splitlines()[-1]) == {
        "run_id": "mine-1",
        "kept": 1,
        "refused": [{"line": 2, "why": "There are 3 completions and 0 labels."}],
    }
    out = tmp_path / "out.jsonl"
    done = sapo("export", "mine", "trl", "-o", out)
    assert done.exit_code == 0
    assert out.read_text() == lines(rows[0])
    done = sapo("export", "mine", "processbench", "-o", out)
    assert "ProcessBench cannot hold: ungraded final answers" in done.stderr
    listed = sapo("runs").stdout
    assert "imported file" in listed
    assert json.loads(sapo("runs", "--json").stdout)["kind"] == "import"
    told = sapo("report", "mine").stdout
    assert "1 row of TRL stepwise" in told
    assert json.loads(sapo("report", "mine", "--json").stdout)["format"] == "trl"
    assert sapo("import", file, "--format", "TRL").exit_code == 0
    assert "There is no format" in str(sapo("import", file, "--format", "x").exception)
    assert "is an imported file" in str(sapo("resume", "mine").exception)
    assert "is an imported file" in str(sapo("follow", "mine").exception)
    assert sapo("delete", "mine", "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("name", "odd", "first", "told"),
    [
        ("trl", {"labels": [True]}, 2, True),
        ("math_shepherd", {"label": "-"}, 1, True),
        ("prmbench", {"error_steps": [2, 9]}, 3, False),
        ("mr_gsm8k", {"model_output_solution_first_error_step": None}, 0, False),
        ("mr_gsm8k", {"model_output_solution_first_error_step": None}, 2, False),
        ("mr_gsm8k", {"model_output_solution_correctness": "correct"}, 2, False),
        ("mr_gsm8k", {"model_output_solution_first_error_step": 9}, 0, False),
        ("processbench", {"label": 9}, 0, False),
    ],
)
def test_people_mend_odd_rows_or_are_told_that_these_have_no_place(
    name: str, odd: dict[str, Any], first: int, told: bool, store: Store, tmp_path: Path
):
    run_id = taken(store, put(tmp_path, lines(ROWS[name] | odd)), keep_odd=True)
    (identity,) = map(int, queries.trace_ids(store, queries.TraceFilter(run_id, source="import")))
    annotations.annotate(store, identity, "ann", first_error_here(3, first) if first else no_error(3))
    losses = Losses()
    text = "".join(written(format_named(name), store, run_id, labels="human", losses=losses))
    lost = ["people's labels that their rows have no place for (1 solution)"]
    assert losses.told() == (lost if told else [])
    again = taken(store, put(tmp_path, text), keep_odd=told)
    (copy,) = map(int, queries.trace_ids(store, queries.TraceFilter(again, source="import")))
    if not told:
        detail = queries.trace_rows(store, [copy])[0]
        assert first in (detail.truth, detail.verified)


def test_neutral_judgements_that_a_files_own_format_cannot_say_are_named(store: Store, tmp_path: Path):
    run_id = taken(store, put(tmp_path, lines(ROWS["trl"])))
    (identity,) = map(int, queries.trace_ids(store, queries.TraceFilter(run_id, source="import")))
    annotations.annotate(store, identity, "ann", {1: 0, 2: 0, 3: 1})
    losses = Losses()
    text = "".join(written(format_named("trl"), store, run_id, labels="human", losses=losses))
    assert json.loads(text)["labels"] == [True, True, True]
    assert losses.told() == ["neutral ratings (2 steps)"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("judgements", {"person": "\ud800", "step": 1, "judgement": 1, "at": 1}),
        ("judgements", {"person": "ann", "step": 1, "judgement": 1, "at": float("nan")}),
        ("judgements", {"person": "ann", "step": 1, "judgement": 1, "at": 1e300}),
        ("comments", {"person": "ann", "step": 0, "at": 1, "text": "\udfff"}),
        ("scores", {"verifier": 2**63, "scores": [0.5] * 3, "predicted": 0}),
        ("scores", {"verifier": 0, "scores": [0.5] * 3, "predicted": 4}),
        ("labels_by_source", {"source": "a", "iteration": 10**30, "labels": "111"}),
        ("labels_by_source", {"source": "a", "iteration": 1, "labels": "abc"}),
        ("rollouts", {"iteration": 1, "prefix": 0, "text": "", "correct": True, "tokens": 2**63}),
        ("values", float("nan")),
    ],
)
def test_what_the_store_cannot_hold_is_refused_with_its_row(field: str, value: Any, store: Store, tmp_path: Path):
    bad = ROWS["sapo"] | {"id": "b", field: [value] * 3}
    file = put(tmp_path, json.dumps([ROWS["sapo"], bad]))
    found = take_in(store, file, known_format(file), ReadAs())
    assert (found.kept, [one.line for one in found.refused]) == (1, [2])
    assert found.refused[0].why.startswith(field)


def test_half_a_character_beside_what_is_read_stays_an_escape(store: Store, tmp_path: Path):
    text = lines(ROWS["sapo"] | {"mine": "\ud800"}).replace("mine", "m\u00efne")
    run_id = taken(store, put(tmp_path, text))
    (identity,) = map(int, queries.trace_ids(store, queries.TraceFilter(run_id, source="import")))
    annotations.annotate(store, identity, "ann", no_error(3))
    for labels in (None, "human"):
        back = given_back(store, run_id, "sapo", labels)
        assert '"m\u00efne": "\\ud800"' in back
        back.encode()


def test_last_is_the_last_run_where_only_a_run_will_do(store: Store, tmp_path: Path):
    own = synthetic_run(store, trajectories=4, questions=2)
    run_id = taken(store, put(tmp_path, lines(ROWS["trl"])))
    assert queries.find_run(store, "last") == run_id
    assert queries.find_own_run(store, "last") == own
    assert queries.find_own_run(store, own) == own
    with pytest.raises(InputError, match=f"{run_id} is an imported file"):
        queries.find_own_run(store, run_id)
    delete_run(store, own)
    with pytest.raises(InputError, match=f"{run_id} is an imported file"):
        queries.find_own_run(store, "last")


@pytest.mark.parametrize("command", ["evaluate", "people-study"])
def test_commands_that_need_a_run_say_that_a_file_is_none(command: str, sapo: Callable[..., Any], tmp_path: Path):
    assert sapo("import", put(tmp_path, lines(ROWS["trl"])), "--name", "mine").exit_code == 0
    assert "mine-1 is an imported file" in str(sapo(command, "mine").exception)


def test_last_is_no_file_by_accident(sapo: Callable[..., Any], store: Store, tmp_path: Path):
    """Whoever names a file gets it; `last` alone means a run, to every command that takes either."""
    file = put(tmp_path, lines(ROWS["processbench"]))
    alone = taken(store, file)
    assert queries.find_entry(store, "last") == alone, "there is nothing else"
    own = synthetic_run(store, iterations=1, questions=4, trajectories=8)
    later = taken(store, file)
    assert queries.find_entry(store, "last") == own
    assert queries.find_entry(store, later) == later
    assert queries.find_imported(store, "last") == later
    for arguments in (("audit", "--json"), ("report", "last", "--json"), ("export", "last", "config")):
        found = sapo(*arguments)
        assert found.exit_code == 0, found.output
        assert own in found.output or later not in found.output
    assert find_source(store, "last").runs == (own,)
