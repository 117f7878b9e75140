"""A reasoner on test questions, its run's own or an evaluation set's: its greedy and sampled solutions as trajectories,
and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sapo_engine.evaluation.accuracy import Sampled, Solved, solve
from sapo_engine.grading.base import Grade
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.numbering import SET_ITERATION, SET_TRAJECTORIES, SETS
from sapo_engine.rollouts.asked import EvalSet
from sapo_engine.tasks.base import Question
from sapo_engine.text.trajectory import Trajectory, TrajectoryDraft
from sapo_engine.text.trajectory_builder import TrajectoryBuilder


class Watch(Protocol):
    """Whoever has solutions written: is told how far that is, and may end it by what it raises."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` solutions."""
        ...

    def poll_control(self) -> None:
        """A moment between two steps."""
        ...


def set_trajectories(
    asked: EvalSet, model: Reasoner, iteration: int, questions: Sequence[Question], first: int, watch: Watch
) -> list[Trajectory]:
    """The solutions of `questions`, the set's from the `first` on, as `solutions` has them. `watch` hears of all of
    them, the greedy one of each question and then the sampled ones.

    The same random keys in every iteration: what differs between two iterations is the reasoner.
    """
    name, samples, count = f"set {asked.name}", asked.samples, len(questions)

    def tell(done: int) -> None:
        watch.progress(done, count * (1 + samples))

    greedy = solve(asked, model, questions, f"{name} greedy", 1, greedy=True, tick=lambda done, _: tell(done))
    watch.poll_control()
    sampled = solve(asked, model, questions, name, samples, tick=lambda done, _: tell(count + done))
    block = SETS + SET_ITERATION * iteration + SET_TRAJECTORIES * asked.place
    return solutions(asked.builder, questions, greedy, sampled, iteration, block + first * (samples + 1))


def solutions(
    builder: TrajectoryBuilder,
    questions: Sequence[Question],
    greedy: Sequence[Sequence[Solved]],
    sampled: Sequence[Sequence[Solved]],
    iteration: int,
    first: int,
) -> list[Trajectory]:
    """The greedy solution of each question (sample 0), and its samples (from 1 on; equal ones once, with their
    `copies`). Their numbers begin at `first`; a question has one more than it has samples."""
    found: list[Trajectory] = []
    for offset, question in enumerate(questions):
        base = first + offset * (len(sampled[offset]) + 1)
        verdicts: dict[tuple[int, ...], Grade] = dict(sampled[offset])
        copies = Counter(tokens for tokens, _ in sampled[offset])
        (best, grade) = greedy[offset][0]
        drafts = [(0, best, 1, grade)]
        drafts += [(k, tokens, times, verdicts[tokens]) for k, (tokens, times) in enumerate(copies.items(), start=1)]
        for sample, tokens, times, verdict in drafts:
            draft = TrajectoryDraft(
                question, tokens, base + sample, iteration=iteration, sample=sample, copies=times, source="test"
            )
            found.append(builder.trajectory(draft, verdict))
    return found


def counts(questions: Sequence[Question], samples: int, trajectories: Sequence[Trajectory]) -> tuple[Sampled, Sampled]:
    """What solutions of these questions come to, greedy and sampled; where every first error is known also how many
    samples are correct at every step."""
    greedy, sampled, sound = ({question.number: 0 for question in questions} for _ in range(3))
    known = all(t.truth is not None for t in trajectories)
    for t in trajectories:
        (sampled if t.sample else greedy)[t.question] += t.copies if t.correct else 0
        sound[t.question] += t.copies if t.sample and t.correct and t.truth == 0 else 0
    whole = list(sound.values()) if known else None
    return Sampled(list(greedy.values()), 1), Sampled(list(sampled.values()), samples, whole)


def as_stored(asked: EvalSet, trajectory: Trajectory) -> Trajectory:
    """`trajectory` with its question's number in the run: sets number their questions alike."""
    return replace(trajectory, question=stored_number(asked, trajectory.question))


def stored_number(asked: EvalSet, question: int) -> int:
    """The number in the run of a set's question."""
    return question + SET_TRAJECTORIES * asked.place
