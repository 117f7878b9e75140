"""`sapo grade`: right or wrong, for completions from anywhere."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from sapo_studio.errors import InputError
from sapo_studio.requests.client import engine


def register(app: typer.Typer) -> None:
    """Add `grade`."""
    app.command("grade")(grade)


def grade(
    task: Annotated[str, typer.Argument(metavar="TASK", help="gsm8k, math, mbpp, humaneval or jsonl.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Completions as JSON Lines; - is standard input.")],
    data: Annotated[
        str,
        typer.Option("--data", metavar="FILE", help="The problems, where FILE has only `task_id` and `completion`."),
    ] = "",
    seconds: Annotated[float, typer.Option("--seconds", help="Time for all tests of one program.")] = 5.0,
    processes: Annotated[int, typer.Option("--processes", help="Graders side by side; 0 is one a core.")] = 0,
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="Run programs unprotected where this machine has no sandbox.")
    ] = False,
) -> None:
    """Grade completions: one JSON verdict a line (`task_id`, `correct`, `answer`, `reason`), in the order of FILE.

    A line of FILE has the task's own fields and `completion`, or `task_id` and `completion` with the problems given by
    `--data`. The summary goes to standard error.

    Exit codes: 0 graded, 2 bad input.

    Examples: `sapo grade gsm8k answers.jsonl`, `sapo grade mbpp programs.jsonl --data mbpp.jsonl > verdicts.jsonl`
    """
    command = ["grade", task, file, f"--seconds={seconds}", f"--processes={processes}"]
    command += [f"--data={data}"] if data else []
    command += ["--unsandboxed"] if unsandboxed else []
    if task not in ("gsm8k", "math", "mbpp", "humaneval", "jsonl"):
        raise InputError(f"There is no task {task!r} to grade", fix="There are gsm8k, math, mbpp, humaneval and jsonl.")
    word = engine(command, show=True)
    summary = json.loads(word)
    print(f"{summary['right']} of {summary['graded']} are right", file=sys.stderr)
