"""The parts of `make gpu-check` and `make gpu-demo`.

Importing this package makes the checkout that it lies in importable, here and in the processes that are started from
here: on a machine with a card there may be nothing but the repository, torch, transformers and peft.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

for _folder in (str(ROOT / "engine"), str(ROOT)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)
    _before = os.environ.get("PYTHONPATH", "")
    if _folder not in _before.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_folder, _before)))
