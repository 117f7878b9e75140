"""Pictures of the real window over a finished run: `python -m sapo_ui.screenshots OUT_DIR [--run RUN]`.

Needs no screen. Writes the run page, a trace, the label audit and the New run form at 1280 x 800 in both looks, and
where there is something to show the queue of trajectories made last, the process benchmarks, evaluated runs beside
each other, the playground with a question that it has solved, the queue of runs and the last failed run; the run page
also as a 4K screen at 200 % shows it. Nothing of the user's settings is read or changed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sapo_studio.display import has_display
from sapo_studio.files import output_place
from sapo_ui.app import Program

SIZE = (1280, 800)
LARGE = (1920, 1080)
TIMEOUT_MS = 60_000
QUIET_MS = 400
"""A picture is taken when nothing has been read for this long."""


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures. Returns the exit code: 0, or 1 where the run never appeared."""
    parser = argparse.ArgumentParser(prog="python -m sapo_ui.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--run", default="last", help="the run to show: id, beginning of it, name, or `last`")
    options = parser.parse_args(argv)
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(run=options.run, settings=Path(folder) / "window.ini")
        window = program.open()
        try:
            if not wait_for(lambda: window.run_page.run_id is not None):
                print(f"There is no run {options.run!r} to show.", file=sys.stderr)
                return 1
            written = _take(program, options.out)
        finally:
            program.close()
    print("\n".join(str(path) for path in written))
    return 0


def _take(program: Program, out: Path) -> list[Path]:
    from sapo_ui import theme

    window = program.window
    written: list[Path] = []
    for mode in ("light", "dark"):
        theme.manager().choose(mode)
        window.resize(*SIZE)
        window.run_page.panels.reset()
        settle()
        written.append(save(window, out / f"run-{mode}.png"))
        if show_a_trace(program):
            settle()
            written.append(save(window, out / f"trace-{mode}.png"))
        window.run_page.panels.set_mode("watch")
        for name, there, show in (
            ("audit", True, window.audit),
            ("annotate", has_queues(), window.annotate),
            ("benchmarks", has_benchmarks(), window.benchmarks),
            ("compare", bool(evaluated_runs()), lambda: compare_runs(program)),
            ("playground", has_reasoners(), lambda: ask_something(program)),
            ("queue", has_waiting_runs(), window.actions_["go.queue"].trigger),
            ("new-run", True, window.new_run),
        ):
            if there:
                show()
                settle()
                written.append(save(window, out / f"{name}-{mode}.png"))
                window.leave_form()
                window.picks.choose(())
        shown = window.run_page.run_id
        if shown is not None and (failed := failed_run()):
            show_run(program, failed)
            written.append(save(window, out / f"failed-{mode}.png"))
            show_run(program, shown)
    theme.manager().choose("light")
    window.resize(*LARGE)
    settle()
    written.append(save(window, out / "run-4k.png", scale=2.0))
    return written


def has_queues() -> bool:
    """Whether there is something to show on the Annotate page."""
    from sapo_studio.store.db import Store
    from sapo_studio.store.queues import list_queues

    with Store.open() as store:
        return any(queue.size for queue in list_queues(store))


def has_benchmarks() -> bool:
    """Whether there is something to show on the page of process benchmarks."""
    from sapo_studio.store.benchmarks import list_benchmarks
    from sapo_studio.store.db import Store

    with Store.open() as store:
        return bool(list_benchmarks(store))


def evaluated_runs() -> list[str]:
    """The runs made last that have been evaluated, up to four."""
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open() as store:
        return [run.id for run in queries.list_runs(store) if "greedy_accuracy" in run.headline][:4]


def compare_runs(program: Program) -> None:
    """Show them beside each other."""
    program.window.picks.choose(evaluated_runs())
    program.window.compare()


def has_reasoners() -> bool:
    """Whether there is a reasoner that a run has trained, to be asked in the playground."""
    from sapo_studio.app.playground.checkpoints import checkpoints
    from sapo_studio.store.db import Store

    with Store.open() as store:
        return any(one.iteration > 0 for one in checkpoints(store))


def ask_something(program: Program) -> None:
    """Show the playground with a question of the run's task, once both sides have solved it."""
    from sapo_ui.features.playground.page import PlaygroundPage

    program.window.playground()
    page = program.window.pages.front
    assert isinstance(page, PlaygroundPage)
    settle()
    panel = page.sides["a"]
    if not panel.state.solutions:
        page.card.random.click()
        settle()
        page.sample()
        wait_for(lambda: not page.playground.busy)
    if panel.list.order:
        panel.list.choose(panel.list.order[0], open_=True)


def has_waiting_runs() -> bool:
    """Whether there is something to show on the page of the queue of runs."""
    from sapo_studio.store.db import Store
    from sapo_studio.store.run_queue import list_queue

    with Store.open() as store:
        return bool(list_queue(store))


def failed_run() -> str:
    """The last run that failed; empty where none did."""
    from sapo_studio.domain.runs import RunStatus
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store

    with Store.open() as store:
        return next((run.id for run in queries.list_runs(store) if run.status is RunStatus.FAILED), "")


def show_run(program: Program, run_id: str) -> None:
    """Show another run."""
    window = program.window
    window.want_run(run_id)
    wait_for(lambda: window.run_page.run_id == run_id)
    settle()


def show_a_trace(program: Program) -> bool:
    """Show a wrong trajectory whose first error rollouts have confirmed, where the run has one."""
    from sapo_studio.store import queries
    from sapo_studio.store.db import Store
    from sapo_studio.store.records import TraceFilter

    run_id = program.window.run_page.run_id
    if run_id is None:
        return False
    with Store.open() as store:
        found = queries.trace_ids(store, TraceFilter(run_id, case="confirmed", outcome="wrong"))
    if len(found) == 0:
        return False
    program.window.run_page.panels.show_trace(int(found[0]))
    return True


def wait_for(condition: Callable[[], bool], timeout_ms: int = TIMEOUT_MS) -> bool:
    """Let the window work until `condition` holds. False where it never does."""
    from PySide6.QtCore import QElapsedTimer, QEventLoop, QTimer

    if condition():
        return True
    loop, clock, tick = QEventLoop(), QElapsedTimer(), QTimer()
    clock.start()

    def look() -> None:
        if condition() or clock.elapsed() > timeout_ms:
            loop.quit()

    tick.timeout.connect(look)
    tick.start(25)
    loop.exec()
    tick.stop()
    return condition()


def settle() -> None:
    """Let the window work until nothing has been read for a moment."""
    from PySide6.QtCore import QElapsedTimer

    from sapo_ui.services import tasks

    quiet = QElapsedTimer()
    quiet.start()

    def is_quiet() -> bool:
        if not tasks.pool().idle:
            quiet.restart()
        return quiet.elapsed() > QUIET_MS

    wait_for(is_quiet)


def save(window: object, path: Path, scale: float = 1.0) -> Path:
    """Paint `window` into a PNG, `scale` pixels to a point."""
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPixmap
    from PySide6.QtWidgets import QWidget

    assert isinstance(window, QWidget)
    window.grab()  # a first painting may ask for more rows
    settle()
    picture = QPixmap(round(window.width() * scale), round(window.height() * scale))
    picture.setDevicePixelRatio(scale)
    window.render(picture, QPoint())
    picture.save(str(output_place(path)), "PNG")  # pyright: ignore[reportArgumentType]  # Qt takes its name as text
    return path


if __name__ == "__main__":
    sys.exit(main())
