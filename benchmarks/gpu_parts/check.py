"""A check at work: its cases one after the other, a line each, within a budget of time.

To add a case, write a function that takes the `Check` and returns its figures, and put a `Case` of it into its module's
`CASES`; `cases.py` has the modules in the order in which they run.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch

from gpu_parts.document import write_document
from sapo_engine.rollouts.vllm import PYTHON as VLLM_PYTHON

PACKAGES = ("torch", "transformers", "peft", "accelerate", "vllm", "bitsandbytes", "trl")
GIB = 2**30

Ground = TypeVar("Ground")


@dataclass(frozen=True)
class Case:
    """One measurement. `seconds` is about how long it takes on a card. `needs` are packages without which it is left
    out; `card` says why it cannot be tried without one, where it cannot."""

    name: str
    group: str
    seconds: float
    work: Callable[[Check], dict[str, Any]]
    needs: tuple[str, ...] = ()
    card: str = ""


@dataclass
class Check:
    """One run of the check: where it computes, how long it may take in seconds, and what has been said.

    `model` is a folder with a model for the samplers, None for random weights; `file` is where the document goes.
    """

    device: torch.device
    dry: bool
    budget: float
    model: Path | None = None
    file: Path | None = None
    began: float = field(default_factory=time.monotonic)
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _grounds: dict[Callable[[Check], Any], Any] = field(default_factory=dict[Callable[["Check"], Any], Any])

    @property
    def left(self) -> float:
        """Seconds."""
        return self.budget - (time.monotonic() - self.began)

    @property
    def on_card(self) -> bool:
        """Whether it computes on a card."""
        return self.device.type == "cuda"

    @property
    def precision(self) -> str:
        """Of matrix products."""
        return "bf16" if self.on_card else "fp32"

    def ground(self, make: Callable[[Check], Ground]) -> Ground:
        """What several cases of a group share, made by the first of them and dropped after the last."""
        if make not in self._grounds:
            self._grounds[make] = make(self)
        return self._grounds[make]

    def say(self, **row: Any) -> None:
        """A line, at once."""
        row["at"] = round(time.monotonic() - self.began, 1)
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        if self.file is not None:
            write_document(self.file, self.rows)

    def run(self, cases: Iterable[Case]) -> None:
        """Every case that there is time and software for. What fails is a line too, and the next one is measured."""
        # What was there before is not looked through after each case.
        gc.collect()
        gc.freeze()
        try:
            self._run(cases)
        finally:
            gc.unfreeze()

    def _run(self, cases: Iterable[Case]) -> None:
        group = ""
        for case in cases:
            if case.group != group:
                self._grounds.clear()
                group = case.group
            why = self._why_not(case)
            if why:
                self.say(case=case.name, group=case.group, skipped=why)
            else:
                self._measure(case)

    def _why_not(self, case: Case) -> str:
        missing = [name for name in case.needs if not installed(name)]
        if missing:
            return f"{' and '.join(missing)} not installed"
        if case.card and not self.on_card:
            return case.card
        if self.left < case.seconds and not self.dry:
            return f"{max(0.0, self.left):.0f} s left, {case.seconds:.0f} needed"
        return ""

    def _measure(self, case: Case) -> None:
        row: dict[str, Any]
        try:
            row = case.work(self)
        except Exception as error:  # whatever it is: the other cases are to be measured all the same
            traceback.print_exc()
            row = {"error": f"{type(error).__name__}: {error}"[:400]}
        if self.on_card:
            row["peak_gib"] = round(torch.cuda.max_memory_allocated() / GIB, 2)
        self._clean()
        if self.on_card:
            row["left_gib"] = round(torch.cuda.memory_allocated() / GIB, 3)
        self.say(case=case.name, group=case.group, **row)

    def _clean(self) -> None:
        gc.collect()
        if self.on_card:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def clock(self) -> float:
        """Now, in seconds, with everything done that was asked of the device."""
        if self.on_card:
            torch.cuda.synchronize()
        return time.monotonic()


def installed(name: str) -> bool:
    """Whether there is such a package; vLLM also in a Python of its own."""
    return find_spec(name) is not None or (name == "vllm" and bool(os.environ.get(VLLM_PYTHON)))


def versions() -> dict[str, str]:
    """Of everything that the figures depend on."""
    found: dict[str, str] = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
