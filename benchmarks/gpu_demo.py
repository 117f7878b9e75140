"""A whole SAPO run on a real model and real questions, within eight minutes on a card: `make gpu-demo` (docs/gpu.md).

The preset `gsm8k-smollm2-card` on your files. Where the forecast says that this machine needs longer than there is
time, the sizes are cut to what fits. When the time is up the run is stopped in good order and its table written as far
as it came; the same command goes on with it. Then, if time is left, online RFT at equal FLOPs.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gpu_parts.demo_run import find_or_make, follow
from gpu_parts.demo_sizes import at_equal_flops, scaled, within
from gpu_parts.demo_table import at_equal_flops as compared
from gpu_parts.demo_table import page, rows_of

from sapo_studio import paths
from sapo_studio.config.overrides import configure
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import SapoError
from sapo_studio.forecast import Machine, find_shape, forecast
from sapo_studio.store.db import Store

PRESET = "gsm8k-smollm2-card"
BUDGET = 480.0
"""Seconds, all of it."""


def main() -> int:
    given = arguments()
    os.environ[paths.HOME_VARIABLE] = str(given.home.resolve())
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return demo(given)
    except SapoError as error:
        print(error, file=sys.stderr)
        return 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=place, required=True, help="SmolLM2-135M: a folder or GGUF file")
    parser.add_argument("--train", type=place, required=True, help="GSM8K's training questions, JSON Lines")
    parser.add_argument("--test", type=place, required=True, help="GSM8K's test questions, JSON Lines")
    parser.add_argument("--benchmark", type=place, required=True, help="ProcessBench's GSM8K part, or the like")
    parser.add_argument("--home", type=Path, default=Path("build/gpu-demo"), help="where the runs are kept")
    parser.add_argument("--out", type=Path, required=True, help="a folder for gpu-demo.json and gpu-demo.md")
    parser.add_argument("--seconds", type=float, default=BUDGET, help="how long it may take")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu for a dress rehearsal")
    parser.add_argument("--share", type=float, default=1.0, help="of the preset's sizes, 0.01 for a dress rehearsal")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="as for sapo run")
    return parser.parse_args()


def place(text: str) -> Path:
    """A file or folder that is there."""
    path = Path(text).expanduser().resolve()
    if not text or not path.exists():
        raise argparse.ArgumentTypeError(f"there is no {text!r}" if text else "none was given")
    return path


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """As Ctrl+C: the run is stopped before this ends."""
    raise KeyboardInterrupt


def configured(given: argparse.Namespace) -> RunConfig:
    """The preset on the files that were given."""
    data: dict[str, Any] = {
        "model.source": str(given.model),
        "task.train_data": str(given.train),
        "task.test_data": str(given.test),
        "task.process_data": str(given.benchmark),
        "runtime.device": given.device,
    }
    if given.device == "cpu":  # which is slow in half precision, and shares its memory with everything else
        data |= {"model.precision": "fp32", "runtime.micro_tokens": 2000, "runtime.threads": 1}
    settings = [f"{key}={json.dumps(value)}" for key, value in data.items()]
    _, config = configure(PRESET, [*settings, *given.set], seed=None, name=None)
    return config if given.share == 1 else scaled(config, given.share)


def demo(given: argparse.Namespace) -> int:
    """Both runs, as far as the time is enough for them. 0 where SAPO's is done, 1 where it failed, 3 where its time was
    up before."""
    deadline = time.monotonic() + given.seconds
    machine = Machine.here()
    config = configured(given)
    shape = find_shape(config)
    # A rehearsal has its size.
    sized, share = within(config, shape, machine, given.seconds) if given.share == 1 else (config, given.share)
    seconds = forecast(sized, shape, machine).seconds
    about: dict[str, Any] = {
        "where": machine.cards[0].name if given.device != "cpu" and machine.cards else given.device,
        "model": given.model.name,
        "sizes": f"{100 * share:.0f} % of the preset's",
        "forecast": "none" if seconds is None else f"{seconds:.0f} s",
    }
    notes = ["**A dress rehearsal on a CPU: the figures mean nothing.**"] if given.device == "cpu" else []
    rows: list[dict[str, Any]] = []
    with Store.open() as store:
        found = follow(store, find_or_make(store, sized, PRESET), deadline, say)
        about["took"] = f"{found.active_seconds:.0f} s"
        rows += rows_of("SAPO", found)
        notes += [ended(found.status, found.error.what if found.error else "")]
        write(given.out, about, notes, rows)
        flops = rows[-1]["flops"] if rows else None
        if found.status is RunStatus.DONE and flops:
            rival, told = at_equal_flops(sized, shape, machine, flops)
            left = deadline - time.monotonic()
            if told.seconds is not None and told.seconds > left:
                notes += [f"RFT at equal FLOPs was left out: {told.seconds:.0f} s needed, {max(left, 0):.0f} s left."]
            else:
                other = follow(store, find_or_make(store, rival, PRESET), deadline, say)
                rows += rows_of("RFT", other)
                notes += [f"RFT has {rival.sampling.samples} samples a question: as many as make the FLOPs equal."]
                if other.status is not RunStatus.DONE:
                    notes += [f"RFT: {ended(other.status, other.error.what if other.error else '')}"]
    write(given.out, about, notes, rows)
    print(page(json.loads((given.out / "gpu-demo.json").read_text(encoding="utf-8"))))
    return {RunStatus.DONE: 0, RunStatus.FAILED: 1}.get(found.status, 3)


def ended(status: RunStatus, why: str) -> str:
    """How a run came to its end, in a sentence."""
    if status is RunStatus.DONE:
        return "The run is complete."
    if status is RunStatus.FAILED:
        return f"The run failed: {why}."
    return "The time was up: this is what the run had come to, and the same command goes on with it."


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def write(out: Path, about: dict[str, Any], notes: list[str], rows: list[dict[str, Any]]) -> None:
    """Table and page, in place of those before."""
    told = {"about": about, "notes": notes, "rows": rows, "at_equal_flops": compared(rows)}
    out.mkdir(parents=True, exist_ok=True)
    (out / "gpu-demo.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (out / "gpu-demo.md").write_text(page(told), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
