"""What a task looks like to a reasoner (`sapo doctor --task` asks). No torch here."""

from __future__ import annotations

from typing import Any

from sapo_engine.tasks.kinds import KINDS, grader_for, load_problems
from sapo_engine.tasks.written import WrittenTask
from sapo_studio.config.schema import parse_config
from sapo_studio.requests.kinds import PreviewRequest

TRIED = 50
"""Reference solutions that are graded."""


def preview(task: dict[str, Any], count: int) -> dict[str, Any]:
    """Rows, splits, a prompt, how solutions are cut, and which reference solutions are not graded as right."""
    config = parse_config({"task": task, "model": {"source": "bundled:lab"}}, source="the task").task
    kind = KINDS[config.kind]
    problems = load_problems(kind, config.train_data or kind.hub_train)
    written = WrittenTask(config, 0)
    train = [question for question in written.questions("train") if question.steps]
    solved = [problem for problem in problems if problem.solution][:TRIED]
    wrong: list[dict[str, str]] = []
    sandbox = ""
    if written.is_code:
        from sapo_engine.grading.programs import probe

        sandbox = ": ".join(part for part in probe() if part)
    grader = grader_for(kind, config, code=written.is_code)
    try:
        for problem, grade in zip(solved, grader.grade([(p, p.solution) for p in solved]), strict=True):
            if not grade.correct:
                wrong.append({"id": problem.id, "reason": grade.reason})
    finally:
        grader.close()
        written.close()
    return {
        "task": config.kind,
        "rows": len(problems),
        "splits": {split: len(written.questions(split)) for split in ("train", "development", "test")},
        "with_solution": sum(bool(problem.solution) for problem in problems),
        "prompt": written.prompt(train[0]) if train else written.prompt(written.questions("train")[0]),
        "solutions": [{"question": question.text, "steps": list(question.steps)} for question in train[:count]],
        "graded": len(solved),
        "wrong": wrong,
        "sandbox": sandbox,
    }


def answer(request: PreviewRequest) -> dict[str, Any]:
    """See PreviewRequest."""
    task = {
        "kind": request.task,
        "train_data": request.data,
        "steps": request.steps,
        "step_pattern": request.pattern,
    }
    return preview(task, request.count)
