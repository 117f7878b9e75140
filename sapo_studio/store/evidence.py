"""What is known of each step of the trajectories that an iteration has labeled: read for the audit of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.step_evidence import StepEvidence, Tries
from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.human_verdicts import said_by_each
from sapo_studio.store.traces import parse_scores, parse_steps

_OWN = (*LABELERS, "expansion")
"""Whose labels are the run's own; any other source of labels is a second grader."""


@dataclass(frozen=True, slots=True)
class LabeledTrajectory:
    """A trajectory with an incorrect answer: its texts, and what is known of its steps."""

    question: str
    steps: Sequence[str]
    evidence: StepEvidence


def labeled_iterations(store: Store, run_id: str) -> list[int]:
    """The iterations of a run that have labels of sampled trajectories, in order."""
    found = store.rows(
        "SELECT DISTINCT t.iteration FROM trajectories t WHERE t.run_id = ? AND t.source = 'sample'"
        " AND EXISTS (SELECT 1 FROM labels l WHERE l.trajectory_id = t.id) ORDER BY t.iteration",
        (run_id,),
    )
    return [iteration for (iteration,) in found]


def evidence(store: Store, run_id: str, iteration: int) -> list[LabeledTrajectory]:
    """Trajectories with an incorrect answer that the run has labeled in this iteration, by id, with the scores of the
    verifier before. Those with a correct answer are labeled by definition, and left out.

    A rollout counts for every trajectory that begins with its prefix: the run makes it once. Raises StoreFault where a
    row cannot be read.
    """
    own = ", ".join("?" * len(_OWN))
    rows = store.rows(
        "SELECT t.id, t.question_id, q.text, t.steps, t.truth, l.labels, s.scores"
        " FROM trajectories t JOIN questions q ON q.id = t.question_id"
        f" JOIN labels l ON l.trajectory_id = t.id AND l.iteration = t.iteration AND l.source IN ({own})"
        " LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier = ?"
        " WHERE t.run_id = ? AND t.iteration = ? AND t.source = 'sample' AND t.correct = 0 ORDER BY t.id",
        (*_OWN, iteration - 1, run_id, iteration),
    )
    steps = {row[0]: parse_steps(store, row[3], row[0]) for row in rows}
    questions = {row[0]: row[1] for row in rows}
    rollouts = _rollouts(store, run_id, iteration, steps, questions)
    graders = _graders(store, run_id, iteration)
    people = said_by_each(store, min(steps), max(steps)) if steps else {}
    found: list[LabeledTrajectory] = []
    for trajectory, question, text, _, truth, labels, blob in rows:
        with reading(store.path, f"the scores of trajectory {trajectory}"):
            scores = unpack_scores(blob or b"").tolist()
            if len(labels) != len(steps[trajectory]) or len(scores) not in (0, len(labels)):
                raise ValueError("steps, labels and scores differ in number")
        one = StepEvidence(
            trajectory,
            question,
            labels,
            scores=scores,
            rollouts=rollouts.get(trajectory, {}),
            graders={name: marks for name, marks in graders.get(trajectory, {}).items() if len(marks) == len(labels)},
            people={person.name: person.judgements for person in people.get(trajectory, ())},
            truth=truth,
        )
        found.append(LabeledTrajectory(text, steps[trajectory], one))
    return found


@dataclass(frozen=True, slots=True)
class ExpandedRollout:
    """A rollout that was kept as a labeled trajectory of its own. `question`: id in the store."""

    trajectory: int
    question: int
    steps: Sequence[str]
    labels: str
    correct: bool


def expanded_rollouts(store: Store, run_id: str, iteration: int) -> list[ExpandedRollout]:
    """The expanded rollouts among an iteration's labels. Raises StoreFault where a row cannot be read."""
    return [
        ExpandedRollout(trajectory, question, parse_steps(store, steps, trajectory), labels, bool(correct))
        for trajectory, question, steps, labels, correct in store.rows(
            "SELECT t.id, t.question_id, t.steps, l.labels, t.correct FROM labels l"
            " JOIN trajectories t ON t.id = l.trajectory_id"
            " WHERE t.run_id = ? AND l.iteration = ? AND l.source = 'expansion' ORDER BY t.id",
            (run_id, iteration),
        )
    ]


def correct_scores(store: Store, run_id: str, iteration: int) -> list[list[float]]:
    """Scores by the verifier before of the labeled trajectories with a correct answer, a list each."""
    rows = store.rows(
        "SELECT t.id, s.scores FROM trajectories t JOIN scores s ON s.trajectory_id = t.id AND s.verifier = ?"
        " WHERE t.run_id = ? AND t.iteration = ? AND t.source = 'sample' AND t.correct = 1"
        " AND EXISTS (SELECT 1 FROM labels l WHERE l.trajectory_id = t.id) ORDER BY t.id",
        (iteration - 1, run_id, iteration),
    )
    return [parse_scores(store, blob, trajectory).tolist() for trajectory, blob in rows]


def _rollouts(
    store: Store, run_id: str, iteration: int, steps: dict[int, list[str]], questions: dict[int, int]
) -> dict[int, dict[int, Tries]]:
    counted = store.rows(
        "SELECT r.trajectory_id, r.prefix, sum(r.correct), count(*) FROM rollouts r"
        " JOIN trajectories t ON t.id = r.trajectory_id"
        " WHERE t.run_id = ? AND t.iteration = ? AND r.iteration = ? AND r.prefix > 0 GROUP BY 1, 2",
        (run_id, iteration, iteration),
    )
    by_prefix = {
        (questions[trajectory], *steps[trajectory][:prefix]): Tries(succeeded, made)
        for trajectory, prefix, succeeded, made in counted
        if trajectory in steps
    }
    found: dict[int, dict[int, Tries]] = {}
    for trajectory, texts in steps.items():
        prefixes = ((size, (questions[trajectory], *texts[:size])) for size in range(1, len(texts) + 1))
        found[trajectory] = {size: by_prefix[prefix] for size, prefix in prefixes if prefix in by_prefix}
    return found


def _graders(store: Store, run_id: str, iteration: int) -> dict[int, dict[str, str]]:
    own = ", ".join("?" * len(_OWN))
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for trajectory, source, labels in store.rows(
        "SELECT l.trajectory_id, l.source, l.labels FROM labels l JOIN trajectories t ON t.id = l.trajectory_id"
        f" WHERE t.run_id = ? AND t.iteration = ? AND l.source NOT IN ({own})",
        (run_id, iteration, *_OWN),
    ):
        found[trajectory][source] = labels
    return found
