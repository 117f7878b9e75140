"""For all tests."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Generator

import pytest

if importlib.util.find_spec("hypothesis"):  # not in vLLM's own environment
    from hypothesis import settings

    # How long an example takes is the machine's affair; what must end in time has a limit of its own.
    settings.register_profile("whatever the machine", deadline=None)
    settings.load_profile("whatever the machine")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """To collect all tests is to import torch, transformers and Qt: for seconds objects come, and none is garbage. What
    was imported stays, and nobody need look through it for garbage later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _what_was_loaded_before_is_not_searched_for_garbage() -> None:
    """Libraries go on loading parts of themselves while tests run, half a million objects in the end. Whoever has the
    garbage collected after each test or request would look through all of them each time, for half a second."""
    gc.collect()
    gc.freeze()
