"""Makes the warmed-up reasoner that ships with the program: `python -m sapo_engine.bundle FOLDER`.

It is the warm-up of preset `lab-full`, alone: trained from nothing on the lab's training questions of that
preset's seed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from sapo_engine.context import Context
from sapo_engine.loop import plan
from sapo_engine.models import save_model
from sapo_engine.stages import Stages
from sapo_studio.config.presets import find_preset
from sapo_studio.events import Event
from sapo_studio.events.kinds import Log


def make(folder: Path) -> None:
    """Warm a fresh reasoner up and save it in `folder`."""

    def say(event: Event) -> None:
        if isinstance(event, Log):
            print(event.message, flush=True)

    config = find_preset("lab-full").config
    torch.set_num_threads(config.runtime.threads or torch.get_num_threads())
    with tempfile.TemporaryDirectory() as scratch:
        stages = Stages(config, Context(Path(scratch), plan(config), say), torch.device("cpu"))
        model = stages.sft(stages.start())
        save_model(model.network, stages.tokenizer, folder)
    print(f"{folder}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
