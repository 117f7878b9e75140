"""The line above the New run form: which preset it is filled from, a file to fill it from, the way back and out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from sapo_studio.readable import counted
from sapo_ui import theme
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.widgets.elided_combo import ElidedCombo
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.plain_text import PlainLabel


class TopBar(QWidget):
    """Says what the form began with, and asks for something else."""

    chosen = Signal(object)
    """(PresetChoice)"""
    open_wanted = Signal()
    discard_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, choices: Sequence[PresetChoice], parent: QWidget) -> None:
        super().__init__(parent)
        self._choices = list(choices)
        self._begun = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        title = PlainLabel("New run", self)
        title.setFont(theme.font("heading"))
        row.addWidget(title)
        row.addSpacing(8)
        self.preset = ElidedCombo("Preset", 208)
        self.preset.setFont(theme.font("body"))
        self.preset.setFixedHeight(theme.CONTROL_HEIGHT)
        self.preset.setAccessibleDescription("Fills in the whole form.")
        self.preset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._offer()
        self.preset.activated.connect(self._preset_chosen)
        row.addWidget(self.preset)
        self.open_button = QPushButton("Open TOML\u2026", self)
        self.open_button.setToolTip("Fill the form from a configuration file")
        self.open_button.clicked.connect(self.open_wanted)
        row.addWidget(self.open_button)
        self.about = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        row.addWidget(self.about, 1)
        self.afresh = QPushButton("Discard draft", self)
        self.afresh.setToolTip("Back to what the form began with")
        self.afresh.clicked.connect(self.discard_wanted)
        self.afresh.hide()
        row.addWidget(self.afresh)
        cancel = QPushButton("Cancel", self)
        cancel.setProperty("look", "quiet")
        cancel.setToolTip("Leave the form and keep it as a draft (Esc)")
        cancel.clicked.connect(self.cancel_wanted)
        row.addWidget(cancel)

    def _preset_chosen(self, at: int) -> None:
        self.chosen.emit(self._choices[at])

    def _offer(self) -> None:
        self.preset.fill([(choice.name, choice.name) for choice in self._choices], None)

    def add(self, choice: PresetChoice) -> None:
        """Offer one more preset, or another in place of one of its name."""
        self._choices = [known for known in self._choices if known.name != choice.name]
        self._choices.append(choice)
        self._offer()

    def tell_origin(self, preset: str, origin: str) -> None:
        """The form is filled from `preset`; where there is none of this name, from `origin`."""
        at = next((at for at, choice in enumerate(self._choices) if choice.name == preset), -1)
        self.preset.setCurrentIndex(at)
        self.preset.setPlaceholderText(f"({origin})")
        self._begun = self._choices[at].about if at >= 0 else f"from {origin}"

    def tell_changed(self, changed: int, *, touched: bool) -> None:
        """So many values differ from what the form began with; `touched`: by hand."""
        more = f", {counted(changed, 'value')} changed" if changed else ""
        self.about.set_text(f"{self._begun.rstrip('.')}{more}" if self._begun else more.removeprefix(", "))
        self.afresh.setVisible(touched and bool(changed))
