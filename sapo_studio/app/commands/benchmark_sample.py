"""`sapo benchmark sample`: a process benchmark of solutions that several models write for it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.label_study import DEVICE_HELP
from sapo_studio.app.commands.printing import say, say_json
from sapo_studio.errors import InputError
from sapo_studio.requests.limits import CHECKED_ROLLOUTS, QUESTIONS, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sapo_studio.app.benchmarks.sampling import Waiting

AS_HELP = "With --for-people: who makes the queue; your login name without this."


SPLIT = 0.2
OVERLAP = 1.0


def sample(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called. Once more: its next version.")],
    models: Annotated[
        str,
        typer.Option("--models", metavar="A,B,...", help="Who writes: runs (their last reasoner) or model folders."),
    ],
    like: Annotated[str, typer.Option("--like", metavar="RUN", help="Whose task, test questions and prompt.")],
    verifier: Annotated[
        str,
        typer.Option(
            "--verifier", metavar="RUN", help="Keep only first errors that this run's last verifier finds, too."
        ),
    ] = "",
    questions: Annotated[
        int, typer.Option("--questions", min=QUESTIONS.low, help="Test questions.")
    ] = QUESTIONS.default,
    samples: Annotated[
        int, typer.Option("--samples", min=SAMPLES.low, max=SAMPLES.high, help="Samples of a question by each model.")
    ] = SAMPLES.default,
    rollouts: Annotated[
        int,
        typer.Option(
            "--rollouts", min=CHECKED_ROLLOUTS.low, max=CHECKED_ROLLOUTS.high, help="Rollouts from each step."
        ),
    ] = CHECKED_ROLLOUTS.default,
    per_question: Annotated[int, typer.Option("--per-question", min=1, help="Most solutions of a question.")] = 2,
    size: Annotated[int | None, typer.Option("--size", min=1, help="Most solutions in all.")] = None,
    split: Annotated[
        float, typer.Option("--split", min=0, max=0.9, help="Share of the questions that is for thresholds.")
    ] = SPLIT,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Which ones, where there are more.")] = 0,
    for_people: Annotated[
        bool,
        typer.Option(
            "--for-people",
            help="Leave first errors to people: the solutions become an imported file and an Annotate queue.",
        ),
    ] = False,
    overlap: Annotated[
        float, typer.Option("--overlap", min=0, max=1, help="With --for-people: share of them that everybody gets.")
    ] = OVERLAP,
    who: Annotated[str, typer.Option("--as", metavar="NAME", help=AS_HELP)] = "",
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Make a benchmark of new solutions: several models answer test questions of a run that none of them was trained
    on. First errors are found by rollouts of who wrote the solution, and the benchmark is a draft until it is frozen;
    or, with --for-people, people find them in the window (Ctrl+J), and then `sapo benchmark make NAME --from NAME`
    takes what is judged.

    Examples: `sapo benchmark sample chains --models lab-demo-3,lab-demo-4 --like lab-demo-3 --verifier lab-demo-4`,
    `sapo benchmark sample gsm --models gsm-1,./smollm2.gguf --like gsm-1 --for-people --size 400`
    """
    from sapo_studio.app.benchmarks.making import Choice
    from sapo_studio.app.benchmarks.sampling import find_model, sample_benchmark, sample_for_people
    from sapo_studio.app.benchmarks.using import run_to_measure
    from sapo_studio.processes import login_name
    from sapo_studio.requests.kinds import SampleSolutionsRequest
    from sapo_studio.store.db import Store

    named = [part.strip() for part in models.split(",") if part.strip()]
    if not named:
        raise InputError("--models names no model", fix="Write it like --models lab-demo-3,./my-model")
    if for_people:
        _refuse({"--rollouts": rollouts != CHECKED_ROLLOUTS.default, "--split": split != SPLIT}, "with")
    else:
        _refuse({"--overlap": overlap != OVERLAP, "--as": bool(who)}, "without")
    choice = Choice("consensus" if verifier else "rollouts", per_question, size, split, seed, held_out=True)
    with Store.open(create=False) as store:
        request = SampleSolutionsRequest(
            like=run_to_measure(store, like),
            models=tuple(find_model(store, one) for one in named),
            verifier=run_to_measure(store, verifier) if verifier else None,
            questions=questions,
            samples=samples,
            rollouts=rollouts,
            label=not for_people,
            device=device,
        )
        if for_people:
            _say_waiting(
                sample_for_people(store, name, request, choice, created_by=who or login_name(), overlap=overlap),
                as_json,
            )
            return
        made = sample_benchmark(store, name, request, choice)
    one = made.benchmark
    if as_json:
        say_json({"benchmark": one.title, "rows": one.rows, "solutions": made.solutions, "disputed": made.disputed})
        return
    left = f" ({made.disputed} left out: the second verifier names another first error)" if verifier else ""
    say(
        f"{one.title}: {one.rows} solutions, {one.erroneous} with an error, {one.tuning} for thresholds; of "
        f"{made.solutions} written for {made.questions} questions{left}. It is a draft: "
        f"sapo benchmark freeze {one.title}"
    )


def _refuse(given: Mapping[str, bool], how: str) -> None:
    """Raises InputError for the first option that was given and has no part in this: nobody is to wait for a benchmark
    and find that what they asked for was passed over."""
    for option, is_given in given.items():
        if is_given:
            fix = "Leave it out, or give both." if how == "without" else "Leave one of them out."
            raise InputError(f"{option} does nothing {how} --for-people", fix=fix)


def _say_waiting(made: Waiting, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "run_id": made.run_id,
                "queue": made.queue.name,
                "waiting": made.kept,
                "right": made.right,
                "questions": made.questions,
                "solutions": made.solutions,
            }
        )
        return
    say(
        f"{made.run_id}: {made.kept} solutions wait for people, {made.right} of them with a correct answer; of "
        f"{made.solutions} written for {made.questions} questions. Judge the queue {made.queue.name!r} in the window "
        f"(Ctrl+J); then: sapo benchmark make NAME --from {shlex.quote(made.queue.name)}"
    )
