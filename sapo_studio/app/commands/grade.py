"""`sapo grade`: right or wrong, for completions from anywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from sapo_studio.app.commands.printing import say
from sapo_studio.domain.task_kinds import WRITTEN, listed
from sapo_studio.requests.limits import PROCESSES, TEST_SECONDS


def register(app: typer.Typer) -> None:
    """Add `grade`."""
    app.command("grade")(grade)


def grade(
    task: Annotated[str, typer.Argument(metavar="TASK", help=f"{listed(WRITTEN, 'or')}.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Completions as JSON Lines; - is standard input.")],
    data: Annotated[
        str,
        typer.Option("--data", metavar="FILE", help="The problems, where FILE has only `task_id` and `completion`."),
    ] = "",
    seconds: Annotated[
        float, typer.Option("--seconds", help="Time for all tests of one program.")
    ] = TEST_SECONDS.default,
    processes: Annotated[
        int, typer.Option("--processes", help="Graders side by side; 0 is one a core.")
    ] = PROCESSES.default,
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
    from sapo_studio.requests.client import ask
    from sapo_studio.requests.kinds import GradeRequest

    request = GradeRequest.model_validate(
        {
            "task": task,
            "file": file,
            "data": data,
            "seconds": seconds,
            "processes": processes,
            "unsandboxed": unsandboxed,
        }
    )
    found = ask(request)
    say(f"{found['right']} of {found['graded']} are right", error=True)
