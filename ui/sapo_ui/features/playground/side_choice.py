"""Which checkpoint answers on a side, and which verifier scores it: two lists to search, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from sapo_studio.app.playground.checkpoints import CheckpointChoice, VerifierChoice
from sapo_studio.requests.play import Side
from sapo_ui import theme
from sapo_ui.services.playground import SideChoice
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.search_chooser import Option, SearchChooser

NOTHING = ""
"""The key of no checkpoint, or no verifier."""


def key_of(one: CheckpointChoice | VerifierChoice | None) -> str:
    """What a choice is remembered by: `lab-demo-1@3`."""
    return NOTHING if one is None else f"{one.run_id}@{one.iteration}"


class SideChooser(QWidget):
    """`may_be_empty`: "Nothing" is offered, too, for a page with one side."""

    changed = Signal()

    def __init__(self, side: Side, *, may_be_empty: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._side: Side = side
        self._may_be_empty = may_be_empty
        self._checkpoints: dict[str, CheckpointChoice] = {}
        self._verifiers: dict[str, VerifierChoice] = {}
        number = "first" if side == "a" else "second"
        self.checkpoint = SearchChooser(f"The {number} checkpoint", "No checkpoint has these letters.")
        self.verifier = SearchChooser(f"The verifier of the {number} checkpoint", "No verifier has these letters.")
        self.verifier.setFixedWidth(112)
        self.scored = label("scored by", "small", "muted")
        self.checkpoint.chosen.connect(self._checkpoint_chosen)
        self.verifier.chosen.connect(self._verifier_chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.checkpoint, 1)
        row.addWidget(self.scored)
        row.addWidget(self.verifier)

    # -- What can be chosen

    def offer(self, known: Sequence[CheckpointChoice]) -> None:
        """Offer these; what is chosen stays chosen where it is among them."""
        kept, verifier = self.checkpoint.key, self.verifier.key
        self._checkpoints = {key_of(one): one for one in known}
        options = [Option(key, one.run_name, one.short) for key, one in self._checkpoints.items()]
        if self._may_be_empty:
            options.insert(0, Option(NOTHING, "Nothing", "one side"))
        self.checkpoint.set_options(options)
        self.checkpoint.set_key(kept)
        self._offer_verifiers(verifier)

    def choose(self, checkpoint: str, verifier: str | None = None) -> bool:
        """Choose what `key_of` names, without a signal. False where it is not offered. `verifier` None: the newest."""
        if checkpoint not in self._checkpoints and not (checkpoint == NOTHING and self._may_be_empty):
            return False
        self.checkpoint.set_key(checkpoint)
        self._offer_verifiers(verifier)
        return True

    def _offer_verifiers(self, wanted: object) -> None:
        one = self._chosen
        self._verifiers = {} if one is None else {key_of(verifier): verifier for verifier in one.verifiers}
        options = [
            Option(key, v.short, "" if one is not None and v.run_id == one.run_id else v.name.rpartition(",")[0])
            for key, v in self._verifiers.items()
        ]
        self.verifier.set_options([*options, Option(NOTHING, "nothing")])
        usual = key_of(one.verifier) if one is not None else NOTHING
        self.verifier.set_key(wanted if wanted in self._verifiers or wanted == NOTHING else usual)
        for part in (self.scored, self.verifier):
            part.setVisible(one is not None)

    def _checkpoint_chosen(self) -> None:
        before = self.verifier.key
        self._offer_verifiers(before if before in self._verifiers or not before else None)
        self.changed.emit()

    def _verifier_chosen(self) -> None:
        self.changed.emit()

    # -- What is chosen

    @property
    def _chosen(self) -> CheckpointChoice | None:
        return self._checkpoints.get(str(self.checkpoint.key)) if self.checkpoint.key is not None else None

    @property
    def choice(self) -> SideChoice | None:
        """None: nothing answers on this side."""
        one = self._chosen
        return None if one is None else SideChoice(self._side, one, self._verifiers.get(str(self.verifier.key)))

    @property
    def keys(self) -> tuple[str, str]:
        """Checkpoint and verifier as they are remembered."""
        return str(self.checkpoint.key or NOTHING), str(self.verifier.key or NOTHING)
