"""A New run form over presets made up here, which looks at no machine."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLineEdit

from sapo_studio.app.set_up.data_look import DataLook, Example
from sapo_studio.app.set_up.model_look import ModelLook
from sapo_studio.config.schema import RunConfig
from sapo_ui.features.new_run.checks import Look
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.features.new_run.review import Review
from sapo_ui.services.drafts import Drafts

DATA = DataLook(
    rows=3,
    splits={"train": 2, "test": 1},
    examples=(Example("How many?", ("First 1 < 2.", "Then 3.")),),
    prompt="Q",
    graded=3,
    bad=(("q2", "it says 4, not 5"),),
)
NOTHING = Review((), None, (), (), (), (), (), (), "")
"""A forecast that says nothing, and takes no time."""


def preset(name, **values):
    return PresetChoice(name, RunConfig.model_validate({"name": name, **values}), f"About {name}.")


def looking(**more):
    """Looks that find the same whatever is asked."""
    known = {
        "model": lambda config: ModelLook(494_000_000, 32_768, True, ""),
        "model_files": lambda config: None,
        "data": lambda config: DATA,
        "lacking": lambda config: [],
        "cards": lambda config: None,
        "forecast": lambda config: NOTHING,
    }
    return Look(**{**known, **more})


@pytest.fixture
def open_page(qtbot, tmp_path):
    """Opens forms: of two presets, with drafts of this test."""

    def open_(presets=None, *, look=None, all_rows=True, size=(1100, 760)):
        chosen = presets or [preset("small", iterations=1), preset("large", iterations=5)]
        drafts = Drafts(tmp_path / "drafts.json")
        made = NewRunPage(chosen, lambda name, config: None, drafts=drafts, look=look or looking())
        qtbot.addWidget(made)
        made.resize(*size)
        made.show()
        made.activateWindow()
        qtbot.waitUntil(made.isActiveWindow)
        if all_rows:
            made.build_all()
        return made

    return open_


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def type_into(qtbot):
    def type_(page, path, text):
        editor = page.rows[path].editor
        assert isinstance(editor, QLineEdit)
        editor.selectAll()
        qtbot.keyClicks(editor, text) if text else editor.clear() or page.rows[path].edited.emit()

    return type_
