"""Trajectories on their way to the store."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.evaluation.eval_set import as_stored, stored_number
from sapo_engine.phases.context import PhaseContext
from sapo_engine.rollouts.asked import EvalSet
from sapo_engine.tasks import Question
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.events.kinds import QuestionRow, Questions, Trajectories

ROWS = 500
"""Rows an event."""


def emit_trajectories(phase: PhaseContext, trajectories: Sequence[Trajectory]) -> None:
    """Send trajectories to the store and, before them, the questions they belong to (each once an attempt)."""
    session, sent = phase.context.session, phase.context.sent_questions
    for at in range(0, len(trajectories), ROWS):
        rows = trajectories[at : at + ROWS]
        new = sorted({t.question for t in rows} - sent)
        if new:
            sent.update(new)
            questions = [session.questions[number] for number in new]
            phase.emit(Questions(rows=[question_row(q, session.task.join(q.steps)) for q in questions]))
        phase.emit(Trajectories(rows=[t.row() for t in rows]))


def emit_set(
    phase: PhaseContext, asked: EvalSet, questions: Sequence[Question], trajectories: Sequence[Trajectory]
) -> None:
    """Send questions of an evaluation set, and solutions of theirs."""
    rows = [
        question_row(question, asked.task.join(question.steps)).model_copy(
            update={"number": stored_number(asked, question.number), "set": asked.name}
        )
        for question in questions
    ]
    phase.emit(Questions(rows=rows))
    for at in range(0, len(trajectories), ROWS):
        phase.emit(Trajectories(rows=[as_stored(asked, t).row() for t in trajectories[at : at + ROWS]]))


def question_row(question: Question, solution: str) -> QuestionRow:
    """What the store keeps of a question."""
    return QuestionRow(
        number=question.number, split=question.split, text=question.text, solution=solution, answer=question.answer
    )
