"""To be worded."""

from __future__ import annotations

from sapo_engine.tasks import Question
from sapo_studio.events.kinds import QuestionRow

ROWS = 500
"""Rows an event."""


def question_row(question: Question, solution: str) -> QuestionRow:
    """What the store keeps of a question."""
    return QuestionRow(
        number=question.number, split=question.split, text=question.text, solution=solution, answer=question.answer
    )
