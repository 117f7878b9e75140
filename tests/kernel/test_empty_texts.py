"""An empty text behind `sapo`, as an unset shell variable gives it, is refused wherever a text is taken."""

from __future__ import annotations

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
