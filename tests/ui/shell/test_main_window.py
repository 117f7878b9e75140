"""The whole window over a real store; only the engine is left out."""

import os
import sqlite3

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit

from sapo_studio import processes
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import EngineError
from sapo_studio.store import queries, runs
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.features.traces.table_model import COLUMNS
from sapo_ui.panels.panel import Panel, PanelSpec
from sapo_ui.services import tasks
from sapo_ui.services.actions import ACTIONS, Actions
from sapo_ui.services.control import SupervisorControl
from sapo_ui.services.poller import Poller, StoreChange
from sapo_ui.services.settings import Settings
from sapo_ui.shell.main_window import MainWindow, WindowParts
from sapo_ui.shell.notify import notifications
from sapo_ui.shell.panel_registry import PANELS


class Library:
    def __init__(self):
        self.saved = {}

    def all(self, on_fault):
        return [PresetChoice("lab-demo", RunConfig.model_validate({"name": "lab-demo"}), "The demo.")]

    def save(self, name, config):
        self.saved[name] = config


class Hands(SupervisorControl):
    """Creates runs for real, but launches nothing."""

    def __init__(self):
        self.launched = []
        self.fail = None

    def start(self, store, config, preset):
        if self.fail is not None:
            raise self.fail
        run_id = runs.create_run(store, config, preset)
        self.launched.append(run_id)
        return run_id

    def resume(self, store, run_id):
        self.launched.append(run_id)


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def open_window(qtbot, home, hands):
    opened = []

    def open_():
        poller = Poller()
        window = MainWindow(WindowParts(Settings(), poller, hands, Library(), home / "studio.db"))
        qtbot.addWidget(window)
        window.resize(1280, 800)
        window.show()
        poller.start()
        opened.append((window, poller))
        return window

    yield open_
    for window, poller in opened:
        window.close()
        assert poller.stop()
    tasks.stop()


@pytest.fixture
def window(open_window):
    return open_window()


def add_run(store, name="run", status=None):
    run_id = runs.create_run(store, RunConfig.model_validate({"name": name}))
    if status is not None:
        me = processes.identify(os.getpid())
        runs.set_status(store, run_id, RunStatus.RUNNING)
        runs.heartbeat(store, run_id, pid=me.pid, pid_started=me.started)
        if status is not RunStatus.RUNNING:
            runs.set_status(store, run_id, status)
    return run_id


def select(qtbot, window, run_id):
    qtbot.waitUntil(lambda: window.run_list.select(run_id))
    assert window.run_page.run_id == run_id


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
        Actions(qapp, {spec.id: print for spec in ACTIONS if spec.id != "run.new"})


def test_an_empty_store_offers_the_demo_and_starts_it(qtbot, window, store, hands):
    qtbot.waitUntil(window.pages["empty"].demo_button.isVisible)
    qtbot.mouseClick(window.pages["empty"].demo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run_page.run_id is not None)
    assert hands.launched == [window.run_page.run_id]
    run = queries.get_run(store, window.run_page.run_id)
    assert (run.name, run.preset) == ("lab-demo", "lab-demo")
    assert window.pages.front is window.run_page


def test_new_run_creates_launches_and_shows(qtbot, window, store, hands):
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    page = window.pages.front
    assert isinstance(page, NewRunPage)
    page.rows["name"].editor.selectAll()
    qtbot.keyClicks(page.rows["name"].editor, "my run")
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run_page.run_id is not None)
    assert queries.get_config(store, hands.launched[0]).name == "my run"
    assert window.pages.front is window.run_page
    assert window.pages.count() == 2, "the form is gone"


def test_a_start_that_fails_is_told_on_the_form(qtbot, window, hands):
    hands.fail = EngineError("The engine could not be started", why="No memory.", fix="Close something.")
    window.new_run()
    page = window.pages.front
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No memory." in page.verdict.text())
    assert page.start.isEnabled()


def test_escape_leaves_the_form(qtbot, window):
    window.new_run()
    qtbot.keyClick(window.pages.front.preset, Qt.Key.Key_Escape)
    assert window.pages.front is window.pages["empty"]


