"""What holds on one card, in one command: `make gpu-check` (docs/gpu.md), or python benchmarks/gpu.py [--out FOLDER].

One JSON line a case is printed as soon as it is measured, and `gpu.json` has all of them so far, so that a check that
is cut off still tells; a case that no longer fits into the time left is skipped and says so. Everything a rival does is
measured in the same process on the same weights. Models have random weights of real shapes, so nothing has to be
fetched; `--model` takes a real one for the samplers. `--dry` runs all of it with tiny sizes on a CPU: then the figures
mean nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))

from gpu_parts.cases import CASES
from gpu_parts.check import GIB, Check, versions
from gpu_parts.document import document, failed
from gpu_parts.models import folder_of
from gpu_parts.page import page

from sapo_studio.errors import SapoError

DOCUMENT, PAGE = "gpu.json", "gpu.md"
BUDGET = 520.0
"""Seconds: no case begins that would end later. With what torch takes to load, nine minutes."""


def machine(device: torch.device) -> dict[str, Any]:
    """What is measured on."""
    row: dict[str, Any] = {"day": date.today().isoformat(), "cores": os.cpu_count(), "card": "none, a CPU"}
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        row |= {"card": torch.cuda.get_device_name(device), "memory_gib": round(memory / GIB)}
    return row | versions()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="tiny sizes on a CPU")
    parser.add_argument("--model", type=Path, help="a model's folder or GGUF file, for the samplers")
    parser.add_argument("--seconds", type=float, default=BUDGET, help="when to stop beginning new cases")
    parser.add_argument("--only", default="", help="only cases whose group or name has this in it")
    parser.add_argument("--out", type=Path, help=f"a folder for {DOCUMENT} and {PAGE}")
    given = parser.parse_args(arguments)
    if not given.dry and not torch.cuda.is_available():
        print("There is no CUDA card here. --dry tries the check itself on a CPU.", file=sys.stderr)
        return 2
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    file = None
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        file = given.out / DOCUMENT
    device = torch.device("cpu" if given.dry else "cuda:0")
    with tempfile.TemporaryDirectory() as home:
        os.environ["SAPO_STUDIO_HOME"] = home
        try:
            model = folder_of(given.model) if given.model else None
        except SapoError as error:
            print(error, file=sys.stderr)
            return 2
        check = Check(device, given.dry, given.seconds, model, file)
        check.say(case="machine", **machine(device))
        check.run(case for case in CASES if given.only in f"{case.group}: {case.name}")
    check.say(case="end", failed=failed(check.rows), left=round(check.left))
    if given.out is not None:
        (given.out / PAGE).write_text(page(document(check.rows)), encoding="utf-8")
        print(f"The page is {given.out / PAGE}.", file=sys.stderr)
    return 1 if failed(check.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
