"""The runs that are picked for comparison: shared by the list of runs, which marks them, and the Compare page.

Each line of a comparison has one of six colours, and keeps it for as long as it is picked, whatever comes and goes
beside it. A line is a run, or the runs of one configuration where seeds are grouped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from PySide6.QtCore import QObject, Signal

MOST = 6
"""Lines that can be told apart, as many as there are colours."""

RUN_MIME = "application/x-sapo-run"
"""What a dragged run is: its id."""


class Picks(QObject):
    """Picked runs in the order in which they were picked."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._slots: dict[str, int | None] = {}
        self._leaders: dict[str, str] = {}
        self._baseline = ""
        self._grouped = False
        self.view: dict[str, str] = {}
        """What the Compare page shows of them, in its own words: kept while another page is in front."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of all that are picked."""
        return tuple(self._slots)

    @property
    def shown(self) -> tuple[str, ...]:
        """Ids of those that have a colour: the others are too many."""
        return tuple(run_id for run_id in self._slots if self.slot(run_id) is not None)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._slots

    def slot(self, run_id: str) -> int | None:
        """Which colour a run has, from 0 on; None where it has none."""
        return self._slots.get(self._leaders.get(run_id, run_id))

    @property
    def slots(self) -> dict[str, int | None]:
        """The same for all that are picked."""
        return {run_id: self.slot(run_id) for run_id in self._slots}

    @property
    def baseline(self) -> str:
        """What the others are held against: the chosen run, else the first one; empty while none is picked."""
        chosen = self._leaders.get(self._baseline, self._baseline)
        shown = self.shown
        return chosen if chosen in shown else next(iter(shown), "")

    @property
    def grouped(self) -> bool:
        """Whether runs that differ in nothing but their seed are one line."""
        return self._grouped

    @property
    def groups_known(self) -> bool:
        """Whether `set_groups` has told of each picked run."""
        return all(run_id in self._leaders for run_id in self._slots)

    def toggle(self, run_id: str) -> None:
        """Pick a run, or no longer."""
        self.choose([one for one in self._slots if one != run_id] if run_id in self._slots else [*self._slots, run_id])

    def add(self, run_id: str) -> None:
        """Pick a run, where it is not picked already."""
        if run_id not in self._slots:
            self.choose([*self._slots, run_id])

    def choose(self, run_ids: Sequence[str]) -> None:
        """Pick these and no others; those that were picked already keep their colours."""
        if tuple(run_ids) != self.runs:
            self._inherit(run_ids)
            self._slots = {run_id: self._slots.get(run_id) for run_id in run_ids}
            self._settle()
            self.changed.emit()

    def keep(self, known: Collection[str]) -> None:
        """Only these runs are still there."""
        self.choose([run_id for run_id in self._slots if run_id in known])

    def set_baseline(self, run_id: str) -> None:
        """Hold the others against this one."""
        if run_id != self._baseline:
            self._baseline = run_id
            self.changed.emit()

    def group(self, on: bool) -> None:
        """Whether runs that differ in nothing but their seed are to be one line."""
        if on != self._grouped:
            self._grouped = on
            if not on:
                self._leaders = {}
                self._settle()
            self.changed.emit()

    def set_groups(self, groups: Sequence[Sequence[str]]) -> None:
        """Which runs differ in nothing but their seed. The first of a group lends it its colour."""
        leaders = {run_id: group[0] for group in groups for run_id in group} if self._grouped else {}
        if leaders != self._leaders:
            self._leaders = leaders
            self._settle()
            self.changed.emit()

    def _inherit(self, staying: Sequence[str]) -> None:
        """Where the first run of a group goes, the next one leads it, in the same colour."""
        leaders: dict[str, str] = {}
        heirs: dict[str, str] = {}
        for run_id in staying:
            leader = self._leaders.get(run_id, run_id)
            if leader not in staying:
                if leader not in heirs:
                    self._slots[run_id] = self._slots.get(leader)
                leader = heirs.setdefault(leader, run_id)
            leaders[run_id] = leader
        self._leaders = {run_id: leader for run_id, leader in leaders.items() if run_id in self._leaders}

    def _settle(self) -> None:
        """Give each line a colour of its own, as far as there are any; none changes one that it has alone."""
        lines = [run_id for run_id in self._slots if self._leaders.get(run_id, run_id) == run_id]
        taken: set[int] = set()
        for run_id in lines:
            slot = self._slots[run_id]
            if slot in taken:
                self._slots[run_id] = slot = None
            if slot is not None:
                taken.add(slot)
        for run_id in lines:
            if self._slots[run_id] is None:
                free = next(slot for slot in count() if slot not in taken)
                if free < MOST:
                    self._slots[run_id] = free
                    taken.add(free)

    def said_of(self, run_id: str, name: str) -> str:
        """What has become of a run that was picked, or is no longer."""
        if run_id not in self._slots:
            return f"{name} is picked no longer."
        if self.slot(run_id) is None and not self._grouped:
            return f"{name} is picked, but at most {MOST} can be told apart: choose on the Compare page."
        return f"{name} is picked for comparison, as one of {len(self._slots)}. Compare (Ctrl+M) shows them."

    # -- from one start to the next

    def choices(self) -> dict[str, str]:
        """What is picked and shown, for the next start."""
        return {
            "runs": json.dumps(list(self._slots.items())),
            "baseline": self._baseline,
            "grouped": "1" if self._grouped else "",
            **{f"view.{name}": text for name, text in self.view.items()},
        }

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """What `choices` gave; what cannot be read counts as not picked."""
        try:
            found: object = json.loads(choices.get("runs", "[]"))
        except ValueError:
            found = []
        pairs = [one for one in found if isinstance(one, list) and len(one) == 2] if isinstance(found, list) else []
        self._slots = {
            str(run_id): slot if isinstance(slot, int) and 0 <= slot < MOST else None for run_id, slot in pairs
        }
        self._leaders = {}
        self._baseline = choices.get("baseline", "")
        self._grouped = choices.get("grouped") == "1"
        self.view = {name.removeprefix("view."): text for name, text in choices.items() if name.startswith("view.")}
        self._settle()
        self.changed.emit()
