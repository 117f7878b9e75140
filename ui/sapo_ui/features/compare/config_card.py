"""What differs in the configurations of the picked runs, and whether they stand on the same model and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import Comparison, ConfigRow, Identity
from sapo_ui import theme
from sapo_ui.features.compare.config_table import ConfigTable
from sapo_ui.features.compare.figures import Slots
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label


class ConfigCard(Card):
    """Differing keys; equal ones fold out below them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        inside = QWidget()
        super().__init__(inside, "Configuration", parent)
        self.setAccessibleName("Configuration")
        self.unfolded = False
        self.count = label("", "small", "muted")
        self.head.addWidget(self.count)
        self.table = ConfigTable()
        self.none = label("", "small", "muted", wrap=True)
        self.equal = QPushButton()
        self.equal.setProperty("look", "link")
        self.equal.setFont(theme.font("small"))
        self.equal.setAutoDefault(False)
        self.equal.setAccessibleName("Keys that all runs have alike")
        self.equal.clicked.connect(lambda _checked=False: self.toggle())
        self.seeds = ElidedLabel(theme.font("small"))
        self.same = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText, lines=3)
        self._shown: tuple[Comparison, Slots] | None = None
        foot = QHBoxLayout()
        foot.setSpacing(theme.SPACE_2)
        foot.addWidget(self.equal)
        foot.addStretch(1)
        foot.addWidget(self.seeds)
        column = QVBoxLayout(inside)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_1, theme.SPACE_2, theme.SPACE_2)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(self.none)
        column.addWidget(self.table, 1)
        column.addLayout(foot)
        column.addWidget(self.same)

    def show_comparison(self, comparison: Comparison, slots: Slots) -> None:
        """Show what differs."""
        self._shown = (comparison, slots)
        self._fill()

    def toggle(self) -> None:
        """Show or hide the keys that are equal in all."""
        self.unfolded = not self.unfolded
        self._fill()

    def _fill(self) -> None:
        if self._shown is None:
            return
        comparison, slots = self._shown
        found = comparison.configuration
        different, equal = len(found.different), len(found.equal)
        self.count.setText(f"{different} of {different + equal} keys differ" if len(comparison.runs) > 1 else "")
        alone = len(comparison.runs) == 1
        self.none.setText(
            "One run is picked: nothing to compare its settings with."
            if alone
            else ""
            if different
            else "No key differs but for name and seed."
        )
        self.none.setVisible(bool(self.none.text()))
        rows = [*found.different, *(found.equal if self.unfolded else ())]
        places = {run.key: at for at, run in enumerate(comparison.runs)}
        columns = [(places[group.runs[0]], group) for group in comparison.groups]
        self.table.show_keys(
            [_of(row, [at for at, _ in columns]) for row in rows],
            [(group.runs[0], group.label, slots.get(group.runs[0])) for _, group in columns],
        )
        word = "key" if equal == 1 else "keys"
        what = f"{equal} {'' if alone else 'equal '}{word}"
        self.equal.setText(f"Hide {what}" if self.unfolded else what)
        self.equal.setToolTip("Keys that all runs have alike (d)")
        self.equal.setVisible(bool(equal))
        seeds = sorted({run.seed for run in comparison.runs})
        shown = ", ".join(str(seed) for seed in seeds)
        self.seeds.set_text(f"seed {shown}" if len(seeds) == 1 else f"seeds {shown}")
        self.same.set_text(" ".join(stands_on(found.identities)) if not alone else "")
        self.same.setVisible(bool(self.same.text()))


def _of(row: ConfigRow, places: Sequence[int]) -> ConfigRow:
    """The same key of the runs at these places: the seeds of a configuration have all of them alike."""
    values, unlike = (tuple(part[at] for at in places) for part in (row.values, row.unlike))
    return replace(row, values=values, unlike=unlike)


def stands_on(identities: tuple[Identity, ...]) -> list[str]:
    """Whether the runs stand on the same, in as few lines as tell it: what is certainly the same in one."""
    same = [one.what[0].lower() + one.what[1:] for one in identities if one.same and one.by == "digest"]
    lines = [one.note for one in identities if not (one.same and one.by == "digest")]
    if same:
        first = f"{', '.join(same[:-1])} and {same[-1]}" if len(same) > 1 else same[0]
        verb = "are" if len(same) > 1 or first.endswith("s") else "is"
        lines.insert(0, f"{first[0].upper()}{first[1:]} {verb} the same in all, by digest.")
    return lines
