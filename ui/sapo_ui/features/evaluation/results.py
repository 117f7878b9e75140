"""What was measured: the tables that `sapo evaluate` prints, below each other."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.app.studies import verifier_page
from sapo_ui import theme
from sapo_ui.features.evaluation.sheet_table import SheetTable
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.plain_text import breakable

NOTHING_YET = "What is measured stands here."


class Results(QScrollArea):
    """Empty until something is shown. Knows no store: it is given the answer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Results")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tables: list[SheetTable] = []
        self.notes: list[str] = []
        """What has to be known beside the numbers, as it is shown."""
        self.show_words(NOTHING_YET)

    def show_words(self, text: str) -> None:
        """Say why there is nothing."""
        self.tables, self.notes = [], []
        said = label(text, "body", "muted", wrap=True)
        said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWidget(said)

    def show_found(self, found: dict[str, Any], measured_on: str) -> None:
        """Show what an evaluation came to; `measured_on`: what its benchmark is called."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_3)
        column.setSpacing(theme.SPACE_1)
        head = ElidedLabel(theme.font("title"))
        head.set_text(verifier_page.head(found))
        column.addWidget(head)
        on = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        on.set_text(f"On {measured_on}")
        column.addWidget(on)
        self.notes = [
            *([verifier_page.NO_BENCHMARK] if found["benchmark"] is None else []),
            *verifier_page.warnings(found),
        ]
        for text in self.notes:
            note = Notice("warning")
            note.say(breakable(text))
            column.addWidget(note)
        self.tables = [SheetTable(sheet) for sheet in verifier_page.sheets(found)]
        for table in self.tables:
            title = ElidedLabel(theme.font("strong"))
            title.set_text(table.sheet.title)
            column.addSpacing(theme.SPACE_2)
            column.addWidget(title)
            column.addWidget(table)
        column.addStretch(1)
        self.setWidget(inside)  # the one before goes
