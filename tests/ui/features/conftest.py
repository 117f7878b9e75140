"""A finished run for panels to show."""

from __future__ import annotations

import pytest

from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def run_id(store):
    """Two iterations of 120 samples of 20 questions."""
    return synthetic_run(store, iterations=2, questions=20, trajectories=120)
