"""What chooses a process benchmark beside typing it: a frozen one of the store, or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from sapo_studio.readable import counted
from sapo_studio.store.records import BenchmarkInfo
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.features.new_run.pickers import PICKERS, DataPicker, Picker
from sapo_ui.services import benchmarks, tasks

FIELD = "task.process_data"
SHOWN = 30
"""Benchmarks in the menu; a longer one leaves the screen."""
NONE_FROZEN = "No frozen benchmark yet: View menu, Process benchmarks"


class BenchmarkPicker(DataPicker):
    """The frozen benchmarks by name and version, with how many solutions each has; the chosen one goes into the line as
    `benchmark:NAME@VERSION`."""

    def __init__(self, edit: QLineEdit, chosen: Callable[[], None], parent: QWidget) -> None:
        super().__init__(edit, chosen, parent)
        self.setToolTip("A frozen process benchmark of yours, or a file of solutions whose first error is known")
        menu = QMenu(self)
        menu.aboutToShow.connect(self._read)
        self.setMenu(menu)
        self._found: Sequence[BenchmarkInfo] | None = None
        self.offer([])
        self._read()

    def offer(self, found: Sequence[BenchmarkInfo]) -> None:
        """Offer these."""
        if found == self._found:
            return  # the menu may be open
        self._found = found
        menu = self.menu()
        menu.clear()
        menu.addAction("&File\u2026", self._file)
        menu.addSeparator()
        for one in found[:SHOWN]:
            named = f"{one.title}, {counted(one.rows, 'solution')}".replace("&", "&&")
            menu.addAction(named, lambda one=one: self.take(one.reference))
        if len(found) > SHOWN:
            menu.addAction(f"and {len(found) - SHOWN:,} more: type benchmark:NAME@VERSION").setEnabled(False)
        if not found:
            menu.addAction(NONE_FROZEN).setEnabled(False)

    def _read(self) -> None:
        tasks.run(self, benchmarks.read_frozen, self.offer, failed=lambda _: self.offer([]), key="benchmarks")


def picker_for(spec: FieldSpec) -> Callable[[QLineEdit, Callable[[], None], QWidget], Picker]:
    """What chooses the value of a field that has a picker."""
    return BenchmarkPicker if spec.path == FIELD else PICKERS[spec.picker]
