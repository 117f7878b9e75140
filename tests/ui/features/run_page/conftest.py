"""A run page with panels that keep what they are told."""

import pytest
from PySide6.QtWidgets import QPushButton, QVBoxLayout

from sapo_ui.features.run_page.page import RunPage
from sapo_ui.panels.panel import Panel, PanelSpec
from sapo_ui.services.actions import ACTIONS, Actions
from sapo_ui.services.settings import Settings


def make_panel(name, traces=False):
    class Recorder(Panel):
        panel_id = name
        title = name.title()
        help = f"### {name}"

        def __init__(self):
            super().__init__()
            self.calls = []
            self.tone = ""
            self.chosen = {}
            self.button = QPushButton(name)
            QVBoxLayout(self).addWidget(self.button)

        @classmethod
        def brief(cls, store, run_id):
            return f"{name} of {run_id}"

        def restore_choices(self, choices):
            self.chosen = dict(choices)

        def position(self):
            return {"tone": self.tone}

        def restore_position(self, position):
            self.tone = position.get("tone", "")

        def show_run(self, run_id):
            self.calls.append(("show", run_id))

        def refresh(self, change):
            self.calls.append(("refresh", change.changed))

        def show_trace(self, trajectory_id, step=0):
            self.calls.append(("trace", trajectory_id, step))
            return traces

    return Recorder


PANELS = [
    PanelSpec(make_panel("heatmap"), "main"),
    PanelSpec(make_panel("gap"), "side"),
    PanelSpec(make_panel("cases"), "side"),
    PanelSpec(make_panel("read", traces=True), "read"),
    PanelSpec(make_panel("log"), "bottom"),
    PanelSpec(make_panel("more"), "bottom"),
]


@pytest.fixture
def fired():
    return []


@pytest.fixture
def page(qtbot, qapp, fired):
    actions = Actions(qapp)
    actions.handle({spec.id: lambda name=spec.id: fired.append(name) for spec in ACTIONS})
    made = RunPage(actions, PANELS, Settings())
    made.actions_ = actions
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    yield made
    actions.deleteLater()
