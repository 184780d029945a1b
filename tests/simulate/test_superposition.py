"""Superposition: geometry against exact configurations, the weak sum, and a toy whose regime the order parameter shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from tenfold.core.errors import ConfigError, DataError
from tenfold.simulate import simulate
from tenfold.simulate.superposition import SQUARE, draw, frequencies, geometry, gradient, ideal_weak, loss_of, welch


@pytest.fixture(scope="module")
def made():
    return simulate("superposition", features=64, steps=600, batch=192)


def test_every_exponent_meets_theory(made):
    for name, slope in made.measured().items():
        assert slope == pytest.approx(made.truth[name].value, abs=made.truth[name].tolerance), name
    part = made.runs.groups("part")["geometry"]
    # 1000 vectors make half a million pairs; the mean of their squared cosines times m is 1 to within some 0.3 %.
    assert part.column("overlap") * part.column("width") == pytest.approx(1.0, abs=0.01)
    assert (part.column("largest") > part.column("welch")).all()


@pytest.mark.parametrize("alpha", [1.5, 3.0])
def test_the_weak_exponent_follows_the_frequencies(alpha):
    made = simulate("superposition", alpha=alpha, steps=10, batch=8)
    assert made.truth["weak"].value == 1 - alpha
    assert made.measured()["weak"] == pytest.approx(1 - alpha, abs=made.truth["weak"].tolerance)


def test_flat_frequencies_have_no_weak_exponent():
    assert set(simulate("superposition", alpha=1.0, steps=10, batch=8).truth.exponents) == {"overlap"}


def test_the_order_parameter_shows_the_regime(made):
    weak, strong = (made.runs.groups("part")[f"trained_{name}"] for name in ("weak", "strong"))
    held = weak.column("represented") * 64 / weak.column("width")
    # Weak: of the order of m features of 64; strong: all, or nearly so at the smallest width, which learns last.
    assert ((held > 0.8) & (held < 2.5)).all()
    assert (strong.column("represented") > 0.75).all()
    assert (strong.column("represented") > 3 * weak.column("represented")).all()
    assert (strong.column("loss") < strong.column("closed_form")).all()
    assert (np.diff(weak.column("loss")) < 0).all()


def test_geometry_of_exact_configurations():
    m = 7
    corners = np.eye(m + 1) - 1 / (m + 1)  # a regular simplex: m + 1 vectors that span m dimensions, cosines -1/m
    flat = corners @ np.linalg.svd(corners)[2][:m].T
    found = geometry(flat)
    assert found.largest == pytest.approx(found.welch) == pytest.approx(1 / m)
    assert found.overlap == pytest.approx(1 / m**2)
    assert geometry(3 * np.eye(5)).overlap == pytest.approx(0.0, abs=1e-12)
    assert geometry([[1.0, 0.0], [0.0, 0.4], [0.0, 0.0]]).represented == pytest.approx(1 / 3)
    rows = np.random.default_rng(0).standard_normal((600, 5))
    unit = rows / np.linalg.norm(rows, axis=1)[:, None]
    cosines = unit @ unit.T
    off = np.abs(cosines[~np.eye(600, dtype=bool)])
    assert geometry(rows).overlap == pytest.approx((off**2).mean())
    assert geometry(rows).largest == pytest.approx(off.max())
    assert welch(3, 5) == 0.0


def test_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(1)
    x = rng.random((5, 6)) * (rng.random((5, 6)) < 0.5)
    weights, bias = rng.standard_normal((6, 3)), 0.1 * rng.standard_normal(6)

    def loss(flat):
        return loss_of(flat[:18].reshape(6, 3), flat[18:], x)

    slope = gradient(weights, bias, x)
    numeric = approx_fprime(np.concatenate([weights.ravel(), bias]), loss, 1e-7)
    # Forward differences of a squared error are good to about the step times its curvature.
    assert np.concatenate([slope[0].ravel(), slope[1]]) == pytest.approx(numeric, abs=2e-5)


def test_an_ideal_weak_model_has_the_loss_of_the_formula():
    p = frequencies(40, 1.5, 1.0)
    assert p.sum() == pytest.approx(1.0)
    weights = np.eye(40)[:, :4]
    bias = np.where(np.arange(40) < 4, 0.0, p)  # the mean of a feature that is not held is p times 1
    x = draw(np.random.default_rng(2), p.astype(np.float32), 200_000)
    # 200,000 samples leave a standard error of about .5 %.
    assert loss_of(weights, bias, x) == pytest.approx(ideal_weak(p, 4), rel=0.02)
    assert ideal_weak(p, 4) < SQUARE * p[4:].sum()


def test_bad_matrices_are_refused():
    for matrix, text in (
        (np.ones(3), "two axes"),
        ([[np.nan, 1.0], [1.0, 2.0]], "not finite"),
        ([[0.0], [1.0]], "two rows"),
    ):
        with pytest.raises(DataError, match=text):
            geometry(matrix)


@pytest.mark.parametrize("settings", [{"alpha": -1}, {"active": 0}, {"features": 8}, {"steps": 0}, {"narrow": 1}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(ConfigError) as caught:
        simulate("superposition", **settings)
    assert next(iter(settings)) in str(caught.value)
