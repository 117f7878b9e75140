"""Makes the warmed-up reasoners that ship with the program: `python packaging/bundle_models.py FOLDER`.

Each is the warm-up of a preset, alone: trained from nothing on the lab's training questions of that preset's seed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from sapo_engine.models.loading import save_model
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.warmup import warm_up
from sapo_engine.session import RunSession
from sapo_studio.config.overrides import merged
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import parse_config
from sapo_studio.events import Event
from sapo_studio.events.kinds import Log

WARMED: dict[str, tuple[str, dict[str, Any]]] = {
    "lab": ("lab-full", {}),
    # At first its answers are right as often as a guess is: it may cool down only when it is clearly better.
    "lab-rest": ("lab-rest", {"model": {"source": "fresh"}, "warmup": {"epochs": 10.0, "stop_at": 0.4}}),
}
"""By name: the preset, and what of it is other for the warm-up."""


def make(name: str, folder: Path) -> None:
    """Warm a fresh reasoner up for `name` and save it in `folder`."""

    def say(event: Event) -> None:
        if isinstance(event, Log):
            print(event.message, flush=True)

    preset, changes = WARMED[name]
    config = parse_config(merged(find_preset(preset).config.model_dump(), changes))
    torch.set_num_threads(config.runtime.threads or torch.get_num_threads())
    with tempfile.TemporaryDirectory() as scratch:
        session = RunSession(config, Path(scratch), torch.device("cpu"))
        model = warm_up(RunContext(session, plan(config), say), session.start())
        save_model(model.network, session.tokenizer, folder)
    print(f"{folder}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    for bundled in WARMED:
        make(bundled, Path(sys.argv[1]) / bundled)
