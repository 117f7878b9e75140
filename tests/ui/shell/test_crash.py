"""Failures of the window's own code."""

import sys
import threading

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QPlainTextEdit, QWidget

from sapo_ui.shell.crash import CrashDialog, CrashDialogs, CrashHandler, make_report


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


def test_many_failures_are_one_dialog_with_a_counter(qtbot, handler):
    window = QWidget()
    qtbot.addWidget(window)
    handler.show_with(CrashDialogs(window).show)
    for number in range(62):
        raise_into_hook(ValueError("odd") if number % 2 else KeyError("other"))
    qtbot.waitUntil(lambda: any("62" in d.counter.text() for d in window.findChildren(CrashDialog)))
    (dialog,) = window.findChildren(CrashDialog)
    assert dialog.counter.text() == "62 failures since this opened, 2 different."
    copy = next(one for one in dialog.findChild(QDialogButtonBox).buttons() if one.text() == "Copy report")
    copy.click()
    told = QGuiApplication.clipboard().text()
    assert told.count("31 times:") == 2
    assert told.index("KeyError") < told.index("ValueError")
    dialog.close()
    qtbot.waitUntil(lambda: not window.findChildren(CrashDialog))
    raise_into_hook(ValueError("again"))
    qtbot.waitUntil(lambda: len(window.findChildren(CrashDialog)) == 1)
    (again,) = window.findChildren(CrashDialog)
    assert again.counter.text() == ""
    again.close()
