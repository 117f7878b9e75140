"""Fields for names: what is pasted stays on one line, and what is no name cannot be given."""

from __future__ import annotations

from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QWidget

from sapo_ui.widgets import dialogs
from sapo_ui.widgets.name_field import NameField


def test_a_pasted_text_becomes_one_line_that_shows(qtbot):
    field = NameField("Name", longest=12)
    qtbot.addWidget(field)
    field.insert("two\nlines\x1b\u202e")
    assert field.text() == "two lines  "
    assert field.fits
    field.setText("x" * 50)
    assert field.text() == "x" * 12
    field.setText("\u200b")
    assert not field.fits


def test_a_dialog_gives_names_only(qtbot):
    given = []
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = dialogs.ask_name(parent, "Rename run", "Name:", "old", given.append)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    field = dialog.findChild(QLineEdit)
    field.selectAll()
    field.insert(" \n ")
    assert not ok.isEnabled()
    field.selectAll()
    field.insert("new\nname ")
    assert ok.isEnabled()
    ok.click()
    assert given == ["new name"]
