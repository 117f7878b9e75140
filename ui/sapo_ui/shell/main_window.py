"""The window: run list on the left, one page on the right, menus, and what each action does. The pages know nothing
of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, SapoError
from sapo_studio.store import queries
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.new_run.page import NewRunPage, PresetChoice
from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services import tasks
from sapo_ui.services.actions import Actions
from sapo_ui.services.control import RunControl
from sapo_ui.services.poller import Poller, StoreChange
from sapo_ui.services.settings import Settings
from sapo_ui.shell.empty_page import EmptyPage
from sapo_ui.shell.help import about_text, shortcuts_text
from sapo_ui.shell.notify import Notification, Notifier
from sapo_ui.shell.run_actions import RunActions, open_path
from sapo_ui.theme import icons
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.banner import Banner
from sapo_ui.widgets.command_palette import CommandPalette

DEMO_PRESET = "lab-demo"
MESSAGE_MS = 8000


class Presets(Protocol):
    """Where presets come from and go to."""

    def all(self, on_fault: Callable[[InputError], None]) -> Sequence[PresetChoice]:
        """Every preset that can be used, the shipped ones first; the others go to `on_fault`."""
        ...

    def save(self, name: str, config: RunConfig) -> object:
        """Keep `config` as a preset of the user's. May raise SapoError."""
        ...


@dataclass(frozen=True)
class Parts:
    """What the window is put together from."""

    settings: Settings
    poller: Poller
    control: RunControl
    presets: Presets
    store_path: Path
    panels: Sequence[PanelSpec] = ()


