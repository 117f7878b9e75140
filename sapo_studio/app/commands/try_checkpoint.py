"""`sapo try`: ask a checkpoint a question and watch it answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import say_json
from sapo_studio.errors import InputError
from sapo_studio.requests.limits import MAX_TOKENS, SOLUTIONS, TEMPERATURE

if TYPE_CHECKING:
    from sapo_studio.app.commands.try_session import Side, Trial
    from sapo_studio.requests.play import Asking
    from sapo_studio.store.db import Store

LONGEST = 100_000
"""Characters of a question on standard input."""


def register(app: typer.Typer) -> None:
    """Add `try`."""
    app.command("try")(try_checkpoint)


def try_checkpoint(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN[@I]]",
            help="A run, for its last reasoner, or which one: lab-demo@3 is M3, lab-demo@0 the model it began with. "
            "With --model this is the question.",
        ),
    ] = "",
    question: Annotated[
        str, typer.Argument(metavar="[QUESTION]", help="What to ask; - reads it from standard input.")
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="FOLDER|GGUF", help="A model by itself, instead of a run's.")
    ] = "",
    against: Annotated[str, typer.Option("--against", metavar="RUN[@I]", help="Ask this checkpoint, too.")] = "",
    verifier: Annotated[
        str,
        typer.Option(
            "--verifier",
            metavar="RUN[@I]|FOLDER|none",
            help="Who scores the steps: a run's verifier, a classification model, or nobody. The run's last without "
            "this.",
        ),
    ] = "",
    solutions: Annotated[
        int, typer.Option("--solutions", "-n", min=SOLUTIONS.low, max=SOLUTIONS.high, help="Solutions to sample.")
    ] = SOLUTIONS.default,
    greedy: Annotated[
        bool, typer.Option("--greedy/--no-greedy", help="Also the greedy solution, before the others.")
    ] = True,
    temperature: Annotated[
        float, typer.Option("--temperature", min=TEMPERATURE.low, max=TEMPERATURE.high, help="0: greedy.")
    ] = TEMPERATURE.default,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed gives the same texts.")] = 0,
    max_tokens: Annotated[
        int,
        typer.Option("--max-tokens", min=MAX_TOKENS.low, max=MAX_TOKENS.high, help="Longest solution; 0: the task's."),
    ] = MAX_TOKENS.default,
    answer: Annotated[str, typer.Option("--answer", metavar="TEXT", help="The right answer, to grade by.")] = "",
    test: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="ASSERT", help="What a program is to pass, such as 'assert f(2) == 4'; again."),
    ] = None,
    take: Annotated[
        str,
        typer.Option(
            "--take", metavar="N|random|annotated", help="A question of the run's task instead of a typed one."
        ),
    ] = "",
    continue_from: Annotated[
        int | None,
        typer.Option(
            "--continue-from", metavar="STEP", min=1, help="Replace this step of the greedy solution by --text ..."
        ),
    ] = None,
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="... and go on from there, -n times: how often is it right?")
    ] = "",
    device: Annotated[
        str, typer.Option("--device", metavar="cpu|cuda", help="Where to compute; a card where there is one.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, as the engine tells it.")] = False,
) -> None:
    """Ask a checkpoint a question and watch it answer: solutions token by token, each step scored by a verifier as soon
    as it is complete; the greedy answer, the majority's and the verifier's choice beside each other. Nothing enters the
    run.

    Where the answer is known (--answer, --test, --take, a question of the arithmetic lab) each solution is graded.
    Ctrl+C ends it. Exit codes: 0 done, 2 bad input, 3 ended by Ctrl+C.

    Examples: `sapo try lab-demo --take random`, `sapo try gsm8k-1@4 "A cinema has ..." --against gsm8k-1@1 -n 4`,
    `sapo try lab-demo --take 6201 --continue-from 2 --text "35 + 8 = 43"`,
    `sapo try --model ./smollm2.gguf "How many seats are 14 rows of 18?" --answer 252`
    """
    from sapo_studio.app.commands.try_session import run_trial
    from sapo_studio.store.db import Store

    if model and run and question:
        raise InputError("There are two questions", why="With --model there is no run.", fix="Give one of them.")
    if model:
        run, question = "", question or run
    if (continue_from is None) != (not text):
        raise InputError("--continue-from and --text belong together", fix="Give both, or neither.")
    if text and not text.strip():
        raise InputError("The changed step is empty", fix="Write what it is to be: --text TEXT.")
    with Store.open(create=False) as store:
        sides = _sides(store, run, model, against, verifier)
        asking = _asking(store, sides[0], question, take, seed, answer, tuple(test or ()))
        trial = _trial(sides, asking, solutions, greedy, temperature, seed, max_tokens, continue_from, text)
        path = store.path
    code = run_trial(path, trial, device, as_json=as_json, say_json=say_json)
    if code:
        raise typer.Exit(code)


def _sides(store: Store, run: str, model: str, against: str, verifier: str) -> list[Side]:
    from sapo_studio.app.commands.try_session import Side
    from sapo_studio.app.playground.checkpoints import find_checkpoint, find_verifier
    from sapo_studio.paths import user_path
    from sapo_studio.requests.play import Checkpoint, Scorer

    scorer, scored_by = None, ""
    if verifier and verifier != "none":
        folder = user_path(verifier)
        if (folder / "config.json").is_file():
            scorer, scored_by = Scorer(model=folder.resolve()), folder.name
        else:
            found = find_verifier(store, verifier)
            scorer, scored_by = found.ref, found.name
    sides: list[Side] = []
    for named in [run, against] if against else [run]:
        if named or not model:
            if not named:
                raise InputError("There is no checkpoint to ask", fix="Name a run, or a model by --model.")
            one = find_checkpoint(store, named)
            own = one.verifier if not verifier else None
            sides.append(
                Side(
                    one.name,
                    one.ref,
                    own.ref if own else scorer,
                    own.name if own else scored_by,
                    one.run_id,
                    one.learns,
                )
            )
        else:
            place = user_path(model).resolve()
            sides.append(Side(place.name, Checkpoint(model=place), scorer, scored_by))
    return sides


def _asking(
    store: Store, side: Side, question: str, take: str, seed: int, answer: str, tests: tuple[str, ...]
) -> Asking:
    from sapo_studio.app.playground.questions import take as take_question
    from sapo_studio.requests.play import Asking

    if bool(question) == bool(take):
        raise InputError(
            "There is no question" if not question else "There are two questions",
            fix="Type one, give - to read it from standard input, or take one of the run's by --take random.",
        )
    if take:
        if not side.run_id:
            raise InputError("A model by itself has no questions to take", fix="Type one, or name a run.")
        taken = take_question(store, side.run_id, take, seed).asking(side.learns)
        return taken.model_copy(update={"answer": answer or taken.answer, "tests": tests})
    if question == "-":
        question = sys.stdin.read(LONGEST + 1)
        if len(question) > LONGEST:
            raise InputError("The question is too long", why=f"It has more than {LONGEST:,} characters.")
    if not question.strip():
        raise InputError("The question is empty", fix="Type one.")
    return Asking(text=question.strip(), answer=answer, tests=tests)


def _trial(
    sides: list[Side],
    asking: Asking,
    solutions: int,
    greedy: bool,
    temperature: float,
    seed: int,
    max_tokens: int,
    continue_from: int | None,
    text: str,
) -> Trial:
    from sapo_studio.app.commands.try_session import Edit, Trial

    if not solutions and (continue_from is not None or not greedy):
        raise InputError("There is nothing to write", fix="Ask for a solution: -n 1.")
    edit = None if continue_from is None else Edit(continue_from, text)
    return Trial(tuple(sides), asking, solutions, greedy, temperature, seed, max_tokens, edit)
