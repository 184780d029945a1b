"""Sums over infinitely many modes, and the closed forms of ridgeless regression, against outsiders."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.special import gamma, zeta

from tenfold.simulate.spectrum import Spectrum, modes


@pytest.mark.parametrize("power", [1.05, 1.25, 1.5, 2.0, 3.0])
def test_sums_are_zeta(power):
    k, weight = modes(power - 1)
    # The midpoint rule for the far modes leaves a relative error of about 1/(24 * 4096^2) = 2e-9 of their part.
    assert k**-power @ weight == pytest.approx(zeta(power), rel=3e-9)


def test_flow_without_limits_is_its_mellin_transform():
    # sum k^-a exp(-2 k^-b t) -> Gamma((a-1)/b) / b (2 t)^-((a-1)/b), up to terms that vanish exponentially in t.
    a, b, t = 1.5, 1.25, np.array([1e2, 1e4])
    want = gamma((a - 1) / b) / b * (2 * t) ** (-(a - 1) / b)
    assert Spectrum(a, b).remaining(t) == pytest.approx(want, rel=1e-8)


def test_resolution_for_the_square_spectrum_is_a_cotangent():
    # sum 1/(1 + kappa k^2) has the closed form (pi/s coth(pi/s) - 1)/2 with s = sqrt(kappa).
    kappa = Spectrum(2.0, 2.0).resolution([5, 50, 500])
    for n, found in zip([5, 50, 500], kappa, strict=True):
        s = mpmath.sqrt(found)
        assert float((mpmath.pi / s * mpmath.coth(mpmath.pi / s) - 1) / 2) == pytest.approx(n, rel=1e-8)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_data_and_features_are_dual_where_all_weights_are_alike(alpha):
    kernel = Spectrum(1 + alpha, 1 + alpha)
    n = np.array([10, 100, 1000])
    assert kernel.data_limited(n) == pytest.approx(kernel.size_limited(n), rel=1e-10)
    assert kernel.data_limited(n) == pytest.approx(n * kernel.resolution(n), rel=1e-8)  # both are n kappa there


@pytest.mark.parametrize(
    ("a", "b", "data", "size"),
    [(1.5, 1.25, -0.5, -0.5), (2.0, 1.5, -1.0, -1.0), (3.5, 1.5, -2.5, -1.5), (8.0, 1.5, -3.0, -1.5)],
)
def test_exponents_of_the_closed_forms(a, b, data, size):
    n = np.array([1e6, 1e7])  # slow corrections: the next term is down by n^-(b-1) or n^-(a-1)
    kernel = Spectrum(a, b)
    for loss, want in ((kernel.data_limited(n), data), (kernel.size_limited(n), size)):
        assert np.log10(loss[1] / loss[0]) == pytest.approx(want, abs=0.01)


def test_finite_in_both_meets_its_limits():
    kernel = Spectrum(1.8, 1.4)
    assert kernel.ridgeless(32, 1e9) == pytest.approx(float(kernel.data_limited(32)), rel=1e-6)
    assert kernel.ridgeless(1e9, 32) == pytest.approx(float(kernel.size_limited(32)), rel=1e-6)
    assert kernel.ridgeless(32, 32) == np.inf
    assert kernel.ridgeless(33, 32) > kernel.ridgeless(64, 32) > kernel.size_limited(32)
