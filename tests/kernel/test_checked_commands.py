"""What no command of `sapo` takes: an empty text, as an unset shell variable gives it, and NaN."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest
import typer.main

from sapo_studio import cli

COMMANDS: dict[str, Any] = dict(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def places() -> list[tuple[str, str]]:
    """Every argument and option that takes a value."""
    return [
        (name, str(parameter.name))
        for name, command in COMMANDS.items()
        for parameter in command.params
        if not getattr(parameter, "is_flag", False) and parameter.name != "help"
    ]


@pytest.mark.parametrize(("name", "at"), places(), ids="-".join)
def test_each_is_refused_by_name(
    name: str, at: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    arguments: list[str] = []
    for parameter in COMMANDS[name].params:
        empty = parameter.name == at
        if parameter.param_type_name == "argument" and (empty or parameter.required):
            arguments.append("" if empty else "x")
        elif empty:
            arguments += [parameter.opts[0], ""]
    monkeypatch.setattr("sys.argv", ["sapo", name, *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = capsys.readouterr().err
    assert end.value.code == 2
    assert "is given as an empty text" in told
    assert len(told.splitlines()) == 3


def test_the_names_are_those_of_the_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    for arguments, named in ((["restore", "", "--yes"], "BACKUP"), (["evaluate", "last", ""], "RUN")):
        monkeypatch.setattr("sys.argv", ["sapo", *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        assert f"{named} is given" in capsys.readouterr().err


def options_of(kind: str) -> list[tuple[str, ...]]:
    """Every option that takes a number of this kind, as the words before it."""
    groups = {
        (name, sub): one for name, command in COMMANDS.items() for sub, one in getattr(command, "commands", {}).items()
    }
    return [
        (*words, parameter.opts[0])
        for words, command in {**{(name,): one for name, one in COMMANDS.items()}, **groups}.items()
        for parameter in command.params
        if kind in str(parameter.type_descriptor.annotation)
    ]


def numbers() -> list[tuple[str, ...]]:
    """Every option that takes a number with a fraction."""
    return options_of("float")


def refused(words: tuple[str, ...], written: str, capsys: Any, monkeypatch: Any) -> str:
    """What is said where the last of `words` is given so; with whatever else the command needs."""
    command: Any = COMMANDS[words[0]]
    command = command.commands[words[1]] if len(words) == 3 else command
    needed = ["x" for one in command.params if one.param_type_name == "argument" and one.required]
    options = [
        part
        for one in command.params
        if one.param_type_name == "option" and one.required
        for part in (one.opts[0], "x")
    ]
    monkeypatch.setattr("sys.argv", ["sapo", *words[:-1], *needed, *options, f"{words[-1]}={written}"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("words", numbers(), ids=" ".join)
@pytest.mark.parametrize("written", ["nan", "-NaN"])
def test_what_is_no_number_is_refused_by_name(words: tuple[str, ...], written: str, capsys: Any, monkeypatch: Any):
    assert f"{words[-1].lstrip('-')}" in refused(words, written, capsys, monkeypatch)


@pytest.mark.parametrize("words", [one for one in options_of("int") if one[-1].startswith("-")], ids=" ".join)
def test_a_number_of_another_kind_is_refused_in_plain_words(words: tuple[str, ...], capsys: Any, monkeypatch: Any):
    monkeypatch.setenv("COLUMNS", "200")
    told = refused(words, "many", capsys, monkeypatch)
    assert f"'{words[-1]}'" in told
    assert "should be a whole number" in told


def test_there_are_such_numbers():
    assert ("annotate", "make", "--overlap") in numbers()


def test_a_wrong_command_line_is_told_as_json_where_that_is_asked_for(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sapo", "try", "lab", "Q", "-n", "65", "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = json.loads(capsys.readouterr().err)
    assert end.value.code == 2
    assert (told["kind"], "64" in told["what"]) == ("error", True)


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_a_closed_stream_leads_nowhere(closed, capsys, monkeypatch):
    monkeypatch.setattr(sys, closed, None)
    monkeypatch.setattr("sys.argv", ["sapo", "try", "lab", "-"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2  # there is no run: it came as far as looking for it
    assert getattr(sys, closed).name == os.devnull
    getattr(sys, closed).close()
