"""How long tables of a large run take to be written, and how much memory that needs: it is not to grow with the run.

Each export is a process of its own; its peak is what Linux says of it (resident, so the libraries count, too).

Run: python benchmarks/tables.py [--rows N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from ui_parts import large_store

from sapo_studio.store.db import Store

CHILD = """
import json, sys, time
from pathlib import Path
from sapo_studio.app.exports.tables.folder import write_tables
from sapo_studio.store.db import Store
path, run_id, how, place = sys.argv[1:]
before = time.perf_counter()
with Store.open_read_only(Path(path)) as store:
    written = write_tables(store, [run_id], Path(place), how=how)
status = Path("/proc/self/status").read_text()  # what getrusage says of a child begins at its parent's peak
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({
    "seconds": round(time.perf_counter() - before, 1),
    "rows": sum(one.rows for one in written),
    "megabytes": round(sum(one.size for one in written) / 1e6),
    "peak_megabytes": round(peak / 1e3),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="trajectories of the large run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    for trajectories in (options.rows // 10, options.rows):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "studio.db"
            with Store.open(path) as store:
                run_id = large_store.make(store, trajectories)
            for how in ("parquet", "csv"):
                line = [sys.executable, "-c", CHILD, str(path), run_id, how, str(Path(folder) / how)]
                done = subprocess.run(line, capture_output=True, text=True, check=True)
                report[f"{how}, {trajectories:,} trajectories"] = json.loads(done.stdout)
    print(json.dumps(report, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
