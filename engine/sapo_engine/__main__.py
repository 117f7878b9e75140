"""`python -m sapo_engine run RUN_ID`: the engine of one run. The window and `sapo` start it, and need not stay."""

from __future__ import annotations

import argparse
import sys

from sapo_engine.parent.parent import Parent
from sapo_engine.parent.wording import say
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import SapoError
from sapo_studio.store.db import Store

EXIT_CODES = {RunStatus.DONE: 0, RunStatus.STOPPED: 3}


def main(arguments: list[str] | None = None) -> int:
    """Run the engine. Exit codes: 0 done, 1 failed, 2 bad input, 3 stopped."""
    parser = argparse.ArgumentParser(prog="python -m sapo_engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="work on a run until it is done, failed or stopped")
    run.add_argument("run_id", metavar="RUN_ID")
    chosen = parser.parse_args(arguments)
    try:
        with Store.open(create=False, checkpointer=False) as store:
            parent = Parent(store, str(chosen.run_id))
            failed = 1
            code = EXIT_CODES.get(parent.run(), failed)
            return parent.error.exit_code if code == failed and parent.error else code
    except SapoError as error:
        say(str(error), 2)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
