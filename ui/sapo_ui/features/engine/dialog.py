"""The engine: which one there is, whether it fits, and setting one up, after saying what that fetches from where."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QWidget

from sapo_studio import __version__, engines
from sapo_studio.app.engine_setup.making import Progress
from sapo_studio.app.engine_setup.plan import Build, Plan
from sapo_studio.app.engine_setup.standing import Standing
from sapo_studio.errors import NoEngine
from sapo_ui.services import engine_setup
from sapo_ui.services.engine_setup import EngineSetup
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.work_dialog import WorkDialog
from sapo_ui.wording import told

NONE_YET = (
    "There is no engine yet. It is what computes: PyTorch and what goes with it, too large to come with the window. "
    "It is set up once, in your data folder."
)
BUILDS = (("What suits this machine", ""), ("CPUs", "cpu"), ("NVIDIA cards", "cuda"))


class EngineDialog(WorkDialog):
    """The window stays usable beside it. Closing it ends a set-up under way, which is gone on with the next time."""

    ready = Signal(str)
    """What was done, as a sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Engine", "Set up", said="What comes of it", progress="How far the set-up is", parent=parent)
        self.setMinimumWidth(520)
        self._setup = EngineSetup(self)
        self.now = PlainLabel("Looking for the engine\u2026")
        self.now.setWordWrap(True)
        self.now.setAccessibleName("The engine that there is")
        self.build = combo_box("Build of torch", BUILDS, "Which build of torch is fetched")
        form = QFormLayout()
        form.addRow("Torch for", self.build)
        self.ok.setEnabled(False)
        column = self.whole()
        column.addWidget(self.now)
        column.addLayout(form)
        self.put_below(column)
        column.addWidget(self.buttons)
        self.build.currentIndexChanged.connect(self._ask)
        self.ok.clicked.connect(self._begin)
        self._setup.progressed.connect(self._progressed)
        self._setup.ended.connect(self._ended)
        self._setup.failed.connect(self._failed)
        engine_setup.look(self, self._found, self._failed)

    @property
    def working(self) -> bool:
        """Whether one is being set up."""
        return self._setup.running

    def _found(self, found: Standing) -> None:
        self._show(found)
        self._ask()

    def _show(self, found: Standing) -> None:
        if isinstance(found.trouble, NoEngine):
            self.now.setText(NONE_YET)
        elif found.trouble is not None:
            self.now.setText(told(found.trouble))
        else:
            assert found.python is not None
            there = engines.Engine(found.python, "", release=found.release)
            note = engines.other_release(there, __version__)
            self.now.setText(" ".join(part for part in (f"{found.summary}, in {found.python}.", note) if part))
        if found.unfinished:
            self.now.setText(f"{self.now.text()} A set-up was cut off; Set up goes on with it.")

    @property
    def _chosen(self) -> Build | None:
        return cast("Build | None", self.build.currentData() or None)

    def _ask(self) -> None:
        """Say what setting one up would come to."""
        self.ok.setEnabled(False)
        self.said.setText("Finding out what it would take\u2026")
        engine_setup.plan(self, self._chosen, self._offer, self._failed)

    def _offer(self, plan: Plan) -> None:
        if not self.working:
            self.said.setText(plan.words)
            self.ok.setEnabled(True)

    def _begin(self) -> None:
        self.trouble.say("")
        self._set_busy(True)
        self.show_waiting()
        self.said.setText("Beginning\u2026")
        self.close_button.setText("Stop")
        self.close_button.setFocus()
        self._setup.begin(self._chosen)

    def _set_busy(self, busy: bool) -> None:
        self.ok.setEnabled(not busy)
        self.build.setEnabled(not busy)
        self.progress.setVisible(busy)

    def _progressed(self, now: Progress) -> None:
        self.show_share((now.step - 1) / now.steps)
        self.said.setText(f"{now.step} of {now.steps}: {now.title}{f', {now.detail}' if now.detail else ''}\u2026")

    def stop(self) -> None:
        """End the set-up; what was fetched stays for the next time."""
        self._setup.cancel()
        self._set_busy(False)
        self.close_button.setText("Cancel")
        self.said.setText("Stopped. Set up goes on where it was.")
        self.ok.setFocus()

    def abandon(self) -> None:
        """End the set-up: there is nobody left to hear of it."""
        self._setup.cancel()

    def _ended(self, python: str) -> None:
        self._set_busy(False)
        self.close_button.setText("Close")
        self.close_button.setFocus()
        self.said.setText("The engine is there. Runs can be started.")
        self.ready.emit(f"The engine is set up in {python}.")
        engine_setup.look(self, self._show, self._failed)

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.close_button.setText("Close")
        self.said.setText("")
        self.trouble.say(told(error))
