"""Text from data, made fit to be shown: in messages, in JSON, and whatever a command prints about it."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from sapo_studio import cli
from sapo_studio.app.commands import printing
from sapo_studio.app.commands.live_view import LiveView
from sapo_studio.app.commands.run_view import RunSnapshot
from sapo_studio.app.commands.safe_console import SafeConsole
from sapo_studio.errors import InputError
from sapo_studio.readable import LONGEST_LINE, MOST_LINES, cut, json_line, printable, sentences
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

OBEYED = {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x200F, 0xD800)} - {"\n", "\t"}
NASTY = "\x1b[2J\x1b]0;title\x07\x9b31m[red]<b>&amp;[/]\u202e"


@given(text=st.text(st.characters(), max_size=60))
def test_nothing_that_a_terminal_obeys_is_left(text: str):
    assert not set(printable(text)) & OBEYED
    printable(text).encode()


@given(value=st.recursive(st.text(st.characters()) | st.integers(), lambda inner: st.lists(inner) | st.tuples(inner)))
def test_json_reads_back_and_holds_nothing_to_obey(value: object):
    line = json_line(value)
    assert json.loads(line) == json.loads(json.dumps(value))
    assert not set(line) & OBEYED
    assert "\n" not in line


@given(text=st.text(max_size=20), times=st.integers(0, 3000))
def test_what_is_cut_is_short_and_stays_as_it_is(text: str, times: int):
    once = cut(text * times)
    assert cut(once) == once
    lines = once.split("\n")
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= LONGEST_LINE


def test_messages_are_cut_wherever_they_come_from():
    error = InputError("x" * 100_000, why="y" * 100_000, fix="\n" * 100_000)
    assert max(len(error.what), len(error.why), len(error.fix)) <= LONGEST_LINE


def test_a_terminal_keeps_its_own_colours_and_obeys_no_data():
    screen = io.StringIO()
    console = SafeConsole(file=screen, force_terminal=True, color_system="standard", width=80)
    table = Table()
    table.add_column("\x1b[31mname")
    table.add_row("[red]x[/]\x1b[2J")
    console.print(table)
    shown = screen.getvalue()
    assert "\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[31mx" in shown


def test_content_is_passed_on_as_it_is_but_to_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    cases: list[tuple[io.StringIO, str]] = [(io.StringIO(), "a\x1b[0m\n"), (Terminal(), "a\\x1b[0m\n")]
    for stream, shown in cases:
        printing.pass_on("a\x1b[0m\n", stream)
        assert stream.getvalue() == shown


@pytest.mark.parametrize(
    "line",
    [
        *(["runs"], ["runs", "--json"], ["report"], ["report", "--json"], ["presets"], ["presets", "odd"]),
        *(
            ["rename", "last", NASTY],
            ["report", NASTY],
            ["run", NASTY],
            ["presets", "--delete", NASTY],
            ["grade", NASTY],
        ),
    ],
)
def test_names_and_arguments_are_shown_not_obeyed(
    line: list[str], store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    synthetic_run(store, name=NASTY, trajectories=4, questions=2)
    monkeypatch.setattr("sys.argv", ["sapo", *line])
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr()
    assert told.out + told.err
    assert not set(told.out + told.err) & OBEYED


def test_the_live_picture_shows_names_as_they_are(store: Store):
    run_id = synthetic_run(store, name=NASTY, trajectories=4, questions=2)
    screen = io.StringIO()
    console = SafeConsole(file=screen, width=200)
    console.print(LiveView(console).picture(RunSnapshot(queries.get_run(store, run_id), [], {}, [])))
    assert "[red]<b>&amp;[/]" in screen.getvalue()
    assert not set(screen.getvalue()) & OBEYED


def test_parts_of_an_error_are_sentences_with_one_end_each():
    assert sentences("It failed", "The disk is full.", "", "Free some room?") == (
        "It failed. The disk is full. Free some room?"
    )
    assert sentences("", " ") == ""
