"""`python -m sapo_studio.app.run_queue`: looks after the queue of the data folder until nothing is left to do."""

from __future__ import annotations

import sys
import time

from sapo_studio.app.run_queue.keeper import keep
from sapo_studio.errors import SapoError
from sapo_studio.store.db import Store


def main() -> int:
    """Exit codes: 0 done, or another process does it; 1 failed."""
    try:
        with Store.open(create=False) as store:
            keep(store, tell=lambda said: print(time.strftime("%Y-%m-%d %H:%M:%S"), said, flush=True))
    except SapoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
