"""The `sapo` command.

Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped. Errors go to standard error: what happened, why, and what to do.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, NoReturn, cast

import typer

from sapo_studio import __version__
from sapo_studio.app.commands import (
    agreement,
    annotate,
    audit,
    benchmark,
    bundle,
    compare,
    doctor,
    engine,
    evaluate,
    export,
    grade,
    import_file,
    keep,
    label_study,
    matrix,
    people_study,
    presets,
    publish,
    queue,
    report,
    restore,
    resume,
    run,
    runs,
    score,
    standard_streams,
    stop,
    try_checkpoint,
    withdraw,
)
from sapo_studio.app.commands.checked_command import CheckedCommand
from sapo_studio.errors import InputError, SapoError, StoreError
from sapo_studio.readable import cut, fault_in_words, printable

app = typer.Typer(
    name="sapo",
    help="Make a small language model reason better, and see where its reasoning breaks.\n\n"
    "Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
PANELS = {
    "Runs": (run, queue, matrix, resume, stop, withdraw, presets),
    "The list of runs": (runs, keep),
    "What came out": (report, compare, audit, evaluate, label_study, try_checkpoint),
    "People who judge": (annotate, agreement, bundle, people_study),
    "Files and models, in and out": (import_file, score, export, publish, grade, benchmark),
    "The store and this machine": (restore, doctor, engine),
}
"""Modules of commands, by the heading that their commands have in `sapo --help`."""
for panel, modules in PANELS.items():
    placed = [*app.registered_commands, *app.registered_groups]
    for module in modules:
        module.register(app)
    for known in (*app.registered_commands, *app.registered_groups):
        if known not in placed:
            known.rich_help_panel = panel
for known in app.registered_commands:
    known.cls = CheckedCommand


# Typer brings a copy of click in some releases and uses click itself in others: what both call a wrong command line.
_REFUSED = cast(
    "type[Exception]", next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sapo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


_STOPPED = 3
_BY_CTRL_C = 130
"""What Typer makes of Ctrl+C, in releases that bring their own click."""


def main() -> None:
    """Entry point of `sapo`. Never shows a traceback for an error that the user can understand."""
    standard_streams.prepare()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()  # what is left goes out here, where it is caught if it does not
    except _REFUSED as error:
        from pydantic import ValidationError
        from typer.rich_utils import rich_format_error

        refused: Any = error
        if isinstance(error.__cause__, ValidationError):  # by which newer releases of Typer read values
            refused.message = fault_in_words(error.__cause__.errors()[0])
        # Its message quotes what was typed, which may be of any length and hold anything.
        refused.message = printable(cut(refused.message))
        if "--json" in sys.argv:
            show(InputError(refused.format_message()), as_json=True)
        else:
            rich_format_error(refused)
        sys.exit(refused.exit_code)
    except typer.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            _stopped()
        print("Aborted.", file=sys.stderr)
        sys.exit(1)
    except SapoError as error:
        show(error, as_json="--json" in sys.argv)
        sys.exit(error.exit_code)
    except OSError as error:
        if not standard_streams.takes_no_more(error):
            raise
        standard_streams.give_up()
        if not isinstance(error, BrokenPipeError):  # nobody reads on: `sapo runs | head`
            why = error.strerror or str(error)
            show(StoreError("The output cannot be written to its end", why=why, fix="Free some space."), as_json=False)
        sys.exit(1)
    if code == _BY_CTRL_C:
        _stopped()
    sys.exit(code if isinstance(code, int) else 0)


def _stopped() -> NoReturn:
    print("Stopped.", file=sys.stderr)
    sys.exit(_STOPPED)


def show(error: SapoError, *, as_json: bool) -> None:
    """Print an error to standard error: three parts for a person, or one line of JSON."""
    if as_json:
        line = {"kind": "error", "what": error.what, "why": error.why, "fix": error.fix}
        print(json.dumps(line), file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("✗ ", "bold red"), (printable(error.what), "bold")))
    for part, style in ((error.why, ""), (error.fix, "cyan")):
        for line in printable(part).splitlines():
            console.print(Text("  " + line, style=style))


if __name__ == "__main__":
    main()
