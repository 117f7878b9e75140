"""The window: the list of runs on the left, one page on the right, menus, a banner and a line at the bottom.

It hands on what the store says and what was chosen. Pages and panels know nothing of it; what is done about a run
stands in run_actions and run_starter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import NoEngine, SapoError
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_ui.features.new_run.presets import Presets
from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.features.run_page.panel_area import Mode
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services import queues, tasks
from sapo_ui.services.actions import Actions
from sapo_ui.services.control import RunControl
from sapo_ui.services.picks import Picks
from sapo_ui.services.poller import Poller, StoreChange
from sapo_ui.services.settings import Settings
from sapo_ui.shell.closing import Closing
from sapo_ui.shell.file_actions import FileActions
from sapo_ui.shell.menus import fill_menu_bar, run_menu
from sapo_ui.shell.notify import Notification, Notifier
from sapo_ui.shell.page_registry import PAGES, PageContext
from sapo_ui.shell.pages import Pages
from sapo_ui.shell.run_actions import RunActions, open_path
from sapo_ui.shell.run_starter import RunStarter
from sapo_ui.shell.shown_run import OF_A_RUN, ShownRun
from sapo_ui.shell.side_bar import SideBar
from sapo_ui.shell.status_line import StatusLine
from sapo_ui.shell.store_actions import StoreActions
from sapo_ui.shell.view_actions import ViewActions, ViewParts
from sapo_ui.shell.warm_up import WarmUp
from sapo_ui.shell.window_state import WindowState
from sapo_ui.theme import icons
from sapo_ui.widgets.banner import Banner
from sapo_ui.widgets.saving import saving
from sapo_ui.wording import in_window

LEAST_SIZE = (1024, 640)
"""Smaller than this, and nothing can be read."""


@dataclass(frozen=True)
class WindowParts:
    """What the window is put together from."""

    settings: Settings
    poller: Poller
    control: RunControl
    presets: Presets
    store_path: Path
    panels: Sequence[PanelSpec] = ()


class MainWindow(QMainWindow):
    """See the module's docstring."""

    closed = Signal()

    def __init__(self, parts: WindowParts) -> None:
        super().__init__()
        self._parts = parts
        self.setWindowTitle("SAPO Studio")
        self.setWindowIcon(icons.app_icon())
        self.setMinimumSize(*LEAST_SIZE)
        self.actions_ = Actions(self)
        self.picks = Picks(self)
        self._make_pages()
        self.run_list = RunList()
        self.run_list.menu_actions = run_menu(self.actions_)
        self.shown = ShownRun(self.pages, self.run_list, self.run_page, parts.settings.text("last_run"), self)
        self.banner = Banner()
        self.banner.action.clicked.connect(self.banner.hide)
        self._closing = Closing(self, self.banner, self.pages.leave)
        self.status_line = StatusLine(parts.store_path)
        self.setStatusBar(self.status_line)
        self._say = self.status_line.say
        self._arrange()
        self._make_actions()
        fill_menu_bar(self.menuBar(), self.actions_, self.run_page.panels.menu_actions)
        self._connect()
        self._view_changed()
        self._state = WindowState(self, self.side, self.run_page, self.run_list, self.picks)
        self._state.restore(parts.settings)
        self.actions_.show_run(None)
        self._clock = QTimer(self)  # "8 min ago" grows old by itself
        self._clock.setInterval(60_000)
        self._clock.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._clock.timeout.connect(self._minute)
        self._clock.start()
        self.warm_up = WarmUp(self)
        self.warm_up.ended.connect(self._store_actions.check_engine)

    def _make_pages(self) -> None:
        parts = self._parts
        self.pages = Pages(
            PAGES,
            PageContext(
                self.actions_,
                parts.panels,
                parts.presets,
                self.show_error,
                lambda: self.run_page.run_id,
                self._show_step,
                self.leave_form,
                self._open_run,
                self._new_run_like,
                self.picks,
                parts.settings,
                self.closed.connect,
            ),
        )
        run_page = self.pages["run"]
        assert isinstance(run_page, RunPage)
        self.run_page = run_page

    def _arrange(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.pages, 1)
        pages = [
            (spec.page_id, self.actions_[spec.action], self.actions_.icon_of(spec.action))
            for spec in PAGES
            if spec.action
        ]
        self.side = SideBar(self.actions_["run.new"], pages, self.actions_["go.list"], self.run_list)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        edge = QFrame()
        edge.setProperty("look", "upright")
        edge.setFixedWidth(1)
        row.addWidget(self.side)
        row.addWidget(edge)
        row.addWidget(right, 1)
        self.setCentralWidget(whole)
        self.run_list.view.setFocus()

    def _make_actions(self) -> None:
        parts, current, say, nudge = self._parts, self.current_run, self._say, self._parts.poller.nudge
        home = parts.store_path.parent
        self._run_actions = RunActions(self, current, parts.control, home=home, say=say, on_change=nudge)
        self._run_starter = RunStarter(self.pages, current, parts.control, parts.presets, self.show_error)
        self.file_actions = FileActions(
            self, current, say=say, imported=self._took_in, scored=self.shown.scored, brought=self._judge
        )
        self._store_actions = StoreActions(self, say=say, on_error=self.show_error, on_change=nudge)
        self.view_actions = ViewActions(
            self,
            ViewParts(self.actions_, self.pages, self.run_page, self.run_list, self.side, parts.settings, home),
            say,
        )
        self.actions_.handle(
            {
                "run.new": self.new_run,
                "run.demo": self.start_demo,
                "run.clone": self._run_starter.clone,
                "run.again": self._run_starter.again,
                **self._run_actions.handlers(),
                **self.file_actions.handlers(),
                **self._store_actions.handlers(),
                **self.view_actions.handlers(),
                "app.close": self.close,
                "app.quit": self.close,
                "run.watch": lambda: self._use_run("watch"),
                "run.read": lambda: self._use_run("read"),
                "run.audit": self.audit,
                "run.compare": self._compare_run,
                "go.annotate": self.annotate,
                "go.benchmarks": self.benchmarks,
                "go.compare": self.compare,
                "go.playground": self.playground,
                "go.queue": lambda: self._show_page("run_queue"),
            }
        )

    def _connect(self) -> None:
        """Who hears of what; `closeEvent` undoes what reaches beyond the window."""
        parts = self._parts
        self.picks.changed.connect(self._picked)
        self.run_page.panels.queue_requested.connect(self._queue_of)
        self.run_page.panels.mode_changed.connect(self._view_changed)
        self.run_page.panels.wanted.connect(lambda: self._show_page("run"))
        self.run_page.failure.resume_requested.connect(self._run_actions.resume_with)
        self.run_page.failure.restart_requested.connect(self._run_starter.restart)
        self.run_page.failure.edit_requested.connect(self._run_starter.edit)
        self._run_starter.started.connect(self._took_in)
        self._run_starter.opened.connect(self._view_changed)
        self._run_starter.cancelled.connect(self.leave_form)
        self.run_list.picked.connect(self._pick)
        self.run_list.view.delete_pressed.connect(self.actions_["run.bin"].trigger)
        self.shown.page_wanted.connect(self._show_page)
        self.shown.moved.connect(self._run_moved)
        self.status_line.folder_wanted.connect(open_path)
        self._notifier = Notifier(self)
        self._notifier.notified.connect(self._notified)
        self._notifier.clicked.connect(self._wake_for)
        self._notifier.tray.open_wanted.connect(self._wake)
        self._notifier.tray.quit_wanted.connect(self.close)
        parts.poller.changed.connect(self._changed)
        parts.poller.trouble.connect(self._trouble)
        tasks.pool().on_error = self.show_error
        saving().saved.connect(self.status_line.say_saved)
        saving().said.connect(self.status_line.say)
        saving().use(tasks.write)
        self._app().focusChanged.connect(self._focus_moved)

    # -- what the store says

    def _changed(self, change: StoreChange) -> None:
        self.picks.keep([run.id for run in change.runs if run.binned_at is None])
        self._notifier.see(change)
        self.shown.take(change)
        self.actions_.show_run(self.current_run())
        # A list that gets the focus chooses its first run, which brings the run's page to the front.
        focused = self.focusWidget()
        free = focused in (None, self.side.new_button) or not focused.isVisibleTo(self)
        if change.runs and free and self.pages.front_id in ("empty", *OF_A_RUN):
            self.run_list.view.setFocus()
            if self.side.folded:  # the list is out of sight
                self.side.runs_button.setFocus()
        self.status_line.show_change(change)

    def _trouble(self, error: SapoError | None) -> None:
        if error is None:
            self.banner.hide()
        else:
            self.show_error(error)

    def _notified(self, notification: Notification) -> None:
        self._say(f"{notification.title}. {notification.text}")
        if not self.isActiveWindow():
            QApplication.alert(self)

    def _minute(self) -> None:
        self.run_list.view.viewport().update()
        run = self.current_run()
        if run is not None:
            self.run_page.header.show_run(run)

    # -- which run and which page

    def current_run(self) -> RunSummary | None:
        """The run that the actions act on."""
        return self.shown.current

    def want_run(self, run_id: str) -> None:
        """Show this run as soon as the store has it."""
        self.shown.want(run_id)

    def new_run(self) -> None:
        """Open the New run form."""
        self._run_starter.open_form()

    def audit(self) -> None:
        """Open the audit of the labels of the run that is shown."""
        self._show_page("audit")

    def _show_step(self, trajectory_id: int, step: int) -> None:
        self._show_page("run")
        self.run_page.panels.show_trace(trajectory_id, step)

    def benchmarks(self) -> None:
        """Open the page of process benchmarks."""
        self._show_page("benchmarks")

    def playground(self) -> None:
        """Open the playground, where it is not in front already."""
        if self.pages.front_id != "playground":
            self._show_page("playground")

    def compare(self) -> None:
        """Open the Compare page, where it is not in front already."""
        if self.pages.front_id != "compare":
            self._show_page("compare")

    def annotate(self) -> None:
        """Open the Annotate page, where it is not in front already."""
        if self.pages.front_id != "annotate":
            self._show_page("annotate")

    def _queue_of(self, view: object) -> None:
        from sapo_ui.features.annotate.page import AnnotatePage  # only who judges pays for it

        self.annotate()
        page = self.pages.front
        if isinstance(page, AnnotatePage) and isinstance(view, TraceFilter):
            page.make_queue(view)

    def start_demo(self) -> None:
        """Start the preset lab-demo and show it."""
        self._run_starter.start_demo()

    def _new_run_like(self, config: RunConfig) -> None:
        self._run_starter.open_form(config)

    def _open_run(self, run_id: str) -> None:
        self.shown.open(run_id)

    def leave_form(self) -> None:
        """Go back from the New run form, or another page, to the run."""
        self._show_page("empty" if self.run_page.run_id is None else "run")

    def _compare_run(self) -> None:
        if self.run_page.run_id is not None:
            self._pick(self.run_page.run_id)

    def _pick(self, run_id: str) -> None:
        """Pick a run for comparison, or no longer, and say so: only its bar in the list shows it elsewhere."""
        run = self.shown.run(run_id)
        if run is not None:
            self.picks.toggle(run_id)
            self._say(self.picks.said_of(run_id, run.name))

    def _picked(self) -> None:
        self.run_list.model.show_picks(self.picks.slots)
        self.actions_["run.compare"].setChecked(self.run_page.run_id in self.picks)

    def _run_moved(self) -> None:
        self.actions_.show_run(self.current_run())
        self._picked()

    def _wake(self) -> None:
        self.showNormal() if self.isMinimized() else self.show()
        self.raise_()
        self.activateWindow()

    def _wake_for(self, run_id: str) -> None:
        self._wake()
        self.want_run(run_id)

    def _took_in(self, run_id: str, said: str) -> None:
        self.shown.want_begun(run_id)
        self._parts.poller.nudge()
        self._say(said)

    def _show_page(self, page_id: str) -> None:
        self.pages.open(page_id)
        self.actions_.show_run(self.current_run())
        self._picked()
        self._view_changed()
        self._focus_moved()

    def _use_run(self, mode: Mode) -> None:
        """Watch the run, or read its trajectories."""
        if self.run_page.run_id is not None:
            self._show_page("run")
            self.run_page.panels.choose_mode(mode)

    def _view_changed(self) -> None:
        """Another page is in front, or the run's page is used in another way."""
        spec = self.pages.front_spec
        mode = self.run_page.panels.mode if spec.page_id == "run" else ""
        self.side.show_view(spec.page_id, mode or spec.page_id, wide=spec.wide or mode == "read")

    def open_file(self, file: Path) -> None:
        """Take in a file that the program was started with."""
        self.file_actions.open_file(file)

    def _judge(self, queue_uid: str) -> None:
        queues.remember(queue_uid)
        self.annotate()

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, above the page; where it is only that there is no engine yet, offer to set one up."""
        if isinstance(error, NoEngine):
            self._store_actions.engine()
        if isinstance(error, SapoError):
            self.banner.show_error(error.what, in_window(error.why), in_window(error.fix), action="Dismiss")
        else:
            self.banner.show_error("Something went wrong", f"{type(error).__name__}: {error}", action="Dismiss")

    # -- Qt's own

    @staticmethod
    def _app() -> QApplication:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        return app

    def _focus_moved(self) -> None:
        form = self.pages.front if self.pages.front_id == "new_run" else None
        panel = self.run_page.panels.focused_panel()
        where = panel or form
        own = [] if where is None else [shortcut.key().toString() for shortcut in where.findChildren(QShortcut)]
        self.actions_.yield_shortcuts(frozenset(own))
        page = self.pages.front
        self.status_line.show_keys(panel.keys if panel is not None else "" if page is None else page.keys)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.pages.front_id not in ("empty", "run"):
            self.leave_form()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.fit(self.width())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self._parts.poller.set_hidden(self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._closing.may_close():
            event.ignore()
            return
        settings = self._parts.settings
        self._state.save(settings)
        settings.set_text("last_run", self.shown.to_remember)
        settings.save()
        self._clock.stop()
        self._app().focusChanged.disconnect(self._focus_moved)
        saving().saved.disconnect(self.status_line.say_saved)
        saving().said.disconnect(self.status_line.say)
        saving().use(None)
        self._notifier.close()
        self._parts.poller.changed.disconnect(self._changed)
        self._parts.poller.trouble.disconnect(self._trouble)
        super().closeEvent(event)
        self.closed.emit()
