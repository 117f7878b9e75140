"""`sapo matrix`: methods x tasks x seeds as a queue of ordinary runs, and the table of what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sapo_studio.app.commands.printing import say, say_json

if TYPE_CHECKING:
    from sapo_studio.app.experiments.runner import Placed


def register(app: typer.Typer) -> None:
    """Add `matrix`."""
    app.command("matrix")(matrix)


def matrix(
    file: Annotated[str, typer.Argument(metavar="FILE.toml", help="What to compare (docs/matrix.md).")],
    out: Annotated[
        str, typer.Option("--out", metavar="FOLDER", help="Where the results go; the file's own name without this.")
    ] = "",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Runs side by side; 0: what the file says.")] = 0,
    queued: Annotated[
        bool,
        typer.Option("--queue", help="Put the runs into the queue (`sapo queue`), which starts them as there is room."),
    ] = False,
    only: Annotated[bool, typer.Option("--table", help="Run nothing: the table of what is finished.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Check the file and list its runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of text.")] = False,
) -> None:
    """Run every method with every seed on every task, and put the results side by side.

    The runs are ordinary ones: they stand in `sapo runs` and in the window. Those that are finished are not done
    again, so that after Ctrl+C, a crash or a change of the file the same command goes on. Results: results.md,
    results.json, and for each task a picture of the accuracies and one of the verifiers.

    Exit codes: 0 done, 1 a run failed, 2 bad input (or a run failed on it), 3 stopped.

    Examples: `sapo matrix lab.toml --dry-run`, `sapo matrix lab.toml --out results --jobs 2`
    """
    from sapo_studio.app.experiments import page, pictures, runner, table
    from sapo_studio.app.experiments.matrix_file import read_matrix
    from sapo_studio.app.reports import drawing
    from sapo_studio.paths import user_path
    from sapo_studio.store.db import Store

    path = user_path(file)
    plan = read_matrix(path)
    folder = user_path(out) if out else path.with_suffix("")

    def tell(placed: Placed, finished: int, whole: int) -> None:
        if as_json:
            line = {"kind": "run", "name": placed.cell.config.name, "run_id": placed.run_id}
            line |= {"status": str(placed.status or "queued"), "finished": finished, "runs": whole}
            say_json(line)
        else:
            say(f"[{finished}/{whole}] {placed.cell.config.name}: {placed.status or 'to be run'}")

    with Store.open() as store:
        if dry:
            found = runner.match_runs(store, plan)
            for placed in found:
                tell(placed, sum(one.done for one in found), len(found))
            return
        drawing.prepare(folder)
        try:
            found = (
                runner.match_runs(store, plan)
                if only
                else runner.run_matrix(store, plan, jobs=jobs or plan.jobs, tell=tell, queued=queued)
            )
        except KeyboardInterrupt:
            said = "Stopped waiting; the queue goes on." if queued else "Stopped."
            say(f"{said} The same command goes on where it was.", error=True)
            raise typer.Exit(3) from None
        drawn = pictures.verifiers(folder, store, plan, found)
        written = page.write(folder, plan, table.tabulate(store, plan, found), drawn)
    failed = [placed for placed in found if not placed.done] if not only else []
    for placed in failed:
        say(f"{placed.cell.config.name} is not finished: see `sapo report {placed.run_id}`", error=True)
    if as_json:
        say_json({"kind": "results", "files": [str(one) for one in written]})
    else:
        say(written[0].read_text(encoding="utf-8"))
        say("Written: " + ", ".join(str(one) for one in written))
    if failed:
        raise typer.Exit(2 if any(placed.bad_input for placed in failed) else 1)
