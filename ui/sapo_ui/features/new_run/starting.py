"""Start and Add to queue on the New run page: whether they can be pressed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from sapo_studio.errors import SapoError
from sapo_studio.readable import counted
from sapo_ui.features.new_run.form_state import FormState
from sapo_ui.features.new_run.launch_card import LaunchCard


class Starting(QObject):
    """Asks for runs of what stands in the form; `preset` names the one that it was filled from."""

    start_requested = Signal(object, object)
    """(RunConfig, preset name: str)"""
    queue_requested = Signal(object, object)
    """(RunConfig, preset name: str) The same, for the queue."""

    def __init__(self, state: FormState, launch: LaunchCard, preset: Callable[[], str]) -> None:
        super().__init__(launch)
        self._state, self._launch, self._preset = state, launch, preset
        self.busy = ""
        """What is being done with the form, in words."""
        self._said = ("", "muted")  # what came of the last button
        launch.start_wanted.connect(self.start)
        launch.queue_wanted.connect(self.queue)

    def edited(self) -> None:
        """The form has changed: what came of the last button holds no longer."""
        self._said = ("", "muted")
        self.say_verdict()

    def say_verdict(self) -> None:
        """What stands above the buttons, and whether they can be pressed."""
        wrong = self._state.wrong()
        whole = [problem.message for problem in self._state.problems if not problem.path]
        if self.busy:
            self._launch.say(self.busy, "muted")
        elif wrong or whole:
            names = ", ".join(self._state.by_path[path].label for path in wrong[:3])
            count = f"{counted(len(wrong), 'value')} to correct: {names}"
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            self._launch.say(whole[0] if whole else f"{count}{more}.", "bad")
        else:
            self._launch.say(*self._said)
        ready = self._state.config is not None and not wrong
        self._launch.enable(ready=ready, wrong=bool(wrong), busy=bool(self.busy))

    def set_busy(self, doing: str) -> None:
        """A run is being started or queued: say so, and start no other until it is done (empty)."""
        self.busy = doing
        self.say_verdict()

    def say_error(self, error: SapoError) -> None:
        """The run could not be started."""
        self.tell(str(error), "bad")
        self.set_busy("")
        self._launch.say(*self._said)  # also beside wrong values: it is what was asked for last

    def tell(self, text: str, look: str = "muted") -> None:
        """Say what came of a button, until the next change."""
        self._said = (text, look)
        self.say_verdict()

    def start(self) -> None:
        """Have a run started, if one can be."""
        if self._state.config is not None and self._launch.start.isEnabled() and not self.busy:
            self.set_busy("Starting the engine\u2026")
            self.start_requested.emit(self._state.config, self._preset())

    def queue(self) -> None:
        """Have a run queued, if one can be."""
        if self._state.config is not None and self._launch.start.isEnabled() and not self.busy:
            self.set_busy("Adding the run to the queue\u2026")
            self.queue_requested.emit(self._state.config, self._preset())
