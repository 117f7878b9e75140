"""The run page: banner, and when its panels hear of what."""

from PySide6.QtCore import Qt

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.records import ErrorText
from sapo_ui.services.poller import StoreChange


def test_banner_says_what_why_and_what_to_do(qtbot, page, make_run, fired):
    page.show_run(
        make_run(1, "lab", "stopped", error=ErrorText("The disk is full", "SQLite says so.", "Free some space."))
    )
    assert page.banner.isVisible()
    assert page.banner.text == "The disk is full\nSQLite says so.\nFree some space."
    qtbot.mouseClick(page.banner.action, Qt.MouseButton.LeftButton)
    assert fired == ["run.resume"]
    qtbot.mouseClick(page.banner.copy, Qt.MouseButton.LeftButton)
    from PySide6.QtGui import QGuiApplication

    assert QGuiApplication.clipboard().text() == page.banner.text
    page.show_run(make_run(1, "lab", "interrupted"))
    assert "Resume continues" in page.banner.text
    page.show_run(make_run(1, "lab", "paused", error=ErrorText("The disk is full: the run waits", "", "Free 3 MB.")))
    assert page.banner.text == "The disk is full: the run waits\nFree 3 MB."
    assert not page.banner.action.isVisible()
    page.show_run(make_run(1, "lab", "running"))
    assert not page.banner.isVisible()


def test_a_failed_run_says_why_in_place_of_its_panels(qtbot, page, make_run, store):
    error = ErrorText("There is no data file x.jsonl", "It is gone.", "Give another.", bad_input=True)
    run_id = runs.create_run(store, RunConfig())
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.set_status(store, run_id, RunStatus.FAILED, error)
    page.show_run(queries.get_run(store, run_id))
    assert (page.failure.isVisible(), page.banner.isVisible(), page.panels.isVisible()) == (True, False, False)
    assert (page.failure.what.text(), page.failure.why.text()) == (error.what, error.why)
    qtbot.waitUntil(lambda: page.failure.failure is not None)
    assert not page.header.buttons["run.resume"].isVisible(), "the same would come of it again"
    page.actions_["run.read"].trigger()
    assert (page.failure.isVisible(), page.panels.isVisible()) == (False, True)
    qtbot.mouseClick(page.banner.action, Qt.MouseButton.LeftButton)
    assert (page.failure.isVisible(), page.panels.isVisible()) == (True, False)
    page.show_run(make_run(2, "other", "running"))
    assert (page.failure.isVisible(), page.panels.isVisible()) == (False, True)


def test_panels_hear_of_their_run_and_its_changes(page, make_run):
    run = make_run(1, "lab")
    page.show_run(run)
    page.show_run(run)
    panel = page.panels["heatmap"]
    assert panel.calls == [("show", run.id)]
    other = make_run(2, "other")
    page.take(StoreChange((run, other), frozenset({other.id})))
    assert len(panel.calls) == 1
    page.take(StoreChange((run, other), frozenset({run.id})))
    assert panel.calls[1:] == [("refresh", frozenset({run.id}))]


def test_a_busy_run_is_read_once_a_second_and_its_last_change_is_not_lost(qtbot, page, make_run, monkeypatch):
    page._rest.setInterval(50)
    run = make_run(1, "lab")
    page.show_run(run)
    panel = page.panels["heatmap"]
    for _ in range(5):
        page.take(StoreChange((run,), frozenset({run.id})))
    assert [name for name, _ in panel.calls] == ["show", "refresh"]
    qtbot.waitUntil(lambda: not page._rest.isActive())
    assert [name for name, _ in panel.calls] == ["show", "refresh", "refresh"]


def test_a_hidden_page_catches_up_when_shown(page, make_run):
    run = make_run(1, "lab")
    page.show_run(run)
    panel = page.panels["gap"]
    page.hide()
    change = StoreChange((run,), frozenset({run.id}))
    page.take(change)
    assert len(panel.calls) == 1
    page.show()
    page.catch_up(change)
    assert [name for name, _ in panel.calls] == ["show", "refresh"]


def test_the_status_line_shows_the_warnings_in_the_log(page, make_run, monkeypatch):
    page.show_run(make_run(1, "lab"))
    told = []
    monkeypatch.setattr(page.panels, "go_to", lambda *asked: told.append(asked))
    page.status.log_requested.emit()
    assert told == [("log", {"level": "warning"})]
