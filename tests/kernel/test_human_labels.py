"""People's word in place of labels by rollouts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.human_labels import outranked


@pytest.mark.parametrize(
    ("labels", "correct", "wanted", "reasons"),
    [
        ("11000", {}, "11000", "wwwww"),
        ("11000", {2: False}, "10000", "wpppp"),
        ("11000", {4: True}, "11110", "ppppw"),
        ("11111", {1: True, 2: True, 3: False}, "11000", "ppppp"),
        ("11000", {1: True, 5: False}, "11000", "pwwwp"),
        ("11000", {3: False, 5: True}, "11000", "wwppp"),  # no path leads back
        ("?????", {2: True, 4: False}, "11?00", "ppwpp"),
        ("1?0", {1: True}, "1?0", "pcw"),
    ],
)
def test_step_by_step(labels, correct, wanted, reasons):
    before = "".join("c" if label == "?" and "c" in reasons else "w" for label in labels)
    assert outranked(labels, before, correct) == (wanted, reasons)


@given(st.integers(1, 6), st.integers(1, 7), st.dictionaries(st.integers(1, 6), st.booleans()))
def test_labels_never_rise_again_and_people_are_heeded(n, error, correct):
    said = {step: ok for step, ok in correct.items() if step <= n}
    written = "".join("1" if step < error else "0" for step in range(1, n + 1))
    labels, reasons = outranked(written, "w" * n, said)
    assert "01" not in labels
    first = min((step for step, ok in said.items() if not ok), default=n + 1)
    for step, ok in said.items():
        assert reasons[step - 1] == "p"
        assert labels[step - 1] == ("1" if ok and step < first else "0")
    for step in range(1, n + 1):
        if reasons[step - 1] == "w":
            assert labels[step - 1] == written[step - 1]
