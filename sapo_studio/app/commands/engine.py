"""`sapo engine`: an environment of its own for torch, made, shown and taken away."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from sapo_studio.app.commands.checked_command import add_group
from sapo_studio.app.commands.printing import console, say, say_json

if TYPE_CHECKING:
    from sapo_studio.app.engine_setup.making import Hear, Progress
    from sapo_studio.app.engine_setup.standing import Standing

JSON = Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")]
BUILDS = ("auto", "cpu", "cuda")
MAKERS = ("auto", "uv", "venv")


def register(app: typer.Typer) -> None:
    """Add `engine`."""
    group = typer.Typer(
        help="The engine's own environment: torch and what goes with it.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
    )
    add_group(app, "engine", group, {"install": install, "status": status, "remove": remove})


def install(
    build: Annotated[
        str, typer.Option("--build", help="auto, cpu or cuda: the build of torch. auto goes by the NVIDIA driver.")
    ] = "auto",
    python: Annotated[str, typer.Option("--python", metavar="PATH", help="The Python to make it with.")] = "",
    maker: Annotated[
        str, typer.Option("--with", help="auto, uv or venv: what makes it. auto takes uv if any.")
    ] = "auto",
    extra: Annotated[
        list[str] | None, typer.Option("--extra", metavar="NAME", help="qlora, vllm or baselines, besides.")
    ] = None,
    wheels: Annotated[
        Path | None, typer.Option("--wheels", metavar="FOLDER", help="Take all packages from here; no network.")
    ] = None,
    index: Annotated[str, typer.Option("--index", metavar="URL", help="An index in place of PyPI.")] = "",
    torch_index: Annotated[str, typer.Option("--torch-index", metavar="URL", help="An index for torch alone.")] = "",
    anew: Annotated[bool, typer.Option("--anew", help="From the beginning, whatever is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Go to the network without asking.")] = False,
    as_json: JSON = False,
) -> None:
    """Make an environment for the engine in the data folder, and have all runs use it that name no other.

    It asks before anything goes to the network. What was cut off is gone on with by the same command.

    Exit codes: 0 it is there, 1 it failed or you said no, 2 it is not to be had here, 3 stopped.

    Examples: `sapo engine install`, `sapo engine install --build cpu --yes`, `sapo engine install --wheels ~/wheels`
    """
    from sapo_studio.app.engine_setup.making import Wanted, make, plan_for
    from sapo_studio.app.engine_setup.plan import Build, Maker, Sources, steps
    from sapo_studio.errors import Declined, InputError
    from sapo_studio.paths import user_path

    chosen_build = None if _one_of("--build", build, BUILDS) == "auto" else cast("Build", build)
    chosen_maker = None if _one_of("--with", maker, MAKERS) == "auto" else cast("Maker", maker)
    folder = None if wheels is None else user_path(str(wheels)).absolute()
    wanted = Wanted(chosen_build, python, chosen_maker, tuple(extra or ()), Sources(folder, index, torch_index))
    plan = plan_for(wanted)
    if dry_run:
        for step in steps(plan):
            if as_json:
                say_json({"kind": "step", "title": step.title, "command": list(step.command)})
            else:
                say(f"{step.title}:\n  {' '.join(step.command)}")
        return
    if not as_json:
        say(plan.words, error=True)
    if plan.asks and not yes:
        if as_json:
            raise InputError("This goes to the network", why=plan.words, fix="Say --yes.")
        if not typer.confirm("Go to the network?"):
            raise Declined("No engine was set up")
    with _shown(as_json) as hear:
        made = make(plan, hear, anew=anew)
    if as_json:
        about = {"release": made.release, "build": made.build, "torch": made.torch, "cuda": made.cuda}
        say_json({"kind": "engine", "python": str(plan.environment_python), **about, "extras": list(made.extras)})
        return
    say(f"The engine is there: Python {made.python}, torch {made.torch}, {_reach(made.build, made.cuda)}.")


def _one_of(option: str, given: str, known: tuple[str, ...]) -> str:
    from sapo_studio.errors import InputError

    if given not in known:
        raise InputError(f"{option} {given!r} is not known", fix=f"One of {', '.join(known)}.")
    return given


def _reach(build: str, cuda: bool) -> str:
    if cuda:
        return "which sees this machine's card"
    return (
        "for CPUs" if build == "cpu" else "which sees no card here: its driver may be too old (nvidia-smi says which)"
    )


@contextmanager
def _shown(as_json: bool) -> Generator[Hear]:
    """Tells of progress: JSON, a spinner with the step on a terminal, or a line a step."""
    terminal = console(error=True)
    if as_json:
        yield lambda now: say_json({"kind": "engine_setup", **vars(now)})
    elif terminal.is_terminal:
        from rich.markup import escape

        with terminal.status("") as shown:
            yield lambda now: shown.update(escape(_line_of(now)))
    else:
        last = 0

        def hear(now: Progress) -> None:
            nonlocal last
            if now.step != last:
                last = now.step
                say(f"{now.step} of {now.steps}: {now.title}", error=True)

        yield hear


def _line_of(now: Progress) -> str:
    """How far it is, in a line."""
    return f"{now.step} of {now.steps}: {now.title}{f' ({now.detail})' if now.detail else ''}"


def status(as_json: JSON = False) -> None:
    """Say which Python engines live in, what it has, and whether it fits this program.

    Exit codes: 0 it will do, 1 it will not, or there is none.

    Example: `sapo engine status`
    """
    from sapo_studio import __version__
    from sapo_studio.app.engine_setup.standing import standing

    now = standing()
    note = _release_note(now, __version__)
    if as_json:
        trouble = None if now.trouble is None else _told(now)
        made = None if now.made is None else {"build": now.made.build, "cuda": now.made.cuda, "torch": now.made.torch}
        say_json(
            {
                "kind": "engine",
                "python": now.python and str(now.python),
                "has": now.summary,
                "release": now.release,
                "program": __version__,
                "note": note,
                "made": made,
                "unfinished": [str(folder) for folder in now.unfinished],
                "trouble": trouble,
            }
        )
    else:
        if now.python is not None:
            say(f"{now.python}: {now.summary or 'cannot be asked'}")
        if now.made is not None:
            say(f"Set up by this program: torch {now.made.torch}, {_reach(now.made.build, now.made.cuda)}.")
        for text in (note, *(f"Begun and not finished: {folder}" for folder in now.unfinished)):
            if text:
                say(text)
        if now.trouble is not None:
            say(str(now.trouble), error=True)
    if now.trouble is not None:
        raise typer.Exit(1)


def _told(now: Standing) -> dict[Literal["what", "why", "fix"], str]:
    """What stands in the way, as JSON says it."""
    assert now.trouble is not None
    return {"what": now.trouble.what, "why": now.trouble.why, "fix": now.trouble.fix}


def _release_note(now: Standing, release: str) -> str:
    """What is said of an engine of another release; nothing where `trouble` says more."""
    from sapo_studio import engines

    if now.python is None or now.trouble is not None:
        return ""
    return engines.other_release(engines.Engine(now.python, "", release=now.release), release)


def remove(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JSON = False,
) -> None:
    """Take away the environments that `sapo engine install` has made or begun. Runs and their files stay.

    Exit codes: 0 gone, 1 you said no, 2 an engine is at work.

    Example: `sapo engine remove --yes`
    """
    from sapo_studio.app.engine_setup import standing
    from sapo_studio.errors import Declined

    there = standing.folders()
    if there and not yes and not as_json and not typer.confirm(f"Remove {', '.join(map(str, there))}?"):
        raise Declined("Nothing was removed")
    gone = standing.remove()
    if as_json:
        say_json({"kind": "engine", "removed": [str(folder) for folder in gone]})
    else:
        say("\n".join(f"Removed {folder}" for folder in gone) or "There is none that `sapo engine install` has made.")
