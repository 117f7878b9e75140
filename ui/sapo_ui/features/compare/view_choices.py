"""What is shown of the picked runs, as it was chosen last."""

from __future__ import annotations

from typing import get_args

from sapo_studio.app.comparison.records import Axis
from sapo_ui.features.compare.figures import TABS
from sapo_ui.services.picks import Picks


class ViewChoices:
    """Kept with the picks, in words; a word that means nothing here counts as not chosen."""

    def __init__(self, picks: Picks) -> None:
        self._picks = picks

    @property
    def metric(self) -> str:
        """The metric in front."""
        chosen = self._picks.view.get("metric", "")
        return chosen if chosen in TABS else TABS[0]

    @property
    def axis(self) -> Axis:
        """What curves go along."""
        chosen = self._picks.view.get("axis", "")
        return next((axis for axis in get_args(Axis) if axis == chosen), "iteration")

    @property
    def set(self) -> str:
        """The evaluation set; empty: the runs' own test questions."""
        return self._picks.view.get("set", "")

    @property
    def common(self) -> bool:
        """Whether to compare on the questions that all have, where these are not the same."""
        return self._picks.view.get("common") == "1"

    @property
    def every_pair(self) -> bool:
        """Whether all are compared with each other, not only with the baseline."""
        return self._picks.view.get("every_pair") == "1"

    @property
    def papers(self) -> bool:
        """Whether a paper's figures are shown, where there are any."""
        return self._picks.view.get("papers") != "0"

    def change(self, name: str, value: object) -> bool:
        """Choose something by the name of its property. Whether it is another than before."""
        text = ("1" if value else "0") if isinstance(value, bool) else str(value)
        if self._picks.view.get(name, "") == text:
            return False
        self._picks.view[name] = text
        if name == "set":
            self._picks.view.pop("common", None)
        return True

    def forget_questions(self) -> bool:
        """Compare on what all runs have: their own test questions. Whether that is another than before."""
        before = self.set, self.common
        for name in ("set", "common"):
            self._picks.view.pop(name, None)
        return before != (self.set, self.common)
