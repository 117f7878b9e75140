"""What a task looks like to a reasoner: `python -m sapo_engine.service.preview KIND [--data FILE]` prints one JSON
object.

`sapo doctor --task` starts this and shows it. No torch here.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from sapo_engine.service.tell import tell_error
from sapo_engine.tasks.kinds import KINDS, grader_for, load_problems
from sapo_engine.tasks.written import WrittenTask
from sapo_studio.config.schema import parse_config
from sapo_studio.errors import SapoError

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


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0, or 2 where the data are not valid."""
    parser = argparse.ArgumentParser(prog="python -m sapo_engine.service.preview", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--data", default="")
    parser.add_argument("--steps", default="auto")
    parser.add_argument("--pattern", default="")
    parser.add_argument("-n", type=int, default=2)
    chosen = parser.parse_args(arguments)
    task = {
        "kind": chosen.kind,
        "train_data": chosen.data,
        "steps": chosen.steps,
        "step_pattern": chosen.pattern,
    }
    try:
        print(json.dumps(preview(task, chosen.n), ensure_ascii=False))
    except SapoError as error:
        return tell_error(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
