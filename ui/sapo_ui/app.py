"""`sapo-studio`: the composition root. Reads the command line, puts the parts together, and takes them apart again."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sapo_studio import __version__, paths
from sapo_studio.display import has_display, window_fault
from sapo_studio.errors import SapoError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from sapo_ui.services.poller import Poller
    from sapo_ui.shell.main_window import MainWindow


def main(argv: Sequence[str] | None = None) -> int:
    """Run the window. Returns the exit code: 0, or 2 where it cannot be shown."""
    options = _arguments().parse_args(argv)
    if options.try_display:
        from PySide6.QtWidgets import QApplication

        return 0 if QApplication([]) else 1
    if options.home:
        os.environ[paths.HOME_VARIABLE] = str(Path(options.home).expanduser().absolute())
    if not has_display():
        print(
            "sapo-studio: there is no display to show a window on.\n"
            "Use the command line instead: `sapo run lab-demo` does the same without a window.\n"
            "(Over SSH, `ssh -X` brings one; QT_QPA_PLATFORM=offscreen runs it unseen.)",
            file=sys.stderr,
        )
        return 2
    fault = window_fault() if _drawn_by_the_system() else None
    if fault is not None:
        print(f"sapo-studio: {fault.sentence}", file=sys.stderr)
        return 2
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ImportError as error:
        print(
            f"sapo-studio: the window needs PySide6 ({error}).\nInstall it with: pip install 'sapo-studio[ui]'",
            file=sys.stderr,
        )
        return 2
    return Program(demo=options.demo, run=options.run, file=options.file).execute()


def _drawn_by_the_system() -> bool:
    """Whether Qt needs the system's libraries for windows: not where it draws unseen."""
    unseen = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] in ("offscreen", "minimal")
    return sys.platform.startswith("linux") and not unseen


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sapo-studio", description="Watch and steer SAPO runs. Runs keep running when the window is closed."
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="take in an annotation bundle (.sapo)")
    parser.add_argument("--demo", action="store_true", help="start the preset lab-demo and show it")
    parser.add_argument(
        "--home", metavar="DIR", help=f"keep the store and all runs in DIR (or set {paths.HOME_VARIABLE})"
    )
    parser.add_argument("--run", metavar="RUN", help="show this run: its id, the beginning of it, its name, or `last`")
    parser.add_argument("--try-display", action="store_true", help=argparse.SUPPRESS)  # sapo_studio.display
    parser.add_argument("--version", action="version", version=f"SAPO Studio {__version__}")
    return parser


class Program:
    """One process with one window. `window` may be driven from outside (tests, screenshots) between `open` and
    `close`."""

    def __init__(
        self, *, demo: bool = False, run: str | None = None, file: Path | None = None, settings: Path | None = None
    ) -> None:
        from PySide6.QtCore import QCoreApplication
        from PySide6.QtWidgets import QApplication

        QCoreApplication.setApplicationName("SAPO Studio")
        QCoreApplication.setApplicationVersion(__version__)
        QApplication.setDesktopFileName("sapo-studio")
        there = QApplication.instance()
        self.app: QApplication = there if isinstance(there, QApplication) else QApplication(sys.argv[:1])
        self._demo = demo
        self._run = run
        self._file = file
        self._settings = settings
        self.window: MainWindow
        self.poller: Poller

    def open(self) -> MainWindow:
        """Put the parts together and show the window."""
        from sapo_studio import supervisor
        from sapo_ui import theme
        from sapo_ui.features.new_run.presets import PresetLibrary
        from sapo_ui.services import tasks
        from sapo_ui.services.control import SupervisorControl
        from sapo_ui.services.poller import Poller
        from sapo_ui.services.settings import Settings
        from sapo_ui.shell import crash
        from sapo_ui.shell.main_window import MainWindow, WindowParts
        from sapo_ui.shell.panel_registry import PANELS
        from sapo_ui.theme import icons

        self.crash = crash.CrashHandler()
        self.crash.install()
        self.app.setWindowIcon(icons.app_icon())
        settings = Settings(self._settings)
        theme.manager().attach(self.app)
        theme.manager().choose(settings.theme)
        path = paths.store_path()
        tasks.start(path)
        self.poller = Poller(path, supervisor.reconcile)
        parts = WindowParts(settings, self.poller, SupervisorControl(), PresetLibrary(), path, PANELS)
        with theme.manager().bare():
            self.window = MainWindow(parts)
        self.window.closed.connect(self.app.quit)
        self.crash.show_with(crash.CrashDialogs(self.window).show)
        if self._run:
            self._find(self._run)
        if self._demo:
            self.window.start_demo()
        self.window.show()
        self.poller.start()
        if self._file is not None:
            self.window.open_file(self._file)
        return self.window

    def close(self) -> bool:
        """Take everything apart. True when no thread is left."""
        from sapo_ui import theme
        from sapo_ui.services import tasks

        if self.window.isVisible():
            self.window.close()
        polling_ended = self.poller.stop()
        tasks_ended = tasks.stop()
        self.crash.remove()
        theme.manager().detach()
        self.window.deleteLater()
        return polling_ended and tasks_ended

    def execute(self) -> int:
        """Open the window, run until it is closed, take everything apart."""
        gc.disable()  # what is loaded and made to start with stays
        window = self.open()
        # Later, too: looking through all of it for garbage took 70 ms each time.
        gc.freeze()
        gc.enable()
        window.warm_up.ended.connect(gc.freeze)
        try:
            return int(self.app.exec())
        finally:
            self.close()

    def _find(self, text: str) -> None:
        from sapo_studio.store import queries
        from sapo_ui.services import tasks

        def failed(error: Exception) -> None:
            if isinstance(error, SapoError):
                self.window.show_error(error)
            else:
                raise error

        tasks.run(self.window, lambda store: queries.find_entry(store, text), self.window.want_run, failed=failed)


if __name__ == "__main__":
    sys.exit(main())
