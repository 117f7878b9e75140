"""Words that several screens share: what is offered in their combo boxes, and what iterations, sources and labelers are
called."""

from __future__ import annotations

from sapo_studio.domain.labelers import registry

OUTCOMES = (("All outcomes", "all"), ("Incorrect", "wrong"), ("Correct", "right"))

FOUND = tuple((words, case) for case, words in registry.CASES.items())
"""What a labeler can have found: the cases of self-verification, and how the others came to their labels."""

CASES = (("All cases", ""), *FOUND)

SOURCES = (
    ("Samples", "sample"),
    ("Task's own solutions", "solution"),
    ("Expanded rollouts", "expansion"),
    ("Process benchmark", "process"),
    ("Evaluation sets", "test"),
)

SOURCE_WORDS = {
    "solution": "the task's own",
    "expansion": "expanded rollout",
    "process": "benchmark",
    "test": "evaluation set",
    "import": "imported",
}
"""What a trajectory is called that is no sample."""


def iteration_name(iteration: int) -> str:
    """What an iteration is called on an axis: 0 is the state before the first one."""
    return "start" if iteration == 0 else f"it {iteration}"
