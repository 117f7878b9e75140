"""Files that a user names: what is read as text, and what an output may replace."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sapo_studio.config.presets import find_preset
from sapo_studio.errors import InputError
from sapo_studio.files import (
    cannot_write,
    new_folder,
    output_place,
    parse_json_text,
    parse_toml_text,
    read_lines,
    read_text,
    write_output,
    writing_advice,
    written_output,
)
from sapo_studio.paths import user_path


def test_text_is_read_with_and_without_a_mark_and_whatever_ends_its_lines(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(file) == "one\ntwo\nthree\n"
    assert list(read_lines(file)) == ["one\n", "two\n", "three\n"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text".encode("utf-16"), "UTF-16"),
        ("text".encode("utf-32"), "UTF-32"),
        ("caf\xe9".encode("latin-1"), "not UTF-8"),
        (b"a\x00b", "not text"),
        (b"x" * 2000, "too large"),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, told: str):
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_text(file, most=1000)


def test_devices_are_not_read_and_pipes_without_a_writer_do_not_hang(tmp_path: Path):
    for place in ("/dev/zero", "/dev/null", str(tmp_path)):
        with pytest.raises(InputError, match="not a file of text"):
            read_text(Path(place))
    os.mkfifo(tmp_path / "pipe")
    assert read_text(tmp_path / "pipe") == ""


def test_outputs_replace_plain_files_and_nothing_else(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for place in ("/", "", ".", "/dev/null", tmp_path, tmp_path / "pipe", tmp_path / "null", tmp_path / "new" / ".."):
        with pytest.raises(InputError):
            write_output(Path(place), "x")
    assert Path("/dev/null").is_char_device()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["null", "pipe"]


def test_an_output_goes_to_where_a_link_points(tmp_path: Path):
    (tmp_path / "link").symlink_to("real")
    write_output(tmp_path / "link", "one")
    write_output(tmp_path / "link", "two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "two"
    assert output_place(tmp_path / "link") == tmp_path / "real"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.parametrize("text", ["~nobody-of-this-name/x", "a\x00b", "x" * 5000, "\udcff\x00"])
def test_paths_that_are_none(text: str):
    with pytest.raises(InputError, match="cannot be used as a path"):
        user_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000,
        "a = " + "[" * 200 + "]" * 200,
        "a = " + "9" * 5000,
        "a = 0x" + "f" * 9000,
        "a." * 500 + "b = 1",
    ],
)
def test_toml_that_python_has_other_errors_for(text: str):
    with pytest.raises(InputError, match="is not valid TOML"):
        parse_toml_text(text, "it")


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 200 + "]" * 200, "9" * 5000, "{"])
def test_json_that_python_has_other_errors_for(text: str):
    with pytest.raises(ValueError, match=r".+"):
        parse_json_text(text)


def test_an_empty_configuration_is_no_configuration(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "empty.toml").touch()
    (tmp_path / "remarks.toml").write_text("# seed = 1\n\n")
    for name, told in (("pipe", "is empty"), ("empty", "is empty"), ("remarks", "sets nothing")):
        with pytest.raises(InputError, match=told):
            find_preset(str(tmp_path / f"{name}.toml"))


def test_a_pipe_that_brings_a_configuration_is_read(tmp_path: Path):
    place = tmp_path / "pipe.toml"
    os.mkfifo(place)
    reader = os.open(place, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer need not wait for one
    writer = os.open(place, os.O_WRONLY)
    os.write(writer, b"seed = 7\n")
    os.close(writer)
    assert find_preset(str(place)).config.seed == 7
    os.close(reader)


@pytest.mark.parametrize("what", [".", "..", "~"])
def test_a_folder_is_called_a_folder(what: str):
    with pytest.raises(InputError, match="is a folder"):
        find_preset(what)


@pytest.mark.parametrize("what", [".x", "a b", "-"])
def test_no_name_of_a_file_is_made_of_what_is_none(what: str):
    with pytest.raises(InputError, match="There is no preset") as caught:
        find_preset(what)
    assert f"{what}.toml" not in caught.value.fix


@pytest.mark.parametrize(
    ("shape", "command"),
    [
        ("pipe of the shell", ["grade", "gsm8k"]),
        pytest.param("pipe of the shell", ["doctor", "--task", "gsm8k", "--data"], marks=pytest.mark.slow),
        pytest.param("FIFO", ["grade", "gsm8k"], marks=pytest.mark.slow),
        ("FIFO", ["doctor", "--task", "gsm8k", "--data"]),
    ],
)
def test_commands_read_pipes_that_are_named(tmp_path: Path, command: list[str], shape: str):
    row = '{"question": "1+1?", "answer": "#### 2", "completion": "#### 2"}\n'
    (tmp_path / "rows").write_text(row * 40)
    place = shlex.quote(str(tmp_path / "fifo"))
    rows = f"cat {shlex.quote(str(tmp_path / 'rows'))}"
    sapo = shlex.join([sys.executable, "-m", "sapo_studio.cli", *command])
    fifo = f"mkfifo {place}; {rows} > {place} & {sapo} {place}"
    line = f"{sapo} <({rows})" if shape != "FIFO" else fifo
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "40 of 40" in done.stdout + done.stderr


def test_a_run_wants_its_questions_in_a_file(tmp_path: Path):
    from sapo_engine.tasks.datasets import rows_of

    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(InputError, match="is a pipe"):
        rows_of(str(tmp_path / "pipe.jsonl"))


def test_two_programs_that_write_the_same_output_do_not_meet(tmp_path: Path):
    place = tmp_path / "out.txt"
    with written_output(place) as late:
        late.write("half")
        with written_output(place) as early:
            early.write("early")
        assert place.read_text() == "early"  # not what the other has so far
        late.write(" whole")
    assert place.read_text() == "half whole"
    assert list(tmp_path.iterdir()) == [place]


def test_of_two_programs_that_make_the_same_folder_one_is_told_that_it_exists(tmp_path: Path):
    place = tmp_path / "tables"
    making = new_folder(place)
    (making.__enter__() / "a").write_text("late")
    with new_folder(place) as early:
        (early / "a").write_text("early")
    with pytest.raises(InputError, match="exists already"):
        making.__exit__(None, None, None)
    assert (place / "a").read_text() == "early"
    assert list(tmp_path.iterdir()) == [place]


def test_an_output_may_have_the_longest_name_that_there_is(tmp_path: Path):
    name = "\u05d0" * 127 + "x"
    write_output(tmp_path / name, "text")
    with new_folder(tmp_path / (name[:-1] + "y")) as made:
        (made / "a").touch()
    assert {file.name for file in tmp_path.iterdir()} == {name, name[:-1] + "y"}


@pytest.mark.parametrize(
    ("number", "alone", "chosen"),
    [
        (errno.ENOSPC, "Free some space.", "Free some space or choose another place."),
        (errno.EACCES, "Make the folder writable.", "Make the folder writable or choose another place."),
        (errno.EROFS, "Make the disk writable.", "Make the disk writable or choose another place."),
        (errno.ENAMETOOLONG, "Choose a shorter name.", "Choose a shorter name or choose another place."),
        (errno.EIO, "Look after its disk.", "Choose another place."),
    ],
)
def test_the_advice_fits_the_reason(number: int, alone: str, chosen: str):
    error = OSError(number, os.strerror(number))
    assert writing_advice(error) == alone
    assert writing_advice(error, "choose another place") == chosen
    told = cannot_write(Path("x"), error)
    assert (told.fix, told.why) == (chosen, os.strerror(number))