@pytest.mark.parametrize(
    ("action", "verb"),
    [
        ("run.pause", Verb.PAUSE),
        ("run.stop_after", Verb.STOP_AFTER_PHASE),
        ("run.stop", Verb.STOP),
    ],
)
def test_header_buttons_write_command_rows(qtbot, window, store, action, verb):
    run_id = add_run(store, status=RunStatus.RUNNING)
    select(qtbot, window, run_id)
    qtbot.mouseClick(window.run_page.header.buttons[action], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(runs.open_commands(store, run_id)))
    assert [(c.verb, c.sender) for c in runs.open_commands(store, run_id)] == [(verb, "window")]


def test_resume_launches_an_engine(qtbot, window, store, hands):
    run_id = add_run(store, status=RunStatus.INTERRUPTED)
    select(qtbot, window, run_id)
    qtbot.mouseClick(window.run_page.banner.action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: hands.launched == [run_id])


def test_rename_and_delete_ask_first(qtbot, window, store):
    run_id = add_run(store, "before", status=RunStatus.STOPPED)
    select(qtbot, window, run_id)
    window.actions_["run.rename"].trigger()
    from PySide6.QtWidgets import QInputDialog, QMessageBox

    dialog = window.findChild(QInputDialog)
    dialog.setTextValue("after")
    dialog.accept()
    qtbot.waitUntil(lambda: window.run_page.header.name.text() == "after")
    window.actions_["run.delete"].trigger()
    box = window.findChild(QMessageBox)
    box.reject()
    assert queries.list_runs(store)
    window.actions_["run.delete"].trigger()
    box = next(b for b in window.findChildren(QMessageBox) if b.isVisible())
    button = next(b for b in box.buttons() if b.text() == "Delete run")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pages.front is window.pages["empty"])
    assert queries.list_runs(store) == []


def test_clone_fills_the_form_from_the_run(qtbot, window, store):
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "odd", "iterations": 7}))
    select(qtbot, window, run_id)
    window.actions_["run.clone"].trigger()
    qtbot.waitUntil(lambda: isinstance(window.pages.front, NewRunPage))
    assert window.pages.front.values()["iterations"] == 7


def test_the_window_comes_back_as_it_was(qtbot, open_window, store):
    runs.create_run(store, RunConfig.model_validate({"name": "first"}))
    wanted = runs.create_run(store, RunConfig.model_validate({"name": "second"}))
    runs.create_run(store, RunConfig.model_validate({"name": "third"}))
    one = open_window()
    select(qtbot, one, wanted)
    one.run_list.search.setText("s")
    one.splitter.setSizes([300, 980])
    one.actions_["view.dark"].trigger()
    sizes = one.splitter.sizes()
    one.close()
    two = open_window()
    qtbot.waitUntil(lambda: two.run_page.run_id == wanted)
    assert two.run_list.search.text() == "s"
    assert two.splitter.sizes() == sizes
    assert Settings().theme == "dark"
    two.actions_["view.system"].trigger()


def test_settings_survive_and_refuse_nonsense(home):
    settings = Settings()
    assert settings.theme == "system"
    settings.set_text("theme", "purple")
    assert settings.theme == "system"
    settings.theme = "light"
    settings.set_text("search", "a, b = c")
    settings.save()
    again = Settings()
    assert (again.theme, again.text("search"), again.blob("geometry")) == ("light", "a, b = c", None)
    again.forget("search")
    assert again.text("search", "none") == "none"


def test_palette_finds_and_runs_an_action(qtbot, window):
    palette = window.open_palette()
    names = [palette.list.item(row).text() for row in range(palette.list.count())]
    assert "Run: New run" in names
    assert "Run: Pause" not in names, "it cannot be done now"
    qtbot.keyClicks(palette.line, "new ru")
    assert palette.list.item(0).text() == "Run: New run"
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert isinstance(window.pages.front, NewRunPage)


def test_help_is_that_of_the_page(qtbot, window):
    assert "No run is chosen" in window.open_help().page.toPlainText()
    window.new_run()
    assert "Choose a preset" in window.open_help().page.toPlainText()
    window.actions_["help.keys"].trigger()
    from sapo_ui.widgets.dialogs import TextDialog

    for dialog in window.findChildren(TextDialog):
        dialog.close()


def test_status_bar_says_that_runs_go_on(qtbot, window, store):
    add_run(store, status=RunStatus.RUNNING)
    qtbot.waitUntil(lambda: "closing the window leaves it going" in window.status_line.going.text())


