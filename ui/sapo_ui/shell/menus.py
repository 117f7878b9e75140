"""The menu bar and the menu of a run, made from the actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar

from sapo_ui.services.actions import Actions
from sapo_ui.wording import with_mnemonics

LOOKS = ("view.system", "view.light", "view.dark")
RUN_MENU = (
    *("run.pause", "run.continue", "run.resume", "run.queue", "run.stop_after", "run.stop", "run.kill", ""),
    *("run.clone", "run.again", "run.rename", "run.notes", "run.export", "run.report", "run.tables", "run.publish"),
    *("run.score", "run.evaluate", "", "run.compare", "run.folder", "run.copy_id", "", "run.archive", "run.bin"),
)
"""What a right click on a run offers; empty: a line between groups."""


def fill_menu_bar(bar: QMenuBar, actions: Actions, panels: Sequence[QAction]) -> None:
    """Put every action into its menu, in the order of its spec, and `panels` below those of the View menu."""
    looks = QActionGroup(bar)
    names = list(dict.fromkeys(spec.menu for spec in actions.specs))
    for menu_name, marked in zip(names, with_mnemonics(names), strict=True):
        menu = bar.addMenu(marked)
        group = 0
        for spec in actions.specs:
            if spec.menu != menu_name:
                continue
            if spec.group != group:
                group = spec.group
                menu.addSeparator()
            menu.addAction(actions[spec.id])
            if spec.id in LOOKS:
                looks.addAction(actions[spec.id])
        if menu_name == "View":
            menu.addSeparator()
            shown = menu.addMenu(_name_entry("Panels", menu))
            shown.addActions(panels)
            shown.setEnabled(bool(panels))


def _name_entry(text: str, menu: QMenu) -> str:
    """`text` for one more entry of `menu`, with a letter marked; the others get theirs anew, as far as it needs one of
    them."""
    others = [action for action in menu.actions() if not action.isSeparator()]
    *marked, own = with_mnemonics([*(action.iconText() for action in others), text])
    for action, words in zip(others, marked, strict=True):
        action.setText(words)
    return own


def run_menu(actions: Actions) -> list[QAction | None]:
    """The actions of a run's menu; None: a line between groups."""
    return [actions[name] if name else None for name in RUN_MENU]
