"""A card of the New run form: the fields of a section, of which those are seen that matter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.form_fields import FieldRow
from sapo_ui.features.new_run.form_spec import SECTION_TITLES, FieldSpec
from sapo_ui.theme import icons
from sapo_ui.widgets.plain_text import PlainLabel


class SectionCard(QFrame):
    """A card with a title and rows; all but the first fold away, and make their rows when they are first unfolded."""

    built = Signal()
    """The rows have just been made."""

    def __init__(self, title: str, specs: Sequence[FieldSpec], *, folds: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.specs = tuple(specs)
        self.rows: tuple[FieldRow, ...] = ()
        self._headings: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setSpacing(8)
        self.state = PlainLabel(parent=self)
        self.state.setProperty("look", "muted")
        self.state.setFont(theme.font("small"))
        self.body = QWidget(self)
        inner = QVBoxLayout(self.body)
        inner.setContentsMargins(0, 12, 0, 4)
        inner.setSpacing(14)
        self._inner = inner
        self.fold: QToolButton | None = None
        if folds:
            self.fold = QToolButton(self)
            self.fold.setText(title)
            self.fold.setFont(theme.font("strong"))
            self.fold.setCheckable(True)
            self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self.fold.setAccessibleDescription("Shows or hides the section")
            self.fold.toggled.connect(self.unfold)
            head.addWidget(self.fold)
            self.body.hide()
            theme.on_change(self, self._restyle)
        else:
            name = PlainLabel(title, self)
            name.setFont(theme.font("title"))
            head.addWidget(name)
        head.addStretch(1)
        head.addWidget(self.state)
        column.addLayout(head)
        column.addWidget(self.body)

    def build(self) -> None:
        """Make the rows, if that has not been done."""
        if self.rows:
            return
        section = ""
        rows: list[FieldRow] = []
        for spec in self.specs:
            if self.fold is None and spec.section != section:
                section = spec.section
                self._headings[section] = _subheading(SECTION_TITLES.get(section, section), self.body)
                self._inner.addWidget(self._headings[section])
            rows.append(FieldRow(spec, self.body))
            self._inner.addWidget(rows[-1])
        self.rows = tuple(rows)
        self.built.emit()

    def unfold(self, on: bool) -> None:
        """Show or hide the rows."""
        if on:
            self.build()
        self.body.setVisible(on)
        if self.fold is not None and self.fold.isChecked() != on:
            self.fold.setChecked(on)
        self._restyle()

    def show_what_matters(self, values: Mapping[str, Any], wrong: Collection[str] = ()) -> None:
        """Hide the rows that decide nothing beside these values (by dotted path), and the card if none is left. What is
        `wrong` is seen, whether it matters or not."""
        left = {spec.path for spec in self.specs if spec.path in wrong or form_spec.matters(spec, values)}
        for row in self.rows:
            row.setVisible(row.spec.path in left)
        for section, heading in self._headings.items():
            heading.setVisible(any(spec.path in left for spec in self.specs if spec.section == section))
        self.setVisible(bool(left))

    def _restyle(self) -> None:
        if self.fold is not None:
            name = "chevron-down" if self.fold.isChecked() else "chevron-right"
            self.fold.setIcon(icons.icon(name, theme.current().muted))


def _subheading(text: str, parent: QWidget) -> QWidget:
    holder = QWidget(parent)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    label = PlainLabel(text, holder)
    label.setFont(theme.font("strong"))
    line = QFrame(holder)
    line.setProperty("look", "line")
    row.addWidget(label)
    row.addWidget(line, 1)
    return holder