def test_an_unreadable_store_is_told_above_the_page(qtbot, window, store):
    window.show_error(sqlite3.OperationalError("odd"))
    assert "odd" in window.banner.text
    qtbot.mouseClick(window.banner.action, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()


def test_a_panel_with_the_focus_keeps_its_own_keys(qtbot, home, hands, store):
    class Searching(Panel):
        panel_id, title, help = "searching", "Searching", "### Searching"

        def __init__(self):
            super().__init__()
            self.found = 0
            self.line = QLineEdit(self)
            shortcut = QShortcut(QKeySequence("Ctrl+F"), self, self.find)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

        def find(self):
            self.found += 1

        def show_run(self, run_id):
            pass

        def refresh(self, change):
            pass

    run_id = add_run(store)
    poller = Poller()
    parts = WindowParts(Settings(), poller, hands, Library(), home / "studio.db", [PanelSpec(Searching)])
    window = MainWindow(parts)
    qtbot.addWidget(window)
    window.show()
    poller.start()
    try:
        select(qtbot, window, run_id)
        qtbot.waitActive(window)
        panel = window.run_page.docks.docks["searching"].panel
        panel.line.setFocus()
        qtbot.keyClick(panel.line, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert panel.found == 1
        window.run_list.view.setFocus()
        qtbot.keyClick(window.run_list.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert panel.found == 1
        assert window.run_list.search.hasFocus()
    finally:
        window.close()
        assert poller.stop()


def test_choices_in_panels_are_remembered(qtbot, home, hands):
    def opened():
        window = MainWindow(WindowParts(Settings(), Poller(), hands, Library(), home / "studio.db", PANELS))
        qtbot.addWidget(window)
        window.show()
        return window, {name: dock.panel for name, dock in window.run_page.docks.docks.items()}

    window, panels = opened()
    for box, value in (
        (panels["heatmap"].controls.kind, "confirmed"),
        (panels["heatmap"].controls.sort, "length"),
        (panels["traces"].filters.source, "solution"),
        (panels["traces"].filters.people, 1),
        (panels["log"].level, "warning"),
    ):
        box.setCurrentIndex(box.findData(value))
    mean = next(at for at, column in enumerate(COLUMNS) if column[0] == "mean")
    for _ in range(2):
        panels["traces"].table.horizontalHeader().sectionClicked.emit(mean)
    window.close()

    window, again = opened()
    assert {name: again[name].choices() for name in again} == {name: panels[name].choices() for name in panels}
    assert again["heatmap"].controls.selection.case == "confirmed"
    asked = again["traces"].filters.filter("r", "id", descending=False)
    assert (asked.source, asked.annotated) == ("solution", True)
    assert (again["traces"].choices()["sort"], again["traces"].choices()["order"]) == ("mean", "descending")
    assert again["traces"].table.horizontalHeader().sortIndicatorSection() == mean
    window.close()
    saved = Settings()
    saved.set_text("panel.log", "no JSON")
    assert saved.texts("panel.log") == {}


def test_notices_tell_of_runs_that_ended_by_themselves(make_run):
    before = {"a-1": RunStatus.RUNNING, "b-2": RunStatus.RUNNING, "c-3": RunStatus.RUNNING, "d-4": RunStatus.DONE}
    now = (
        make_run(1, "a", "done", headline={"sampled_accuracy": 0.5}, active_seconds=120),
        make_run(2, "b", "failed"),
        make_run(3, "c", "stopped"),
        make_run(4, "d", "done"),
    )
    told = notifications(before, StoreChange(now, frozenset()))
    assert [(notification.run_id, notification.bad) for notification in told] == [("a-1", False), ("b-2", True)]
    assert told[0].text == "Sampled accuracy 50.0\u202f%. Took 2\u202fmin."


def test_every_control_is_named_and_reachable(qtbot, window, store):
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

    run_id = add_run(store, status=RunStatus.RUNNING)
    select(qtbot, window, run_id)
    window.new_run()
    checked = 0
    for kind in (QAbstractButton, QLineEdit, QComboBox):
        for widget in window.findChildren(kind):
            if not widget.isVisible() or widget.objectName().startswith("qt_"):
                continue
            checked += 1
            assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, (widget, widget.accessibleName())
    assert checked > 20
