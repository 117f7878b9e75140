"""Failures of the window's own code."""

import sys
import threading

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QPlainTextEdit

from sapo_ui.shell.crash import CrashDialog, CrashHandler, make_report


@pytest.fixture
def handler(qapp, monkeypatch):
    monkeypatch.setattr(sys, "__excepthook__", lambda *args: None)
    made = CrashHandler()
    made.install()
    yield made
    made.remove()


def raise_into_hook(error):
    try:
        raise error
    except type(error):
        sys.excepthook(*sys.exc_info())


def test_reports_wait_until_there_is_a_window(qtbot, handler):
    raise_into_hook(ValueError("early"))
    qtbot.wait(10)
    shown = []
    handler.show_with(shown.append)
    assert [report.headline for report in shown] == ["ValueError: early"]
    raise_into_hook(KeyError("late"))
    qtbot.waitUntil(lambda: len(shown) == 2)
    assert "raise_into_hook" in shown[0].text
    assert "PySide6" in shown[0].text


def test_a_thread_that_fails_is_reported_on_the_gui_thread(qtbot, handler):
    shown = []
    handler.show_with(lambda report: shown.append((report.headline, threading.current_thread())))
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [("ZeroDivisionError: division by zero", threading.main_thread())]


def test_the_hooks_are_given_back(qapp):
    before = (sys.excepthook, threading.excepthook)
    handler = CrashHandler()
    handler.install()
    assert sys.excepthook != before[0]
    handler.remove()
    assert (sys.excepthook, threading.excepthook) == before


def test_the_dialog_can_be_copied(qtbot):
    report = make_report(ValueError, ValueError("odd"), None)
    dialog = CrashDialog(report)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.findChild(QPlainTextEdit).toPlainText() == report.text
    box = dialog.findChild(QDialogButtonBox)
    copy = next(button for button in box.buttons() if button.text() == "Copy report")
    copy.click()
    assert QGuiApplication.clipboard().text() == report.text
    dialog.close()
