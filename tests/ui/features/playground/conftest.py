"""The page over a session that a test speaks for."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from sapo_ui.features.playground.page import PlaygroundDoors, PlaygroundPage
from sapo_ui.services.playground import Playground
from sapo_ui.services.settings import Settings
from tests.fixtures.scripted_session import ScriptedSession, choice


class Table:
    """A page, the session behind it, and what the page opened."""

    def __init__(self, known):
        self.known = known
        self.sessions: list[ScriptedSession] = []
        self.opened: list[str] = []
        self.playground = Playground(self._make, lambda _: self.known)
        self.page = self.new_page()

    def _make(self, listener, on_cpu, say_where):
        say_where("the CPU" if on_cpu() else "card 3")
        self.sessions.append(ScriptedSession(listener))
        return self.sessions[-1]

    def new_page(self) -> PlaygroundPage:
        doors = PlaygroundDoors(lambda: None, lambda: self.opened.append("new run"), self.opened.append, Settings())
        self.page = PlaygroundPage(self.playground, doors)
        return self.page

    @property
    def session(self) -> ScriptedSession:
        return self.sessions[-1]

    def hear(self) -> None:
        """Take what the session has said, without waiting for the timer."""
        self.playground.listen()


@pytest.fixture
def lay(qtbot):
    """Lays tables: `lay()` with two checkpoints of one run, `lay(known)` with others."""
    tables = []

    def lay_(known=None, *, show=True):
        table = Table([choice(iteration=4), choice(iteration=1)] if known is None else known)
        tables.append(table)
        qtbot.addWidget(table.page)
        table.page.resize(1216, 720)
        if show:
            table.page.show()
            qtbot.waitUntil(lambda: table.page._known is not None)
            QApplication.processEvents()  # what was just put on the page has its place after that
        return table

    yield lay_
    for table in tables:
        table.playground.end()


@pytest.fixture
def table(lay):
    return lay()
