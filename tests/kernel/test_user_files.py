"""Files that a user names: what is read as text, and what an output may replace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sapo_studio.errors import InputError
from sapo_studio.files import output_place, parse_json_text, parse_toml_text, read_lines, read_text, write_output
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
