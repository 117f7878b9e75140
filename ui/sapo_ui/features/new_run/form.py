"""The form of a new run: sections of rows that scroll, of which those are made that are to be seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.field_row import FieldRow
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.features.new_run.hints import hint
from sapo_ui.features.new_run.section import Section
from sapo_ui.wording import SECTION_TITLES

FIRST = 8
"""Rows that are there when the form opens: the upper half of the first screen."""
AT_ONCE = 5
"""Rows that are made in one go after that: the window answers between them."""


class Rows(dict[str, FieldRow]):
    """The rows that have been made, by dotted path; one that is asked for and has none is made."""

    def __init__(self, make: Callable[[str], FieldRow]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, path: str) -> FieldRow:
        return self._make(path)


class RunForm(QScrollArea):
    """Shows the settings it is told to (`show_paths`). Values of settings without a row are the page's to keep."""

    made = Signal(object)
    """(FieldRow) A row has just been made; it wants its value."""
    section_reached = Signal(str)
    """(section) It has come to the top."""

    def __init__(self, specs: Sequence[FieldSpec], parent: QWidget) -> None:
        super().__init__(parent)
        self.specs = tuple(specs)
        self.rows = Rows(self._made_for)
        self.after: QWidget | None = None
        """What Tab leaves for the form."""
        self._wanted: frozenset[str] = frozenset()
        self._jumping = False
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(self.horizontalScrollBarPolicy().ScrollBarAlwaysOff)
        self.setFocusPolicy(self.focusPolicy().NoFocus)
        inside = QWidget(self.viewport())
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 12)
        column.setSpacing(8)
        self.sections: dict[str, Section] = {}
        for key, title in SECTION_TITLES.items():
            mine = [spec for spec in self.specs if spec.section == key]
            if mine:
                self.sections[key] = Section(key, title, mine, inside)
                column.addWidget(self.sections[key])
        column.addStretch(1)
        self.setWidget(inside)
        self._more = QTimer(self)
        self._more.setInterval(0)
        self._more.timeout.connect(self._make_portion)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    def show_paths(self, paths: Collection[str]) -> None:
        """Show these settings and no others. The rows that are missing are made in small portions."""
        self._wanted = frozenset(paths)
        for section in self.sections.values():
            section.show_rows(self._wanted)
        if any(section.lacking(self._wanted) for section in self.sections.values()):
            if not self.rows:
                self._make_some(FIRST)
            self._more.start()

    def make_all(self) -> None:
        """Make every row that is wanted, now."""
        while self._make_some():
            pass

    def _made_for(self, path: str) -> FieldRow:
        """The row of a setting that had none. KeyError where there is no such setting."""
        spec = next((spec for spec in self.specs if spec.path == path), None)
        if spec is None:
            raise KeyError(path)
        return self._make(spec)

    def go_to(self, path: str) -> None:
        """Bring a setting into sight and give it the focus."""
        row = self.rows[path]
        self._settle()
        self.ensureWidgetVisible(row, 0, 80)
        row.take_focus()

    def keep_in_sight(self, path: str) -> None:
        """Scroll to a setting of which nothing is seen. Qt does so where Tab goes from row to row, and not where it
        comes from outside."""
        row = self.rows[path]
        if row.visibleRegion().isEmpty():
            self.ensureWidgetVisible(row, 0, 80)

    def go_to_section(self, key: str) -> None:
        """Scroll to a section, and give its first setting the focus."""
        section = self.sections[key]
        for spec in section.lacking(self._wanted):
            self._make(spec)
        self._settle()
        self._jumping = True  # the end of the form may come before its last section reaches the top
        self.verticalScrollBar().setValue(section.y())
        first = next((spec.path for spec in section.specs if spec.path in self._wanted), None)
        if first is not None:
            section.rows[first].take_focus()
        self._jumping = False

    def in_order(self) -> Iterator[str]:
        """The settings that are shown, from top to bottom."""
        for section in self.sections.values():
            yield from (spec.path for spec in section.specs if spec.path in self._wanted)

    def _settle(self) -> None:
        inside = self.widget()
        layout = inside.layout() if inside is not None else None
        if layout is not None:
            layout.activate()

    def _make_portion(self) -> None:
        self._make_some()

    def _make_some(self, most: int = AT_ONCE) -> bool:
        """Make a portion of what is missing. Returns whether something is still missing."""
        lacking = [(section, spec) for section in self.sections.values() for spec in section.lacking(self._wanted)]
        for _, spec in lacking[:most]:
            self._make(spec)
        if len(lacking) <= most:
            self._more.stop()
            self.order_focus()
        return len(lacking) > most

    def _make(self, spec: FieldSpec) -> FieldRow:
        row = self.sections[spec.section].make(spec)
        self.rows[spec.path] = row
        row.setVisible(spec.path in self._wanted)
        self.made.emit(row)
        return row

    def order_focus(self) -> None:
        """Tab goes from top to bottom, in whatever order rows were made, and comes here from `after`."""
        chain = [part for section in self.sections.values() for part in section.focusable()]
        for one, other in pairwise(([self.after] if self.after is not None else []) + chain):
            QWidget.setTabOrder(one, other)

    def _scrolled(self) -> None:
        if self._jumping:
            return
        top = self.verticalScrollBar().value() + 20
        reached = [section for section in self.sections.values() if not section.isHidden() and section.y() <= top]
        if reached:
            self.section_reached.emit(reached[-1].key)


def found_by(text: str, specs: Sequence[FieldSpec], values: Mapping[str, Any]) -> list[str]:
    """The settings whose name, key, help or hint has every word of `text`."""
    words = text.casefold().split()

    def haystack(spec: FieldSpec) -> str:
        parts = (spec.label, spec.path, SECTION_TITLES.get(spec.section, ""), hint(spec.path, values[spec.path]))
        return " ".join((*parts, spec.help, *spec.choices)).casefold()

    return [spec.path for spec in specs if form_spec.matters(spec, values) and all(w in haystack(spec) for w in words)]
