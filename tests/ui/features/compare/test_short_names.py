"""Names without the words that all of them begin with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_ui.features.compare.short_names import short_names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["gsm8k-qwen, SAPO", "gsm8k-qwen, no verifier"], ["SAPO", "no verifier"]),
        (["smoke-sapo", "smoke-sapo-2"], ["sapo", "sapo-2"]),
        (["sapo", "sapo-2"], ["sapo", "sapo-2"]),
        (["same", "same"], ["same", "same"]),
        (["alone, here"], ["alone, here"]),
        (["a b", "a c"], ["a b", "a c"]),
        ([], []),
    ],
)
def test_only_whole_words_go_and_something_is_left(names, short):
    assert short_names(names) == short


@given(st.lists(st.text(alphabet="ab ,-", max_size=8), max_size=4))
def test_what_is_left_tells_as_many_apart(names):
    short = short_names(names)
    assert len(set(short)) == len(set(names))
    assert all(name.endswith(left) for name, left in zip(names, short, strict=True))
