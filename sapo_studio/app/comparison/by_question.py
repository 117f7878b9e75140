"""Two runs question by question, with the traces behind each answer."""

from __future__ import annotations

from typing import Literal

from sapo_studio.app.comparison.records import Outcome, Picked, QuestionByQuestion
from sapo_studio.store.db import Store

Sort = Literal["gap", "question"]


def questions(
    store: Store,
    left: str | Picked,
    right: str | Picked,
    *,
    set: str = "",
    outcome: Outcome | None = None,
    sort: Sort = "gap",
    offset: int = 0,
    limit: int = 50,
    common: bool = False,
) -> QuestionByQuestion:
    """A page of the questions that two runs answered. `outcome` None: all of them. `sort`: `gap`, where the sides lie
    furthest apart first (left ahead first where left alone is correct, right ahead where right alone is), or
    `question`. `common`: where they answer different sets of questions, those that both have.

    Raises InputError as `compare` does.
    """
    raise NotImplementedError
