"""What the Annotate page switches between. A subpage is one file beside this one and one line here."""

from __future__ import annotations

from sapo_ui.features.annotate.judge_page import JudgePage
from sapo_ui.features.annotate.subpage import SubpageSpec

SUBPAGES: tuple[SubpageSpec, ...] = (SubpageSpec("judge", "Judge", JudgePage),)
"""The first is in front when the page opens."""
