"""Whatever is typed behind `sapo`: an exit code and sentences, never a traceback, never a raw control character.

All commands, options and configuration fields are found by walking the program, so that new ones are tried, too.
"""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sapo_studio import cli, engines, paths, supervisor
from sapo_studio.app import diagnosis
from sapo_studio.app.commands import following, try_session
from sapo_studio.app.engine_setup import own_wheel, pythons
from sapo_studio.app.experiments import runner
from sapo_studio.app.run_queue import waiting_for
from sapo_studio.config.schema import field_paths
from sapo_studio.requests import client
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

TOP: dict[str, Any] = dict(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
COMMANDS: dict[str, Any] = {
    f"{name} {inner}".strip(): command
    for name, group in TOP.items()
    for inner, command in getattr(group, "commands", {"": group}).items()
}
LONG = 100_000
TEXTS = [
    *("", " ", "-", "--", ".", "/", "~", "~nobody-of-this-name", "a/b", "last", "\x00", "\x1b]0;x\x07", "\x9b31m"),
    *(
        "\udcff",
        "\u202e",
        "nan",
        "inf",
        "-inf",
        "-1",
        "1e999",
        "9" * 5000,
        "9" * 4000,
        "-" + "9" * 30,
        "0x" + "f" * 9000,
    ),
    *(
        "x" * LONG,
        "\n" * LONG,
        "/" * LONG,
        "[" * LONG,
        "{a=" * LONG,
        '"' * LONG,
        "hub:" + "x" * LONG,
        "[red]",
        "<b>&amp;",
    ),
    *("[" * 300 + "]" * 300, ".".join("a" * 2000), "gsm8k", "lab-smoke", "true", "[1]", "{}", "1979-05-27", "''"),
    *("/dev/null", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/nowhere/x.toml", "/" + "y" * 300 + ".toml"),
]


def test_help_lists_every_command_under_a_heading():
    for name, command in TOP.items():
        assert command.rich_help_panel in cli.PANELS, name


def files(folder: Path) -> list[str]:
    """Files and other things that are no configuration, no data, no matrix and no benchmark."""
    held = {
        "empty.toml": b"",
        "binary.toml": bytes(range(256)) * 8,
        "zeros.jsonl": b"\x00" * 4096,
        "utf16.toml": "seed = 1\n".encode("utf-16"),
        "utf16be.jsonl": b"\xfe\xff" + "{}\n".encode("utf-16-be"),
        "utf32.json": "{}".encode("utf-32"),
        "latin1.toml": 'name = "caf\xe9"'.encode("latin-1"),
        "bom.toml": b"\xef\xbb\xbfseed = 1\n",
        "nested.toml": b"a = " + b"[" * 50_000,
        "nested-closed.toml": b"seed = " + b"[" * 200 + b"]" * 200,
        "nested.json": b'{"a": ' * 50_000,
        "nested.jsonl": b"[" * 50_000 + b"]" * 50_000,
        "dotted.toml": b".".join([b"a"] * 5000) + b" = 1",
        "digits.toml": b"seed = " + b"9" * 5000,
        "hex.toml": b"seed = 0x" + b"f" * 9000,
        "digits.jsonl": b'{"label": ' + b"9" * 5000 + b"}",
        "long.toml": b'name = "' + b"x" * LONG + b'"',
        "matrix.toml": b'name = "m"\npreset = "lab-smoke"\nmethods = ["sapo"]\nseeds = [1, 2]\n',
        "matrix-seeds.toml": b'name = "m"\npreset = "lab-smoke"\nmethods = ["sapo"]\nseeds = [-1]\n',
        "escape.toml": b'[preset]\ntitle = "\\u001b[31m"\n',
    }
    for name, content in held.items():
        (folder / name).write_bytes(content)
    (folder / "folder.toml").mkdir()
    os.mkfifo(folder / "pipe.toml")
    (folder / "link.jsonl").symlink_to("/dev/zero")
    (folder / "loop.toml").symlink_to("loop.toml")
    names = [*held, "folder.toml", "pipe.toml", "link.jsonl", "loop.toml", "missing.toml"]
    return [str(folder / name) for name in names]


@dataclass(frozen=True)
class Ground:
    """Where all cases of a test run."""

    folder: Path
    files: list[str]
    store: Store
    """Open all the while, as a window has it: whoever opens it besides has less to do."""

    def sapo(self, *arguments: str) -> tuple[int, str, str]:
        """What `sapo ARGUMENTS` ends with and prints, in this process."""
        out, err, before = io.StringIO(), io.StringIO(), (sys.argv, sys.stdout, sys.stderr, sys.stdin)
        sys.argv, sys.stdout, sys.stderr, sys.stdin = ["sapo", *arguments], out, err, io.StringIO()
        try:
            cli.main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 0, out.getvalue(), err.getvalue()
        finally:
            sys.argv, sys.stdout, sys.stderr, sys.stdin = before
        raise AssertionError("sapo always ends with an exit code")


def refuse(*_: Any, **__: Any) -> dict[str, Any]:
    from sapo_studio.errors import InputError

    raise InputError("No engine is started here")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A folder with odd files and a store with a run, and nothing that starts a process or waits for one."""
    folder = tmp_path_factory.mktemp("ground")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(paths.HOME_VARIABLE, str(folder / "home"))
        patch.setenv("COLUMNS", "120")
        patch.chdir(folder)
        for module, name in (
            # Wherever `ask` was imported to; an engine would find the Ray cluster of a test beside this one.
            *((client, "command_for"), (runner, "run_matrix")),
            *((supervisor, "launch"), (supervisor, "resume"), (supervisor, "stop"), (supervisor, "pause")),
            *((supervisor, "kill"), (supervisor, "stop_after_phase"), (following, "follow"), (waiting_for, "look")),
            *((try_session, "run_trial"), (own_wheel, "own_wheel")),
        ):
            patch.setattr(module, name, refuse)
        patch.setattr(supervisor, "wake_queue", lambda _: False)  # any look at runs calls it
        patch.setattr(diagnosis, "window_fault", lambda: None)
        # What is asked of a Python, in a process of its own, of libraries and of the program's files stays as it is.
        for module, name in ((engines, "look"), (pythons, "_ask"), (diagnosis, "version"), (diagnosis, "_resources")):
            patch.setattr(module, name, functools.cache(getattr(module, name)))
        with Store.open() as store:
            yield Ground(folder, files(folder), store)


def check(ground: Ground, arguments: list[str]) -> None:
    if not ground.store.value("SELECT count(*) FROM runs"):
        synthetic_run(ground.store, name="\x1b[31m[red]<b>", trajectories=4, questions=2)
    while ground.store.value("SELECT count(*) FROM runs") > 20:
        ground.store.execute("DELETE FROM runs WHERE number = (SELECT max(number) FROM runs)")
    code, out, err = ground.sapo(*arguments)
    told = [one[:80] for one in arguments]
    assert code in (0, 1, 2, 3), told
    assert "Traceback" not in err, told
    # What the doctor finds bad is what it was asked for: it stands in its table, or its JSON object.
    found_bad = arguments[0] == "doctor" and ("bad" in out or '"ready": false' in out)
    assert code == 0 or err.strip() or found_bad, told
    assert len(err) < 30_000, (told, len(err))
    assert not set(err) & {"\x1b", "\x07", "\x9b", "\x00", "\u202e"}, told


def values(ground: Ground) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from([*TEXTS, *ground.files]), st.text(max_size=40), st.integers().map(str))


def command_line(data: st.DataObject, ground: Ground) -> list[str]:
    """A command with an argument in each place and some of its options, each with any value."""
    name = data.draw(st.sampled_from(sorted(COMMANDS)))
    value = values(ground)
    line: list[str] = name.split()
    arguments = [one for one in COMMANDS[name].params if one.param_type_name == "argument"]
    options = [one for one in COMMANDS[name].params if one.param_type_name != "argument"]
    for option in data.draw(st.lists(st.sampled_from(options), max_size=4)) if options else ():
        line.append(option.opts[0])
        if not option.is_flag:
            line.append(data.draw(value))
    line.append("--")
    line += [data.draw(value) for _ in arguments]
    return line


def each_value_in_each_place(ground: Ground) -> Iterator[list[str]]:
    for name, command in COMMANDS.items():
        places = [one for one in command.params if one.param_type_name == "argument"]
        for value in [*TEXTS, *ground.files]:
            yield [*name.split(), "--", *[value for _ in places]]
            for option in command.params:
                if option.param_type_name != "argument" and not option.is_flag:
                    usual = {"run": "lab-smoke", "task": "gsm8k", "what": "trajectories"}
                    yield [*name.split(), option.opts[0], value, "--", *[usual.get(one.name, "last") for one in places]]


def quiet(count: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )


@quiet(60)
@given(data=st.data())
def test_any_command_line(ground: Ground, data: st.DataObject):
    check(ground, command_line(data, ground))


@quiet(60)
@given(data=st.data())
def test_any_value_of_any_field(ground: Ground, data: st.DataObject):
    check(ground, field_line(data, ground))


def field_line(data: st.DataObject, ground: Ground) -> list[str]:
    field, value = data.draw(st.sampled_from(sorted(field_paths()))), data.draw(values(ground))
    return ["run", "lab-smoke", "--dry-run", "--set", f"{field}={value}"]


@pytest.mark.slow
@pytest.mark.timeout(3000)
@quiet(7000)
@given(data=st.data())
def test_ten_thousand_command_lines(ground: Ground, data: st.DataObject):
    check(ground, command_line(data, ground))


@pytest.mark.slow
@pytest.mark.timeout(3000)
@quiet(3000)
@given(data=st.data())
def test_three_thousand_values_of_fields(ground: Ground, data: st.DataObject):
    check(ground, field_line(data, ground))


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_each_odd_value_in_each_place(ground: Ground):
    tried = 0
    for line in each_value_in_each_place(ground):
        check(ground, line)
        tried += 1
    assert tried > 1000
