"""Gaussian predictors: closed forms against drawn correlations, drawn data, brute-force sums and their own limits."""

import numpy as np
import pytest

from tenfold import ConfigError
from tenfold.simulate import simulate
from tenfold.simulate.gaussian_predictors import (
    correlations,
    explained,
    field_regression,
    midpoint_error,
    regression,
    turning_point,
)


@pytest.fixture(scope="module")
def made():
    return simulate("gaussian-predictors", spread=0.05, largest=64, draws=4)


def test_runs_show_the_exponents(made):
    assert all(made.met().values()), made.measured()


@pytest.mark.parametrize(("mean", "spread", "count"), [(0.0, 0.03, 200), (0.2, 0.03, 120), (0.4, 0.02, 120)])
def test_share_explained_by_drawn_correlations(mean, spread, count):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(8):
        matrix = correlations(count, rng, mean=mean, spread=spread)
        shares.append(np.mean(1 - 1 / np.diag(np.linalg.inv(matrix))))  # every variable as the target
    # the next order of the semicircle law is 1/count, times numbers of order one
    assert np.mean(shares) == pytest.approx(explained(np.array(float(count)), mean=mean, spread=spread), abs=1 / count)


def test_limits_of_the_closed_form():
    sizes = np.array([1.0, 10.0, 100.0])
    shared = explained(sizes, mean=0.3, spread=0.0)
    assert shared == pytest.approx(0.09 * sizes / (0.7 + 0.3 * sizes), rel=1e-12)  # Sherman and Morrison
    few = explained(sizes, mean=0.0, spread=1e-4)
    assert few == pytest.approx(1e-8 * sizes, rel=1e-5)  # independent predictors add up
    assert explained(np.array(624.999999), mean=0.0, spread=0.02) == pytest.approx(0.5, abs=1e-4)


def test_signs_of_the_returns():
    grid = np.arange(1.0, 100.0)
    assert (np.diff(explained(grid, mean=0.0, spread=0.04), 2) > 0).all()  # zero mean: increasing
    assert (np.diff(explained(grid, mean=0.2, spread=0.0), 2) < 0).all()  # no spread: decreasing
    both = np.diff(explained(grid, mean=0.2, spread=0.04), 2) > 0
    turn = turning_point(mean=0.2, spread=0.04)
    assert not both[0]
    assert both[-1]
    assert np.diff(both.astype(int)).sum() == 1  # one change of sign
    assert grid[1:-1][both][0] == pytest.approx(turn, abs=1.5)


def test_least_squares_has_the_error_of_gaussian_predictors():
    rng = np.random.default_rng(3)
    matrix = correlations(20, rng, mean=0.3, spread=0.05)
    made = np.array([regression(matrix, 60, rng) for _ in range(400)])
    share = matrix[0, 1:] @ np.linalg.solve(matrix[1:, 1:], matrix[0, 1:])
    expected = (1 - share) * 59 / 39
    se = made[:, 1].std() / 20
    assert made[:, 1].mean() == pytest.approx(expected, abs=4 * se)
    assert se < 0.02 * expected


def test_data_agree_with_the_expected_loss(made):
    for name, rows in made.runs.groups("part").items():
        off = np.log(rows.column("loss") / rows.column("expected_loss"))
        assert abs(off.mean()) < 0.05, name  # single targets, four draws each
        assert np.abs(off).max() < 0.25, name


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_midpoint_error_by_summing_frequencies(a):
    places, most = 12, 12 * 40_000
    j = np.arange(-most, most + 1)
    j = j[j != 0]
    power = np.abs(j) ** -(1.0 + a)
    sign = (-1.0) ** (j // places)
    plain = np.bincount(j % places, power, places)
    signed = np.bincount(j % places, power * sign, places)
    brute = (plain - signed**2 / plain).sum() / power.sum()
    tail = 2 * most**-a / a / power.sum()  # frequencies left out
    assert midpoint_error(places, a=a) == pytest.approx(brute, abs=2 * tail + 1e-12)


def test_drawn_fields_have_the_midpoint_error():
    rng = np.random.default_rng(5)
    losses = [field_regression(16, 160, rng, a=1.0) for _ in range(20)]
    assert np.mean(losses) == pytest.approx(midpoint_error(16, a=1.0) * 159 / 143, rel=0.02)


def test_settings_outside_their_range():
    with pytest.raises(ConfigError, match=r"spread must be between 0.005 and 0.05, got 0.2"):
        simulate("gaussian-predictors", spread=0.2)
    with pytest.raises(ConfigError, match="positive definite"):
        correlations(60, np.random.default_rng(0), mean=0.0, spread=0.3)
