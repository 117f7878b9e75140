"""All labelers, in the order in which they are listed, and the choices that follow from it.

A new labeler is a file beside this one with its `Labeler`, and its name in `ALL`.
"""

from __future__ import annotations

from sapo_studio.domain.labelers.base import Labeler
from sapo_studio.domain.labelers.omega import OMEGA
from sapo_studio.domain.labelers.outcome import OUTCOME
from sapo_studio.domain.labelers.sapo import SAPO
from sapo_studio.domain.labelers.sapo_search import SEARCH
from sapo_studio.domain.labelers.shepherd import SHEPHERD

ALL: tuple[Labeler, ...] = (
    SAPO,
    SEARCH,
    OMEGA,
    SHEPHERD,
    OUTCOME,
)

LABELERS: dict[str, Labeler] = {labeler.key: labeler for labeler in ALL}
"""By key."""

COMPARED: dict[str, Labeler] = {
    key: labeler for key, labeler in LABELERS.items() if labeler.configured and labeler.rolls_out
}
"""Those whose costs are set side by side: what one has spent, the others are estimated to."""

NONE = "none"
"""In the configuration's place for a labeler: no labels and no verifier."""

CHOICES: tuple[str, ...] = (*(key for key, labeler in LABELERS.items() if labeler.configured), NONE)
"""What may label from iteration 1 on, by key."""

START_CHOICES: tuple[str, ...] = tuple(
    key for key, labeler in LABELERS.items() if labeler.configured and not labeler.guided
)
"""What may make the first labels, before there is a verifier."""

CHOICES_HELP = " ".join(
    [
        *(f"`{key}`: {labeler.help}." for key, labeler in LABELERS.items() if labeler.configured),
        f"`{NONE}`: no labels and no verifier (plain rejection sampling).",
    ]
)
"""What the choices mean, in a sentence each."""

CASES: dict[str, str] = {case: words for labeler in ALL for case, words in labeler.cases.items()}
"""How a trajectory's labels can have come about: the case in the store, and the words for people."""
