"""Numbers as the window writes them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_ui import format as fmt


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (fmt.number(0.04567), "0.0457"),
        (fmt.number(3.14159), "3.14"),
        (fmt.number(1234.5), "1230"),
        (fmt.number(12_345), "12.3k"),
        (fmt.number(4.5e6), "4.50M"),
        (fmt.number(2e-4), "2e\u22124"),
        (fmt.number(-1.5), "\u22121.50"),
        (fmt.number(None), "\u2013"),
        (fmt.number(float("nan")), "\u2013"),
        (fmt.count(2000), "2,000"),
        (fmt.count(123_456), "123k"),
        (fmt.percent(0.5017), "50.2\u202f%"),
        (fmt.percent(1.0), "100\u202f%"),
        (fmt.points(0.033, signed=True), "+3.3\u202fpt"),
        (fmt.points(-0.0512, signed=True), "\u22125.1\u202fpt"),
        (fmt.points(-0.0001, signed=True), "0.0\u202fpt"),
        (fmt.ratio(0.447), "0.45\u00d7"),
        (fmt.duration(8.24), "8.2\u202fs"),
        (fmt.duration(42), "42\u202fs"),
        (fmt.duration(128), "2\u202fmin"),
        (fmt.duration(59.7), "1\u202fmin"),
        (fmt.duration(4800), "1\u202fh 20\u202fmin"),
        (fmt.duration(90_000), "1\u202fd 1\u202fh"),
        (fmt.duration(None), "\u2013"),
        (fmt.relative(1000, now=1010), "just now"),
        (fmt.relative(1000, now=1000 + 8 * 60), "8\u202fmin ago"),
        (fmt.relative(1000, now=1000 + 3 * 3600), "3\u202fh ago"),
        (fmt.size(1.2e9), "1.2\u202fGB"),
    ],
)
def test_examples(got, expected):
    assert got == expected


@given(st.floats(min_value=-1e8, max_value=1e8, allow_nan=False))
def test_at_most_three_significant_digits(value):
    text = fmt.number(value).replace("\u2212", "-")
    digits = re.sub(r"[^0-9]", "", text.split("e")[0]).lstrip("0")
    assert len(digits.rstrip("0") if "." not in text else digits) <= 3
