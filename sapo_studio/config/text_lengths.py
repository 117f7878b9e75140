"""How long questions and solutions are, in tokens, as far as a configuration tells without its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sapo_studio.config.engine_limits import ANSWER_TOKENS, CODE_TOKENS, lab_tokens
from sapo_studio.config.sections.task import TaskConfig
from sapo_studio.domain.task_kinds import LAB, TASK_KINDS


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of prompts and solutions, their usual (`prompt`, `solution`) and their greatest length, and steps."""

    prompt: int
    longest_prompt: int
    solution: int
    longest_solution: int
    steps: float
    assumption: str

    @property
    def step(self) -> float:
        """Tokens of a step."""
        return self.solution / self.steps

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with the longest solution."""
        return self.longest_prompt + self.longest_solution


def assumed_lengths(task: TaskConfig) -> Lengths:
    """What questions and solutions of `task` are like, by its kind alone."""
    if task.kind == LAB:
        steps = (task.min_steps + task.max_steps) / 2
        return Lengths(
            prompt=round(6 + steps),
            longest_prompt=7 + task.max_steps,
            solution=round(4 * steps) + 1,
            longest_solution=lab_tokens(task.max_steps),
            steps=steps,
            assumption=f"generated problems of {task.min_steps} to {task.max_steps} steps, 4 tokens per step",
        )
    kind = TASK_KINDS[task.kind]
    usual, longest = kind.lengths, CODE_TOKENS if kind.solutions == "programs" else ANSWER_TOKENS
    return Lengths(usual.prompt, usual.longest_prompt, usual.solution, longest, usual.steps, usual.told)


def as_asked(task: TaskConfig, found: Lengths, positions: int = 1 << 20) -> Lengths:
    """`found` with the limit and the worked examples that `task` asks for, for a model that takes `positions`
    tokens."""
    if task.kind == LAB:
        return found
    longest = task.max_new_tokens or assumed_lengths(task).longest_solution
    shots = task.shots if task.prompt == "few-shot" else 0
    told = "" if found.longest_solution == longest else f"; solutions of {longest} at most"
    if shots:
        told += f"; {shots} worked examples before each question"
    extra = shots * (found.prompt + found.solution)
    return replace(
        found,
        prompt=min(found.prompt + extra, positions),
        longest_prompt=min(found.longest_prompt + extra, positions),
        solution=min(found.solution, longest),
        longest_solution=min(longest, positions),
        assumption=found.assumption + told,
    )
