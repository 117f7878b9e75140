"""Messages of the kernel as the window says them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import sapo_studio
from sapo_studio.errors import InputError, StoreError
from sapo_ui.wording import IN_WINDOW, in_window, told

KERNEL = Path(sapo_studio.__file__).parent
ELSEWHERE = {
    "engine install",  # what names it names the window's Store menu, too
    *("benchmark make", "benchmark list", "benchmark freeze NAME@VERSION", "matrix", "delete", "presets"),
    *("doctor --task", "doctor --cluster"),
}
"""What the window has nothing for: said as it is."""


def commands() -> set[str]:
    """The commands that the kernel's messages name, but for those of its commands."""
    found: set[str] = set()
    for file in KERNEL.rglob("*.py"):
        if "commands" in file.parts or file.name == "cli.py":
            continue
        tree = ast.parse(file.read_text("utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                found |= set(re.findall(r"`sapo ([^`]*)`", node.value))
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
                found |= set(re.findall(r"`sapo ([^`]*)`", text))
    return found


def test_each_command_that_a_message_names_has_its_place_in_the_window():
    assert len(commands()) > 15
    for command in commands() - ELSEWHERE:
        assert "`" not in in_window(f"See `sapo {command}`."), command
    for command in ELSEWHERE:
        assert in_window(f"See `sapo {command}`.") == f"See `sapo {command}`."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`sapo restore` goes back to a backup.", "Restore in the Store menu goes back to a backup."),
        ("No backup was replaced. `sapo runs` lists it.", "No backup was replaced. The list of runs lists it."),
        ("Start it with `sapo resume lab-1`.", "Start it with Resume in the Run menu."),
        ("Stop them (`sapo runs`, `sapo stop`).", "Stop them (the list of runs, Stop in the Run menu)."),
        ("`sapo bin list` shows what is.", "Bin in the Store menu shows what is."),
        ("Try `sapo resume lab-1 --set seed=2`.", "Try `sapo resume lab-1 --set seed=2`."),
        ("`sapo doctor` says what is missing.", "`sapo doctor` says what is missing."),
        ("No command is named.", "No command is named."),
    ],
)
def test_a_command_is_called_as_it_is_called_in_the_window(said: str, shown: str):
    assert in_window(said) == shown


def test_errors_are_told_so():
    error = StoreError("The store is damaged", why="SQLite says so.", fix="`sapo restore` goes back to a backup.")
    assert told(error) == "The store is damaged. SQLite says so. Restore in the Store menu goes back to a backup."
    assert told(InputError("No")) == "No."
    assert all(words and not words.startswith("`") for words in IN_WINDOW.values())
