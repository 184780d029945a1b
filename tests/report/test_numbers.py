"""Numbers are printed to the digits that their uncertainty justifies."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.report import numbers


@pytest.mark.parametrize(
    ("value", "pair", "axis", "text"),
    [
        (7.2e10, (5.5e10, 9.6e10), "params", "72 B [55, 96]"),
        (1.7836, (1.7512, 1.8107), None, "1.784 [1.751, 1.811]"),
        (1.4e6, (9e3, 2.1e8), "params", "1.4 M [9 k, 210 M]"),
        (1.2e9, (1.1e9, 1.3e9), "tokens", "1.20 B [1.10, 1.30] tokens"),
        (3.2e11, (2.9e11, 3.5e11), "flops", "3.20e11 [2.90e11, 3.50e11] FLOP"),
        (81.0, (50.2, 139.6), "M", "81 [50, 140] tokens/parameter"),
        (5.0, None, None, "5.000"),
        (7.2e10, (7.2e10, 7.2e10), "params", "72 B"),
        (5.0, (float("nan"), 6.0), None, "5.000"),
        (float("nan"), (1.0, 2.0), None, "–"),
        (None, None, "params", "–"),
        (0.0, (-0.1, 0.1), None, "0.00 [-0.10, 0.10]"),
        (1.0, (1.0, 1.5), "no such axis", "1.00 [1.00, 1.50]"),
    ],
)
def test_intervals(value, pair, axis, text):
    assert numbers.interval(value, pair, axis=axis) == text


@given(
    st.floats(1e-3, 1e6),
    st.floats(1e-4, 0.9),
    st.floats(1e-4, 0.9),
)
def test_an_interval_reads_back_to_within_its_own_digits(value, down, up):
    low, high = value * (1 - down), value * (1 + up)
    text = numbers.interval(value, (low, high))
    found = [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]
    assert len(found) == 3
    half = min(value - low, high - value)
    for shown, true in zip(found, (value, low, high), strict=True):
        # half of the narrow side, or where that is nearly nothing a small share of the whole width
        assert abs(shown - true) <= max(0.51 * half, 0.03 * (high - low), 1e-6)
    assert found[1] <= found[0] <= found[2]


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_nothing_breaks_a_number(value, other):
    for text in (
        numbers.plain(value),
        numbers.percent(value, sign=True),
        numbers.with_error(value, other),
        numbers.interval(value, (other, value)),
        numbers.interval(value, (value, other), axis="params"),
        numbers.quantity(value, "flops"),
        numbers.share(value),
        numbers.decades(value),
    ):
        assert text
        assert "nan" not in text
        assert "inf" not in text


@given(st.floats(1e-5, 1e8), st.floats(1e-4, 1.0))
def test_an_error_shows_two_digits(value, relative):
    error = value * relative
    shown = numbers.with_error(value, error).partition(" ± ")[2]
    assert math.isclose(float(shown), error, rel_tol=0.06, abs_tol=6e-8)


def test_errors_and_shares():
    assert numbers.with_error(0.3473, 0.0123) == "0.347 ± 0.012"
    assert numbers.with_error(2143.4, 812.0) == "2140 ± 810"
    assert numbers.with_error(0.35, None) == "0.3500"
    assert numbers.share(0.9999) == "99 %"
    assert numbers.percent(-0.0) == "0 %"
    assert numbers.count(12345, "run") == "12 345 runs"
