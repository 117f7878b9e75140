"""How fast the window is over large runs: frames, searches, orders, opening, and beside a writing engine.

Times are those of the thread that draws, on the processor (a frame also waits for others on a busy machine: the wall
time stands beside), as p50 and p95. Ratios compare two ways in one run. docs/ui-speed.md says what was measured where.

Run: python benchmarks/ui.py [--json FILE] [--rows N] [--points N] [--looks N] [--rivals PYTHON] [--only PART]
`--rivals` names a Python with tensorboard and trackio (`pip install tensorboard trackio`); without it they are left
out, and the report says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parent))

from PySide6.QtWidgets import QApplication
from ui_parts import charts, large_store, live, rivals, streams, switches, table
from ui_parts.measure import Report

from sapo_studio.store.db import Store
from sapo_ui import theme
from sapo_ui.services import tasks

PARTS = ("heatmap", "curve", "switches", "table", "engine", "memory", "opening", "playground")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument("--rows", type=int, default=1_000_000, help="trajectories of the large table")
    parser.add_argument("--points", type=int, default=1_000_000, help="points of the large curve")
    parser.add_argument("--looks", type=int, default=3600, help="looks at the store whose memory is measured")
    parser.add_argument("--rivals", type=Path, metavar="PYTHON", help="a Python that has tensorboard and trackio")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure only this; may be given several times")
    options = parser.parse_args()
    wanted = options.only or PARTS
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SAPO_STUDIO_HOME"] = folder
        application = QApplication([])
        theme.manager().attach(application)
        report = measure(Path(folder), options, wanted)
        tasks.stop()
        theme.manager().detach()
    print(json.dumps(report, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def measure(home: Path, options: argparse.Namespace, wanted: tuple[str, ...] | list[str]) -> Report:
    """All that is `wanted`, part by part."""
    report: Report = {"machine": machine()}
    if "heatmap" in wanted:
        report["heatmap"] = charts.heatmap()
    if "curve" in wanted:
        report["curve"] = charts.curve(options.points)
    if "switches" in wanted:
        report["switches"] = switches.switches(home / "switches")
    if "table" in wanted:
        path = home / "table.db"
        with Store.open(path) as store:
            run_id = large_store.make(store, options.rows)
            report["table"] = table.measure(store, run_id)
    if "engine" in wanted:
        report["engine"] = live.beside_an_engine(home / "live")
    if "memory" in wanted:
        report["memory"] = live.an_hour(home / "hour.db", options.looks)
    if "opening" in wanted:
        report["opening"] = rivals.opening(home, options.points, max(1, options.rows // 10), options.rivals)
    if "playground" in wanted:
        report["playground"] = streams.both_sides(home)
    return report


def machine() -> dict[str, Any]:
    """What it was measured on, and how busy that was."""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