class MainWindow(QMainWindow):
    """See the module's docstring. `want_run` is shown as soon as it is seen in the store."""

    closed = Signal()

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self._change = StoreChange((), frozenset())
        self._wanted: str | None = parts.settings.text("last_run") or None
        self._new_page: NewRunPage | None = None
        self.setWindowTitle("SAPO Studio")
        self.setWindowIcon(icons.app_icon())
        self.setMinimumSize(960, 600)
        self.run_actions = RunActions(
            self,
            self.current_run,
            parts.control,
            home=parts.store_path.parent,
            said=self._say,
            acted=parts.poller.nudge,
        )
        self.actions_ = Actions(self, self._handlers())
        self._build()
        self._build_menus()
        self._restore()
        self._notifier = Notifier(self)
        self._notifier.notified.connect(self._notified)
        self._notifier.clicked.connect(self._wake_for)
        parts.poller.changed.connect(self._changed)
        parts.poller.trouble.connect(self._trouble)
        tasks.pool().on_error = self.show_error
        self.actions_.show_run(None)
        self._app().focusChanged.connect(self._focus_moved)
        self._clock = QTimer(self)  # "8 min ago" grows old by itself
        self._clock.setInterval(60_000)
        self._clock.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._clock.timeout.connect(self._minute)
        self._clock.start()

    # -- making

    def _build(self) -> None:
        self.run_list = RunList(self.actions_["run.new"])
        self.run_list.selected.connect(self._selected)
        self.run_list.opened.connect(self._opened)
        self.run_list.view.delete_pressed.connect(self.actions_["run.delete"].trigger)
        names = ["run.pause", "run.continue", "run.resume", "run.stop_after", "run.stop", "run.kill", ""]
        names += ["run.clone", "run.rename", "", "run.folder", "run.copy_id", "", "run.delete"]
        self.run_list.menu_actions = [self.actions_[name] if name else None for name in names]
        self.empty_page = EmptyPage(self.actions_["run.new"], self.actions_["run.demo"])
        self.run_page = RunPage(self.actions_, self._parts.panels)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty_page)
        self.pages.addWidget(self.run_page)
        self.banner = Banner()
        self.banner.action.clicked.connect(self.banner.hide)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        room = QVBoxLayout()
        room.setContentsMargins(12, 8, 12, 0)
        room.addWidget(self.banner)
        column.addLayout(room)
        column.addWidget(self.pages, 1)
        self.banner_room = room
        room.setContentsMargins(0, 0, 0, 0)
        self.splitter = QSplitter()
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.run_list)
        self.splitter.addWidget(holder)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([240, 1040])
        self.setCentralWidget(self.splitter)
        self.run_list.view.setFocus()
        self.going = QLabel()
        self.going.setContentsMargins(8, 0, 8, 0)
        self.place = QLabel()
        self.place.setContentsMargins(8, 0, 8, 0)
        self.statusBar().addWidget(self.going)
        self.statusBar().addPermanentWidget(self.place)
        self.statusBar().setSizeGripEnabled(False)

    def _build_menus(self) -> None:
        bar = self.menuBar()
        looks = QActionGroup(self)
        for menu_name in dict.fromkeys(spec.menu for spec in self.actions_.specs):
            menu = bar.addMenu(menu_name)
            group = 0
            for spec in self.actions_.specs:
                if spec.menu != menu_name:
                    continue
                if spec.group != group:
                    group = spec.group
                    menu.addSeparator()
                menu.addAction(self.actions_[spec.id])
                if spec.id in ("view.system", "view.light", "view.dark"):
                    looks.addAction(self.actions_[spec.id])
            if menu_name == "View":
                menu.addSeparator()
                panels = menu.addMenu("Panels")
                panels.addActions(self.run_page.docks.view_actions)
                panels.setEnabled(bool(self.run_page.docks.view_actions))
        self.actions_[f"view.{theme.manager().mode}"].setChecked(True)
        self.actions_["go.sidebar"].setChecked(True)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "run.new": self.new_run,
            "run.demo": self.start_demo,
            "run.clone": self._clone,
            **self.run_actions.handlers(),
            "app.close": self.close,
            "app.quit": self.close,
            "go.find": self._find,
            "go.list": lambda: self.run_list.view.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "go.palette": self.open_palette,
            "go.sidebar": lambda: self.run_list.setVisible(self.actions_["go.sidebar"].isChecked()),
            "view.reset": self._reset_layout,
            "view.system": lambda: self._choose_theme("system"),
            "view.light": lambda: self._choose_theme("light"),
            "view.dark": lambda: self._choose_theme("dark"),
            "help.page": self.open_help,
            "help.keys": lambda: self._show_text("Keyboard shortcuts", shortcuts_text(self.actions_)),
            "help.data": lambda: open_path(self._parts.store_path.parent),
            "help.about": lambda: self._show_text("About SAPO Studio", about_text()),
        }

    # -- what the store says

    def _changed(self, change: StoreChange) -> None:
        self._change = change
        self.run_list.take(change)
        self._notifier.see(change)
        self.empty_page.show_count(len(change.runs))
        if self._wanted is not None and self.run_list.select(self._wanted):
            self._wanted = None
        shown = self.run_page.run_id
        if shown in change.removed:
            self.run_page.show_run(None)
            self.run_list.clear_selection()
            self._show_page(self.empty_page)
        else:
            self.run_page.take(change)
        self.actions_.show_run(self.current_run())
        if change.runs and self.focusWidget() in (None, self.run_list.new_button):
            self.run_list.view.setFocus()
        self._say_going()

    def _trouble(self, error: SapoError | None) -> None:
        if error is None:
            self.banner.hide()
        else:
            self.show_error(error)

    def _notified(self, notification: Notification) -> None:
        self._say(f"{notification.title}. {notification.text}")
        if not self.isActiveWindow():
            QApplication.alert(self)

    def _say_going(self) -> None:
        alive = sum(1 for run in self._change.runs if run.status.alive)
        self.going.setText(
            f"{alive} run{'s' if alive > 1 else ''} going \u00b7 closing the window leaves "
            f"{'them' if alive > 1 else 'it'} going"
            if alive
            else "No run is going"
        )
        path = self._parts.store_path
        bytes_ = path.stat().st_size if path.exists() else 0
        self.place.setText(f"{path.name} \u00b7 {fmt.size(bytes_)}")
        self.place.setToolTip(f"The store: {path}")

    def _minute(self) -> None:
        self.run_list.view.viewport().update()
        run = self.run_page.run_id and self._change.run(self.run_page.run_id)
        if run:
            self.run_page.header.show_run(run)

    # -- choosing what is shown

    def current_run(self) -> RunSummary | None:
        """The run that the actions act on."""
        return self._change.run(self.run_page.run_id)

    def want_run(self, run_id: str) -> None:
        """Show this run as soon as the store has it."""
        if not self.run_list.select(run_id):
            self._wanted = run_id

    def _selected(self, run_id: str | None) -> None:
        run = self._change.run(run_id) or self.run_list.current()
        if run is None or run.id != run_id:
            return
        self._wanted = None
        self.run_page.show_run(run)
        self._show_page(self.run_page)

    def _opened(self, run_id: str) -> None:
        self._selected(run_id)
        self.run_page.timeline.setFocus(Qt.FocusReason.OtherFocusReason)

    def _wake_for(self, run_id: str) -> None:
        self.showNormal() if self.isMinimized() else self.show()
        self.activateWindow()
        self.want_run(run_id)

    def _show_page(self, page: QWidget) -> None:
        if page is not self._new_page:
            self._drop_new_page()
        self.pages.setCurrentWidget(page)
        if page is self.run_page:
            self.run_page.catch_up(self._change)
            self.actions_.show_run(self.current_run())

    # -- new run

    def new_run(self, config: RunConfig | None = None) -> None:
        """Open the form, filled from `config` or the first preset."""
        presets = self._parts.presets.all(self.show_error)
        self._drop_new_page()
        page = NewRunPage(presets, self._parts.presets.save, preferred=DEMO_PRESET)
        page.start_requested.connect(self._start)
        page.cancelled.connect(self.leave_new_run)
        QShortcut(
            QKeySequence(Qt.Key.Key_Escape), page, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        ).activated.connect(self.leave_new_run)
        if config is not None:
            page.load(config)
        self._new_page = page
        self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)
        page.preset.setFocus(Qt.FocusReason.OtherFocusReason)

    def start_demo(self) -> None:
        """Start the preset lab-demo and show it."""
        choice = next((entry for entry in self._parts.presets.all(self.show_error) if entry.name == DEMO_PRESET), None)
        if choice is None:
            self.show_error(SapoError(f"There is no preset {DEMO_PRESET}", fix="Reinstall SAPO Studio."))
            return
        self._start(choice.config, DEMO_PRESET)

    def _start(self, config: RunConfig, preset: str) -> None:
        control = self._parts.control

        def started(run_id: str) -> None:
            self.want_run(run_id)
            self._parts.poller.nudge()
            self._say(f"Started {config.name} ({run_id}).")

        def failed(error: Exception) -> None:
            if self._new_page is not None and isinstance(error, SapoError):
                self._new_page.say_error(error)
            else:
                self.show_error(error)

        tasks.run(self, lambda store: control.start(store, config, preset), started, failed=failed)

    def leave_new_run(self) -> None:
        """Close the form and go back to the page before it."""
        self._show_page(self.run_page if self.run_page.run_id is not None else self.empty_page)

    def _drop_new_page(self) -> None:
        page, self._new_page = self._new_page, None
        if page is not None:
            self.pages.removeWidget(page)
            page.deleteLater()

    def _clone(self) -> None:
        run = self.current_run()
        if run is not None:
            run_id = run.id
            tasks.run(self, lambda store: queries.get_config(store, run_id), self.new_run, key="clone")

    # -- the rest

    @staticmethod
    def _app() -> QApplication:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        return app

    def _focus_moved(self) -> None:
        panel = self.run_page.docks.focused_panel()
        own = [] if panel is None else [shortcut.key().toString() for shortcut in panel.findChildren(QShortcut)]
        self.actions_.yield_shortcuts(frozenset(own))

    def _say(self, text: str) -> None:
        self.statusBar().showMessage(text, MESSAGE_MS)

    def _reset_layout(self) -> None:
        self.run_page.docks.reset()

    def _find(self) -> None:
        self.actions_["go.sidebar"].setChecked(True)
        self.run_list.show()
        self.run_list.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.run_list.search.selectAll()

    def open_palette(self) -> CommandPalette:
        """Open the command palette."""
        entries = [(spec.menu, self.actions_[spec.id]) for spec in self.actions_.specs if spec.id != "go.palette"]
        entries += [("Panel", action) for action in self.run_page.docks.view_actions]
        palette = CommandPalette(entries, self)
        palette.open_over(self)
        return palette

    def open_help(self) -> dialogs.TextDialog:
        """Open the help of the focused panel, or of the page."""
        panel = self.run_page.docks.focused_panel()
        if panel is not None and panel.help:
            return self._show_text(f"Help: {panel.title}", panel.help)
        page = self.pages.currentWidget()
        text = page.help if isinstance(page, RunPage | EmptyPage | NewRunPage) else RunPage.help
        return self._show_text("Help", text)

    def _show_text(self, title: str, markdown: str) -> dialogs.TextDialog:
        dialog = dialogs.TextDialog(title, markdown, self)
        dialog.show()
        return dialog

    def _choose_theme(self, mode: theme.Mode) -> None:
        theme.manager().choose(mode)
        self._parts.settings.theme = mode

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, above the page."""
        if isinstance(error, SapoError):
            self.banner.show_error(error.what, error.why, error.fix, action="Dismiss")
        else:
            self.banner.show_error("Something went wrong", f"{type(error).__name__}: {error}", action="Dismiss")

    # -- remembering

    def _restore(self) -> None:
        settings = self._parts.settings
        geometry = settings.blob("geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1280, 800)
        splitter = settings.blob("splitter")
        if splitter is not None:
            self.splitter.restoreState(splitter)
        docks = settings.blob("docks")
        if docks is not None:
            self.run_page.docks.restore_layout(docks)
        self.run_list.search.setText(settings.text("search"))
        for panel in self.run_page.docks.panels:
            panel.restore_choices(settings.texts(f"panel.{panel.panel_id}"))

    def save(self) -> None:
        """Remember geometry, layout, run, search and the choices in panels for the next start."""
        settings = self._parts.settings
        settings.set_blob("geometry", self.saveGeometry())
        settings.set_blob("splitter", self.splitter.saveState())
        settings.set_blob("docks", self.run_page.docks.layout_state())
        settings.set_text("last_run", self.run_page.run_id or self._wanted or "")
        settings.set_text("search", self.run_list.search.text())
        for panel in self.run_page.docks.panels:
            if made := panel.choices():
                settings.set_texts(f"panel.{panel.panel_id}", made)
        settings.save()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self._parts.poller.set_hidden(self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        self.save()
        self._clock.stop()
        self._app().focusChanged.disconnect(self._focus_moved)
        self._notifier.close()
        self._parts.poller.changed.disconnect(self._changed)
        self._parts.poller.trouble.disconnect(self._trouble)
        super().closeEvent(event)
        self.closed.emit()
