"""What `sapo` prints arrives whatever standard output is; where it cannot, and at Ctrl+C, it ends with a sentence."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sapo_studio import cli
from sapo_studio.app.commands import standard_streams
from sapo_studio.app.exports.tables import folder as tables_folder
from sapo_studio.store.db import Store
from tests.fixtures.answered_runs import answered_run
from tests.fixtures.command_line import said

FULL = Path("/dev/full")
NAME = "naïve \u05d0 \U0001f600"
COMMANDS = (
    ["compare", "base-1", "last"],
    ["compare", "base-1", "last", "--json"],
    ["compare", "base-1", "last", "--csv"],
    ["report", "last"],
    ["report", "last", "--json"],
    ["export", "last", "trajectories"],
    ["runs"],
    ["--help"],
)


@pytest.fixture
def two_runs(home: Path) -> Path:
    with Store.open() as store:
        answered_run(store, ["01", "11"], name="base")
        answered_run(store, ["01", "10"], name=NAME)
    return home


@contextmanager
def out_to(stream: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Generator[None]:
    """Run `sapo ARGUMENTS` with this standard output; it ends with the block's `SystemExit`."""
    monkeypatch.setattr(sys, "argv", ["sapo", *arguments])
    monkeypatch.setattr(sys, "stdout", stream)
    with stream:
        yield


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_gets_utf8_whatever_the_locale(
    two_runs: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, command: list[str]
):
    taken = io.BytesIO()
    stream = io.TextIOWrapper(taken, encoding, write_through=True)
    with out_to(stream, monkeypatch, *command):
        with pytest.raises(SystemExit) as end:
            cli.main()
        text = taken.getvalue().decode("utf-8")
    assert end.value.code == 0
    if command[0] == "compare":
        assert NAME in text
    if "--json" in command:
        json.loads(text)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_characters_gets_them_written_out(
    two_runs: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
):
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    taken = io.BytesIO()
    with out_to(Terminal(taken, encoding, write_through=True), monkeypatch, "compare", "base-1", "last"):
        with pytest.raises(SystemExit) as end:
            cli.main()
        text = taken.getvalue().decode(encoding)
    assert end.value.code == 0
    assert r"\u05d0 \U0001f600" in text


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_disk_behind_standard_output_is_told(
    two_runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    buffered: bool,
):
    stream = io.TextIOWrapper(FULL.open("wb", buffering=-1 if buffered else 0), "utf-8", write_through=not buffered)
    with out_to(stream, monkeypatch, *command), pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert "The output cannot be written to its end" in told
    assert "No space left" in told


def test_an_error_of_a_named_file_is_not_taken_for_standard_outputs():
    assert not standard_streams.takes_no_more(OSError(28, "No space left on device", "elsewhere"))
    assert not standard_streams.takes_no_more(PermissionError(13, "Permission denied"))
    assert standard_streams.takes_no_more(BrokenPipeError(32, "Broken pipe"))


def test_without_a_standard_output_a_command_works(two_runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["sapo", "export", "last", "trajectories"])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    sys.stdout.close()
    assert end.value.code == 0


def test_ctrl_c_ends_with_3_and_leaves_nothing_half(two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tables_folder, "read_me", interrupted)
    place = tmp_path / "out" / "tables"
    code, _, err = said("export", "last", "tables", "-o", place)
    assert (code, err.strip().splitlines()[-1]) == (3, "Stopped.")
    assert list(place.parent.iterdir()) == []


def test_json_is_json_whatever_the_numbers_are(two_runs: Path):
    with Store.open() as store:
        store.execute("UPDATE metrics SET value = ?, low = ? WHERE name = 'greedy_accuracy'", (math.inf, -math.inf))
    for command in COMMANDS:
        if "--json" in command:
            code, out, _ = said(*command)
            assert code == 0
            json.loads(out, parse_constant=pytest.fail)
