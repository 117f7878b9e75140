"""Every registered kind of written questions has its file."""

from __future__ import annotations

import pytest

from sapo_engine.tasks.kinds import KINDS, Kind
from sapo_studio.domain.task_kinds import LAB, TASK_KINDS, WRITTEN


def test_kinds_are_those_of_the_kernel():
    assert (tuple(KINDS), len(KINDS), LAB in KINDS) == (WRITTEN, len(WRITTEN), False)
    with pytest.raises(KeyError):
        KINDS["nonesuch"]


@pytest.mark.parametrize("key", WRITTEN)
def test_a_kind_is_what_its_entry_says(key: str):
    kind = KINDS[key]
    assert isinstance(kind, Kind)
    assert kind.name == key
    assert kind.instruction
    assert bool(kind.hub_train) == TASK_KINDS[key].own_data
    assert bool(kind.code_instruction) == (TASK_KINDS[key].solutions == "either")
