"""What a run takes besides its phases: until the first one begins, what is started within them, and after the last one.
Most of a small run."""

from __future__ import annotations

PARENT = 1.2
"""Seconds until the engine's parent has the run and starts a worker."""
LIBRARIES = 5.3
"""Seconds in which a worker loads torch, transformers, peft and accelerate: of CPU time, since how long the files take
to come from a disk is any machine's own. Measured on the machine of docs/forecast.md, with warm files."""
SESSION = 1.5
"""Seconds to look at the configuration, make the task, and put a small model together. A large model's weights take as
long as the disk gives them, which is not foreseen."""
ENDING = 2.0
"""Seconds for the last backup of the store, and until parent and worker are gone."""
VLLM = 60.0
"""Seconds until vLLM has compiled a model and captured its graphs on a card: 50 to 77 on the H200 that was measured.
On a CPU it does neither."""


def start_seconds(processes: int, *, vllm: bool = False) -> float:
    """Seconds of a run before its first phase and after its last, with so many workers: these load at the same time,
    after the launcher, which loads torch before it starts them. `vllm`: each starts one on its card."""
    launcher = LIBRARIES if processes > 1 else 0.0
    return PARENT + launcher + LIBRARIES + SESSION + ENDING + (VLLM if vllm else 0.0)
