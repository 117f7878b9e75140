"""What happens when the window's own code fails: a report that can be read and copied, never a silent end.

Reports are made without Qt, and wait until there is a window to show them in.
"""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.plain_text import PlainLabel

_log = logging.getLogger(__name__)
_LIMIT = 20
"""Reports kept; the first ones say most."""


@dataclass(frozen=True)
class CrashReport:
    """One failure: a headline, and all of it as text."""

    headline: str
    text: str


def package_versions() -> dict[str, str]:
    """The versions that matter in a report."""
    found = {"Python": platform.python_version(), "system": platform.platform()}
    for package in ("sapo-studio", "PySide6", "pyqtgraph", "numpy", "sqlite-utils"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def make_report(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> CrashReport:
    """The report of an exception that nobody caught."""
    headline = f"{kind.__name__}: {error}".strip(": ").splitlines()[0]
    versions = "\n".join(f"{name} {number}" for name, number in package_versions().items())
    return CrashReport(headline, f"{''.join(traceback.format_exception(kind, error, trace))}\n{versions}\n")


class CrashHandler(QObject):
    """Between `install` and `remove`, uncaught exceptions of any thread become reports, and go to `show` once that is
    set."""

    _caught = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[CrashReport] = []
        self._show: Callable[[CrashReport], None] | None = None
        self._before: tuple[Callable[..., object], Callable[..., object]] | None = None
        self._caught.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Catch from now on."""
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._main_hook
        threading.excepthook = self._thread_hook

    def remove(self) -> None:
        """Leave exceptions to whoever had them before."""
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            self._before = None

    def show_with(self, show: Callable[[CrashReport], None]) -> None:
        """There is a window now: show what waits, and what comes."""
        self._show = show
        waiting, self._waiting = self._waiting, []
        for report in waiting:
            show(report)

    def _main_hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        sys.__excepthook__(kind, error, trace)
        self._caught.emit(make_report(kind, error, trace))

    def _thread_hook(self, what: threading.ExceptHookArgs) -> None:
        if what.exc_type is SystemExit:
            return
        sys.__excepthook__(what.exc_type, what.exc_value or what.exc_type(), what.exc_traceback)
        self._caught.emit(make_report(what.exc_type, what.exc_value, what.exc_traceback))

    def _take(self, report: CrashReport) -> None:
        _log.error("uncaught: %s", report.headline)
        if self._show is not None:
            self._show(report)
        elif len(self._waiting) < _LIMIT:
            self._waiting.append(report)


class CrashDialogs:
    """One dialog at a time: what fails while it is open is counted in it and kept in its report."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self._open: CrashDialog | None = None

    def show(self, report: CrashReport) -> None:
        """Show `report`, in the dialog that is open if one is."""
        if self._open is not None:
            self._open.add(report)
            return
        self._open = CrashDialog(report, self._parent)
        self._open.finished.connect(self._closed)
        self._open.show()

    def _closed(self, _: int) -> None:
        self._open = None


class CrashDialog(QDialog):
    """Reports, to read and to copy. The window goes on behind it."""

    def __init__(self, report: CrashReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 1
        self._kept = [(report, 1)]
        self.setWindowTitle("Something went wrong in the window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(680, 420)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        title = PlainLabel("Something went wrong in the window")
        title.setFont(theme.font("title"))
        said = PlainLabel(
            f"{report.headline}\n\nRuns are not affected: their engines do not need the window. If it misbehaves from "
            "now on, close it and open it again. Please send the report below to the project's issue tracker."
        )
        said.setWordWrap(True)
        self.counter = PlainLabel("")
        self.counter.setVisible(False)
        self._text = text = QPlainTextEdit(report.text)
        text.setReadOnly(True)
        text.setFont(theme.font("mono_small"))
        text.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report()))
        buttons.rejected.connect(self.reject)
        for widget in (title, said, self.counter, text, buttons):
            column.addWidget(widget)

    def add(self, report: CrashReport) -> None:
        """One more failure. Each kind is kept once, with how often it came; of many kinds the first ones."""
        self._count += 1
        for place, (known, times) in enumerate(self._kept):
            if known.text == report.text:
                self._kept[place] = (known, times + 1)
                break
        else:
            if len(self._kept) < _LIMIT:
                self._kept.append((report, 1))
        self.counter.setText(f"{self._count:,} failures since this opened, {len(self._kept):,} different.")
        self.counter.setVisible(True)
        self._text.setPlainText(self.report())

    def report(self) -> str:
        """All that is kept, as text."""
        parts = [report.text if times == 1 else f"{times:,} times:\n{report.text}" for report, times in self._kept]
        return "\n\n".join(parts)
