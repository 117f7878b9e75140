"""What a filter does for the verifier: measured when somebody asks, by a shadow that is trained on what it keeps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from sapo_studio.app.studies.shadow import Shadow
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.labels import label

NOT_MEASURED = "not measured"
ASKS = (
    "Train a verifier from the same start on the labels that the filter keeps, and hold it against the run's own on the"
    " process benchmark. The run stays as it is."
)

BUSY = "A shadow of another verifier is being trained: one at a time"


class EffectRow(QWidget):
    """A sentence, and a button that measures, or ends the measuring."""

    measure = Signal()
    cancel = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = label("", "small", "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(theme.SPACE_1)
        self.bar.setAccessibleName("How far the shadow verifier is")
        self.button = QPushButton("Measure effect")
        self.button.clicked.connect(self._pressed)
        self._running = False
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.SPACE_2)
        line.addWidget(self.note, 1)
        line.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        column.addLayout(line)
        column.addWidget(self.bar)
        self.show_running(None)

    def show_found(self, found: Shadow | None, seconds: float | None) -> None:
        """Show what was measured; `seconds`: how long it takes to measure, about, where that is known."""
        if self._running:
            return
        self.button.setVisible(found is None)
        if found is None:
            takes = f" It takes about {fmt.duration(seconds)}." if seconds else ""
            self.note.setText(f"Effect on the verifier: {NOT_MEASURED}.{takes}")
            return
        difference = found.difference
        low, high = (fmt.points(difference[end]).removesuffix("pt").rstrip() for end in ("low", "high"))
        sure = "" if difference["low"] > 0 or difference["high"] < 0 else " No difference is shown."
        self.note.setText(f"Verifier {fmt.points(difference['value'], signed=True)} ({low} to {high} pt).{sure}")

    def show_running(self, done: float | None, *, busy: bool = False) -> None:
        """Show how far the measuring is, a fraction of 1; None: it is not measured. `busy`: something else is."""
        self._running = done is not None
        self.bar.setVisible(done is not None)
        self.button.setText("Cancel" if done is not None else "Measure effect")
        self.button.setToolTip("End the training; nothing is kept" if done is not None else BUSY if busy else ASKS)
        self.button.setEnabled(not busy)
        if done is not None:
            self.button.setVisible(True)
            self.bar.setValue(round(100 * done))
            self.note.setText(f"Training a shadow verifier: {done:.0%}" if done else "Starting the engine")

    def _pressed(self) -> None:
        (self.cancel if self._running else self.measure).emit()
