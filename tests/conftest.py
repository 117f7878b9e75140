"""For all tests."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("hypothesis"):  # not in vLLM's own environment
    from hypothesis import settings

    # How long an example takes is the machine's affair; what must end in time has a limit of its own.
    settings.register_profile("whatever the machine", deadline=None)
    settings.load_profile("whatever the machine")
