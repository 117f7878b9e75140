"""How long a task's texts can be, as far as a configuration tells without its data."""

from __future__ import annotations

from sapo_studio.config.engine_limits import ANSWER_TOKENS, CODE_TOKENS, lab_tokens
from sapo_studio.config.sections.task import TaskConfig
from sapo_studio.domain.task_kinds import LAB, TASK_KINDS


def longest_text(task: TaskConfig) -> int:
    """Tokens of the longest prompt, worked examples included, with the longest solution: what the forecast reckons with
    where it finds no file to measure (`sapo_studio.forecast.lengths`)."""
    if task.kind == LAB:
        return 7 + task.max_steps + lab_tokens(task.max_steps)
    kind = TASK_KINDS[task.kind]
    usual = kind.lengths
    examples = task.shots * (usual.prompt + usual.solution) if task.prompt == "few-shot" else 0
    limit = task.max_new_tokens or (CODE_TOKENS if kind.solutions == "programs" else ANSWER_TOKENS)
    return usual.longest_prompt + examples + limit
