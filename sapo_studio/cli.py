"""The `sapo` command.

Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped. Errors go to standard error: what happened, why, and what to do.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast

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
    stop,
    try_checkpoint,
    withdraw,
)
from sapo_studio.app.commands.checked_command import CheckedCommand
from sapo_studio.errors import InputError, SapoError
from sapo_studio.readable import cut, printable

app = typer.Typer(
    name="sapo",
    help="Make a small language model reason better, and see where its reasoning breaks.\n\n"
    "Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for module in (
    *(
        run,
        queue,
        resume,
        stop,
        withdraw,
        runs,
        keep,
        report,
        compare,
        audit,
        label_study,
        evaluate,
        matrix,
        try_checkpoint,
    ),
    *(import_file, score, export, publish, grade, annotate, agreement, bundle, benchmark, people_study),
    *(presets, restore, doctor),
):
    module.register(app)
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


def main() -> None:
    """Entry point of `sapo`. Never shows a traceback for an error that the user can understand."""
    _open_closed_streams()
    try:
        code = app(standalone_mode=False)
    except _REFUSED as error:
        from typer.rich_utils import rich_format_error

        # Its message quotes what was typed, which may be of any length and hold anything.
        refused: Any = error
        refused.message = printable(cut(refused.message))
        if "--json" in sys.argv:
            show(InputError(refused.format_message()), as_json=True)
        else:
            rich_format_error(refused)
        sys.exit(refused.exit_code)
    except typer.Abort:
        print("Aborted.", file=sys.stderr)
        sys.exit(1)
    except SapoError as error:
        show(error, as_json="--json" in sys.argv)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """Have a standard stream that was closed by whoever started this (`>&-`) lead nowhere. Else Python has None in its
    place, and the next file that is opened, which may be the store, gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # as long as the program


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
