"""The base class of everything that stands on the run page, and how a panel is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sapo_ui.widgets.focus import focus_first

if TYPE_CHECKING:
    from sapo_studio.store.db import Store
    from sapo_ui.services.poller import StoreChange

Area = Literal["main", "side", "bottom", "read"]
"""Where panels stand on the run page. Watch: `main` on the left, `side` on the right, `bottom` in the drawer. Read has
one panel, `read`."""


class Panel(QWidget):
    """One panel of the run page.

    A panel reads the store only through `tasks.run`, keyed by itself, and keeps what it shows when it has nothing
    newer.
    """

    panel_id: str = ""
    """Stable name, kept in the saved layout."""

    title: str = ""
    """What its card, the drawer and the View menu say."""

    help: str = ""
    """What F1 opens while the panel has the focus: Markdown, a few short paragraphs."""

    keys: str = ""
    """The keys that the status bar names while the panel has the focus."""

    trace_requested = Signal(object, object)
    """(trajectory id: int, step: int) The user wants to see this trajectory, whichever panel shows it, and this step of
    it; 0: no certain one."""

    queue_requested = Signal(object)
    """(TraceFilter) The user wants a queue made of what the panel lists, to judge it."""

    back_requested = Signal()
    """The user wants back to where they came from."""

    def show_run(self, run_id: str | None) -> None:
        """Show this run from now on. None: show nothing."""
        raise NotImplementedError

    def refresh(self, change: StoreChange) -> None:
        """The shown run changed in the store. Called on the GUI thread, at most once a second, while the run page is
        visible."""
        raise NotImplementedError

    def choices(self) -> dict[str, str]:
        """What the user chose in the panel (filters, order), for the next start."""
        return {}

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """Choose what `choices` gave at an earlier time; what does not exist any more is left as it is."""
        del choices

    def take_focus(self) -> bool:
        """The user goes to the panel: take the focus. False where nothing takes it, as while the panel is read."""
        return focus_first(self)

    def position(self) -> dict[str, str]:
        """Where the user is in the shown run (what is open, what is searched for), for the next time it is shown."""
        return {}

    def restore_position(self, position: Mapping[str, str]) -> None:
        """Go to where `position` was taken; empty: to the beginning. Called before the run is shown."""
        del position

    @classmethod
    def brief(cls, store: Store, run_id: str) -> str:
        """What the drawer says beside the title: one number with its unit, or nothing. Called in the background, also
        while the panel itself is hidden."""
        del store, run_id
        return ""

    def show_trace(self, trajectory_id: int, step: int = 0) -> bool:
        """Show this trajectory with this step chosen (0: whichever the panel thinks best), if that is what the panel is
        for. True when it is; the page then raises the panel."""
        del trajectory_id, step
        return False


@dataclass(frozen=True)
class PanelSpec:
    """A panel of the run page: its class and where it stands.

    Name, title and help are the panel's own. Panels of one area stand in the order in which they are registered.
    """

    panel: type[Panel]
    area: Area = "bottom"
