"""Scores against values worked out by hand: logarithms, capping, coverage and the interval score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tenfold.arena import score
from tenfold.arena.scores import CAP, capped

LN2 = math.log(2.0)


def test_errors_by_hand():
    made = score(np.array([1.0, 2.0]), np.array([2.0, 1.0]), {})
    assert made.log_error == pytest.approx(LN2)
    assert made.relative == pytest.approx((1.0 + 0.5) / 2)  # 2 for 1 is off by all of it, 1 for 2 by half
    assert made.r2 == -1.0  # 1 - 2/0.5, clipped
    assert (made.inside, made.width, made.interval_score) == ({}, {}, {})


def test_r2_is_that_of_the_withheld_points():
    measured, center = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0])
    assert score(measured, center, {}).r2 == pytest.approx(1.0 - 1.0 / 2.0)
    assert math.isnan(score(np.ones(3), np.ones(3), {}).r2)  # nothing varies: nothing to explain


def test_the_interval_score_of_gneiting_and_raftery_by_hand():
    """Equation 43: width, plus 2/alpha times what a point lies below or above; alpha is one minus the level."""
    measured = np.array([1.0, 1.0, 1.0])
    low, high = np.array([0.5, 2.0, 0.25]), np.array([2.0, 4.0, 0.5])
    made = score(measured, measured, {0.9: (low, high), 0.5: (low, high)})
    widths = np.array([2 * LN2, LN2, LN2])
    misses = np.array([0.0, LN2, LN2])  # the second interval starts a factor of two above, the third ends as far below
    assert made.width[0.9] == pytest.approx(widths.mean())
    assert made.inside[0.9] == pytest.approx(1 / 3)
    assert made.interval_score[0.9] == pytest.approx((widths + 20 * misses).mean())
    assert made.interval_score[0.5] == pytest.approx((widths + 4 * misses).mean())


def test_the_true_interval_has_the_best_score():
    """The score is proper: of intervals of lognormal draws the central one of the level scores best."""
    y = np.exp(np.random.default_rng(0).standard_normal(20_000))
    reaches = np.array([1.0, 1.3, 1.6449, 2.0, 2.4])  # 1.6449 holds 90 % of a normal
    found = [
        score(y, y, {0.9: (np.full(y.shape, math.exp(-r)), np.full(y.shape, math.exp(r)))}).interval_score[0.9]
        for r in reaches
    ]
    assert int(np.argmin(found)) == 2


def test_what_is_not_positive_or_finite_counts_as_a_factor_of_ten():
    bad = np.array([np.nan, np.inf, -1.0, 0.0, 1e9, 1e-9])
    error = capped(bad, np.ones(6))
    assert np.abs(error) == pytest.approx(CAP)
    assert math.log(10.0) == CAP
    made = score(np.arange(1.0, 7.0), bad, {})
    assert made.log_error == pytest.approx(CAP)
    assert made.r2 == -1.0


def test_an_interval_without_an_end_is_as_wide_as_the_cap():
    one = np.ones(1)
    made = score(one, one, {0.9: (np.array([np.nan]), np.array([np.nan]))})
    assert made.width[0.9] == pytest.approx(2 * CAP)
    assert made.inside[0.9] == 1.0  # from a tenth to ten times: it holds the point and pays for its width
    assert made.interval_score[0.9] == pytest.approx(2 * CAP)


def test_json_names_levels_as_text():
    one = np.ones(2)
    assert score(one, one, {0.5: (one, one), 0.9: (one, one)}).to_dict() == {
        "log_error": 0.0,
        "relative": 0.0,
        "r2": pytest.approx(math.nan, nan_ok=True),
        "inside": {"0.5": 1.0, "0.9": 1.0},
        "width": {"0.5": 0.0, "0.9": 0.0},
        "interval_score": {"0.5": 0.0, "0.9": 0.0},
    }
