"""Turning the filter on or off for the labels that are written next; of a run that is done, for a new one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from sapo_studio.domain.consensus import Bounds
from sapo_ui import theme
from sapo_ui.services.label_audit import AuditView
from sapo_ui.widgets.labels import label


class FilterSwitch(QWidget):
    """`switched` tells whether the next labels are to be filtered with the bounds that are set. Nothing that is written
    changes."""

    switched = Signal(bool)
    cloned = Signal()
    """A new run with this filter is wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QCheckBox("Filter the next labels like this")
        self.box.clicked.connect(lambda: self.switched.emit(self.box.isChecked()))
        self.clone = QPushButton("Clone with this filter")
        self.clone.setToolTip("Open a new run with this run's configuration and this filter")
        self.clone.clicked.connect(self.cloned.emit)
        self.note = label("", "small", "muted", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(self.box)
        column.addWidget(self.clone, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)

    @property
    def going_on(self) -> bool:
        """Whether the run writes labels after this."""
        return not self.box.isHidden()

    def show_state(self, view: AuditView, bounds: Bounds) -> None:
        """Show what the run does, with the handles at `bounds`."""
        audit, next_labels = view.audit, view.next_labels
        going_on = next_labels is not None and (view.run.status.alive or view.run.status.resumable)
        on = audit.consensus != "off"
        same = (audit.configured.low, audit.configured.high) == (bounds.low, bounds.high)
        self.box.setVisible(going_on)
        self.clone.setVisible(not going_on)
        self.box.setChecked(on and same)
        if not going_on:
            self.note.setText("The run writes no more labels: a new one can use this filter.")
            return
        when = f"from the labels of iteration {next_labels} on"
        if on and not same:
            self.note.setText(
                f"On with {audit.configured.low:.2f} and {audit.configured.high:.2f}. Tick to use these bounds {when}."
            )
        else:
            later = "" if view.run.status.alive else ", once the run is resumed"
            self.note.setText(f"{'On' if on else 'Off'}. A change holds {when}{later}.")
