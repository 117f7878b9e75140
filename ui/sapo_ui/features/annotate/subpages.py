"""What the Annotate page switches between. A subpage is one file beside this one and one line here."""

from __future__ import annotations

from sapo_ui.features.annotate.conflicts import ConflictsPage
from sapo_ui.features.annotate.gold import GoldPage
from sapo_ui.features.annotate.judge_page import JudgePage
from sapo_ui.features.annotate.subpage import SubpageSpec

SUBPAGES: tuple[SubpageSpec, ...] = (
    SubpageSpec("judge", "Judge", JudgePage),
    SubpageSpec("conflicts", "Conflicts", ConflictsPage),
    SubpageSpec("gold", "Gold", GoldPage),
)
"""The first is in front when the page opens."""
