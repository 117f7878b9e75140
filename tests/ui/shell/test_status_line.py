"""The line at the bottom."""

from sapo_studio.domain.runs import RunStatus


def test_status_bar_says_that_runs_go_on(qtbot, window, add_run):
    add_run(status=RunStatus.RUNNING)
    qtbot.waitUntil(lambda: "it keeps running when the window is closed" in window.status_line.going.text())
