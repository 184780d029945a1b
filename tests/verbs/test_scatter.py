"""The noise of one run about a law, and its trend: what even tables must not be given and uneven ones must."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import fit, forecast
from tenfold.rehearse import scatter_of
from tenfold.scatter import Scatter, run_noise, scatter
from tenfold.simulate import simulate


def test_even_noise_is_one_number_nine_times_in_ten():
    """The rank test calls a tenth of even tables uneven: of 400, between 6 and 14 % (three standard errors)."""
    rng = np.random.default_rng(0)
    loss = np.geomspace(2.0, 3.0, 40)
    made = [scatter(0.01 * rng.standard_normal(40), loss, np.arange(40), 0) for _ in range(400)]
    assert 0.06 < np.mean([bool(one.ends) for one in made]) < 0.14
    assert np.median([one.sd for one in made]) == pytest.approx(0.01, rel=0.05)


def test_a_trend_is_followed_inside_and_held_outside():
    rng = np.random.default_rng(1)
    loss = np.geomspace(2.0, 4.0, 400)
    made = scatter(0.01 * (loss / 2.0) ** 2 * rng.standard_normal(400), loss, np.arange(400), 0)
    assert made.at(np.array([2.0, 2.83, 4.0])) == pytest.approx([0.01, 0.02, 0.04], rel=0.15)
    assert made.at(np.array([1.0, 9.0])) == pytest.approx(made.at(np.array([2.0, 4.0])), rel=1e-12)


def test_without_a_trend_every_place_is_alike():
    assert Scatter(0.02).at(np.array([[1.0, -1.0]])).tolist() == [[0.02, 0.02]]


def test_shares_that_a_law_predicts_below_zero_get_no_trend():
    predicted = np.append(np.linspace(-0.1, 0.9, 29), 1.0)
    residual = np.linspace(0.0, 1.0, 30)
    assert scatter(residual, predicted, np.arange(30), 0) == Scatter(run_noise(residual, 0))


def test_forecasts_at_the_top_use_the_noise_at_the_top():
    """Noise 2.5 times as large a decade of compute below: at the edge the interval must be near the top's own noise."""
    wide = []
    for seed in range(12):
        made = simulate("ladder", seed=seed, low=1e18, high=10**20.5, noise=0.002, noise_growth=2.5)
        fitted = fit("chinchilla", made.runs, certificate=False, throw=False)
        found = scatter_of(fitted, made.runs)
        n = made.truth.optimum(10**20.5)
        at = {"params": n, "tokens": 10**20.5 / (6 * n)}
        seen = forecast(fitted, made.runs, at=[at], method="laplace:100").predictions[0]
        assert seen.parts["noise"] == pytest.approx(float(found.at(np.array(seen.center))), rel=1e-12)
        wide.append(seen.parts["noise"] / found.sd)
    assert np.median(wide) < 0.6  # the typical run scatters by .005, one at the top by .002
