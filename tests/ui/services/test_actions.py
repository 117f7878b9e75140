"""The actions as data."""

import pytest
from PySide6.QtGui import QKeySequence

from sapo_ui.services.actions import ACTIONS, Actions


def test_shortcuts_are_unique_and_every_action_is_explained():
    keys = [QKeySequence(spec.shortcut).toString() for spec in ACTIONS if spec.shortcut]
    assert all(keys)
    assert len(keys) == len(set(keys))
    assert len({spec.id for spec in ACTIONS}) == len(ACTIONS)
    assert all(spec.help.endswith(".") for spec in ACTIONS)
    expected = {"run.new": "Ctrl+N", "go.palette": "Ctrl+K", "go.find": "Ctrl+F", "help.page": "F1"}
    assert {spec.id: spec.shortcut for spec in ACTIONS if spec.id in expected} == expected


def test_an_action_without_a_handler_is_refused(qapp):
    with pytest.raises(ValueError, match=r"run\.new"):
        Actions(qapp).handle({spec.id: print for spec in ACTIONS if spec.id != "run.new"})
