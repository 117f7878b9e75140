"""How runs are begun: the New run form, the demo, and a run set up as another one was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import NoEngine, SapoError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui.features.new_run.presets import Presets
from sapo_ui.services import tasks
from sapo_ui.services.control import RunControl
from sapo_ui.services.drafts import Drafts
from sapo_ui.shell.page_registry import DEMO_PRESET
from sapo_ui.shell.pages import Pages


class RunStarter(QObject):
    """Opens the form in `pages`, and starts runs through `control`. What goes wrong is said on the form while it is in
    front, else by `on_error`."""

    started = Signal(object, object)
    """(run id: str, what was done: str) A run was created, and an engine is on its way or will be."""

    opened = Signal()
    """The form is in front."""

    cancelled = Signal()
    """The form is to be left."""

    def __init__(
        self,
        pages: Pages,
        current: Callable[[], RunSummary | None],
        control: RunControl,
        presets: Presets,
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__(pages)
        self._pages = pages
        self._current = current
        self._control = control
        self._presets = presets
        self._on_error = on_error

    def open_form(self, config: RunConfig | None = None, *, of: str = "", origin: str = "") -> None:
        """Open the form, with what was left in it the last time, else filled from `config` or the demo's preset.

        `of`: the run that is copied, whose drafts are its own; `origin`: in words.
        """
        from sapo_ui.features.new_run.page import NewRunPage

        page = self._pages.open("new_run")
        assert isinstance(page, NewRunPage)
        page.start_requested.connect(self.start)
        page.queue_requested.connect(self.queue)
        page.cancelled.connect(self.cancelled)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), page, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.cancelled)
        page.open_for(of, config, origin=origin)
        self.opened.emit()
        page.preset.setFocus(Qt.FocusReason.OtherFocusReason)

    def start_demo(self) -> None:
        """Start the preset lab-demo."""
        choice = next((entry for entry in self._presets.all(self._on_error) if entry.name == DEMO_PRESET), None)
        if choice is None:
            self._on_error(SapoError(f"There is no preset {DEMO_PRESET}", fix="Reinstall SAPO Studio."))
            return
        self.start(choice.config, DEMO_PRESET)

    def clone(self) -> None:
        """Open the form with the configuration of the run that is shown, under the name that the run has now."""
        run = self._current()
        if run is not None:

            def fill(config: RunConfig) -> None:
                self.open_form(renamed(config, run.name), of=run.id, origin=run.name)

            tasks.run(self, lambda store: queries.get_config(store, run.id), fill, key="clone")

    def again(self) -> None:
        """Open the form with the same configuration and the next seed that no such run has had."""
        run = self._current()
        if run is not None:

            def fill(config: RunConfig) -> None:
                self.open_form(
                    renamed(config, run.name), of=f"{run.id}, seed {config.seed}", origin=f"{run.name}, another seed"
                )

            tasks.run(self, lambda store: with_next_seed(store, run.id), fill, key="clone")

    def edit(self, config: object) -> None:
        """Open the form with a changed configuration of the run that is shown."""
        run = self._current()
        if run is not None and isinstance(config, RunConfig):
            self.open_form(renamed(config, run.name), of=f"{run.id}, changed", origin=run.name)

    def restart(self, config: object) -> None:
        """Begin the run that is shown anew, with a changed configuration."""
        run = self._current()
        if run is not None and isinstance(config, RunConfig):
            self.start(renamed(config, run.name), run.preset)

    def start(self, config: RunConfig, preset: str) -> None:
        """Create a run and launch its engine, in the background."""
        self._begin(lambda store: self._control.start(store, config, preset), f"Started {config.name}")

    def queue(self, config: RunConfig, preset: str) -> None:
        """Create a run that starts by itself once there is room for it, in the background."""
        from sapo_ui.services import run_queue  # it brings the forecast along; the window opens without

        self._begin(lambda store: run_queue.queue_run(store, config, preset), f"Put {config.name} into the queue")

    def _begin(self, work: Callable[[Store], str], done: str) -> None:
        from sapo_ui.features.new_run.page import NewRunPage

        asking = self._pages.front
        key = asking.draft_key if isinstance(asking, NewRunPage) else None

        def failed(error: Exception) -> None:
            page = self._pages.front  # another form by now has nothing to do with it
            form = page if page is asking and isinstance(page, NewRunPage) else None
            if form is not None and isinstance(error, SapoError) and not isinstance(error, NoEngine):
                form.say_error(error)
            else:
                self._on_error(error)

        def begun(run_id: str) -> None:
            if key is not None:  # the form that asked, which may have been left meanwhile
                Drafts().put(key, None)
                page = self._pages.front
                if page is asking and isinstance(page, NewRunPage):
                    page.forget_draft()
            self.started.emit(run_id, f"{done} ({run_id}).")

        tasks.run(self, work, begun, failed=failed)


def renamed(config: RunConfig, name: str) -> RunConfig:
    """`config` under the name that its run was given later, as far as a configuration can have it."""
    return config.model_copy(update={"name": name[:80]}) if name else config


def with_next_seed(store: Store, run_id: str) -> RunConfig:
    """The configuration of a run with the smallest seed above those of all runs that are configured as it is."""
    config = queries.get_config(store, run_id)
    bare = config.model_copy(update={"name": "", "seed": 0})
    seeds = [config.seed]
    for run in queries.list_runs(store):
        if not run.imported and run.id != run_id:
            with suppress(SapoError):  # a damaged row is no reason to have no seed
                other = queries.get_config(store, run.id)
                if other.model_copy(update={"name": "", "seed": 0}) == bare:
                    seeds.append(other.seed)
    return config.model_copy(update={"seed": max(seeds) + 1})
