"""One thread for torch: on a busy machine two are slower, and results must not depend on how many there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread_for_whoever_comes_next() -> Iterator[None]:
    """What is tried in the test's process may ask for more, which stays."""
    yield
    torch.set_num_threads(1)
