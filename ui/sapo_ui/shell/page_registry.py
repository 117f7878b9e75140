"""All pages of the window. A page is one file in features and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sapo_studio.config.schema import RunConfig
from sapo_ui.features.new_run.presets import Presets
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.panels.page import Page
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services.actions import Actions
from sapo_ui.services.drafts import Drafts
from sapo_ui.services.picks import Picks
from sapo_ui.services.settings import Settings
from sapo_ui.shell.empty_page import EmptyPage

DEMO_PRESET = "lab-demo"


@dataclass(frozen=True)
class PageContext:
    """What pages are made from."""

    actions: Actions
    panels: Sequence[PanelSpec]
    presets: Presets
    on_error: Callable[[Exception], None]
    current_run: Callable[[], str | None]
    """The run that was looked at last."""
    show_trace: Callable[[int, int], None]
    """Shows a step of a trajectory on the run's page."""
    back: Callable[[], None]
    """Leave a page for the run that was looked at last."""
    open_run: Callable[[str], object]
    """Show a run's page."""
    open_form: Callable[[RunConfig], None]
    """Opens a new run with this configuration."""
    picks: Picks
    """The runs that are picked for comparison."""
    settings: Settings | None = None
    """Where a page keeps what it remembers; None: nowhere."""
    on_closing: Callable[[Callable[[], object]], object] | None = None
    """Has something called when the window closes."""


@dataclass(frozen=True)
class PageSpec:
    """A page: its name, and how it is made. One that `stays` is made with the window and keeps what it shows behind
    others; any other is made anew each time it is opened, and dropped when it is left. `action` opens it from the side
    bar, in the order of the registry; empty: it is not offered there. `wide`: the side bar is folded beside it at
    first."""

    page_id: str
    make: Callable[[PageContext], Page]
    stays: bool = True
    action: str = ""
    wide: bool = False


def _new_run(context: PageContext) -> Page:
    from sapo_ui.features.new_run.page import NewRunPage  # it brings the forecast along; the window opens without

    presets = context.presets
    return NewRunPage(presets.all(context.on_error), presets.save, preferred=DEMO_PRESET, drafts=Drafts())


def _audit(context: PageContext) -> Page:
    from sapo_ui.features.audit.page import AuditPage  # only who audits pays for it

    page = AuditPage(context.current_run, context.show_trace, context.on_error, context.open_form)
    page.left.connect(context.back)
    return page


def _annotate(context: PageContext) -> Page:
    from sapo_ui.features.annotate.page import AnnotatePage  # only who judges pays for it

    return AnnotatePage(context.current_run)


def _run_queue(context: PageContext) -> Page:
    from sapo_ui.features.run_queue.page import RunQueuePage  # it brings the forecast along

    page = RunQueuePage()
    page.run_opened.connect(context.open_run)
    return page


def _compare(context: PageContext) -> Page:
    from sapo_ui.features.compare.page import ComparePage  # only who compares pays for it

    def show_trace(run_id: str, trajectory_id: int, step: int) -> None:
        context.open_run(run_id)
        context.show_trace(trajectory_id, step)

    page = ComparePage(context.picks)
    page.left.connect(context.back)
    page.trace_wanted.connect(show_trace)
    return page


def _benchmarks(context: PageContext) -> Page:
    from sapo_ui.features.benchmarks.page import BenchmarksPage  # only who looks at them pays for it

    page = BenchmarksPage()
    page.left.connect(context.back)
    return page


def _playground(context: PageContext) -> Page:
    from sapo_ui.features.playground.page import PlaygroundDoors, PlaygroundPage  # only who asks pays for it
    from sapo_ui.services import playground, queues

    def annotate(uid: str) -> None:
        queues.remember(uid)
        context.actions["go.annotate"].trigger()

    if context.on_closing is not None:
        context.on_closing(playground.end_of_window)
    doors = PlaygroundDoors(context.current_run, context.actions["run.new"].trigger, annotate, context.settings)
    return PlaygroundPage(playground.of_window(), doors)


PAGES: tuple[PageSpec, ...] = (
    PageSpec("empty", lambda context: EmptyPage(context.actions["run.new"], context.actions["run.demo"])),
    PageSpec("run", lambda context: RunPage(context.actions, context.panels, context.settings)),
    PageSpec("new_run", _new_run, stays=False, wide=True),
    PageSpec("run_queue", _run_queue, stays=False, action="go.queue"),
    PageSpec("annotate", _annotate, stays=False, action="go.annotate", wide=True),
    PageSpec("compare", _compare, stays=False, action="go.compare"),
    PageSpec("audit", _audit, stays=False, action="run.audit", wide=True),
    PageSpec("playground", _playground, stays=False, action="go.playground", wide=True),
    PageSpec("benchmarks", _benchmarks, stays=False, action="go.benchmarks"),
)
"""The first is in front when the window opens."""
