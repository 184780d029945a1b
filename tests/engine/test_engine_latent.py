"""Likeliest inputs against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.engine import latent
from tenfold.engine.latent import Erring


def _parts(rng: np.random.Generator, n: int) -> tuple[list[Erring], np.ndarray]:
    """Two inputs, of which one shares its error among rows; and the covariance they give without noise."""
    shared = Erring(0.3, rng.uniform(-0.4, -0.1, n), rng.integers(0, n // 4, n))
    single = Erring(0.1, rng.uniform(-0.6, -0.2, n), np.arange(n))
    dense = np.zeros((n, n))
    for part in (shared, single):
        same = part.group[:, None] == part.group
        dense += part.sd**2 * same * np.outer(part.slope, part.slope)
    return [shared, single], dense


def test_the_solution_is_that_of_the_dense_system():
    rng = np.random.default_rng(0)
    parts, dense = _parts(rng, 40)
    r = 0.02 * rng.standard_normal(40)
    made = latent.solved(r, 0.05, parts)
    exact = np.linalg.solve(dense + 0.05**2 * np.eye(40), r)
    np.testing.assert_allclose(made, exact, rtol=1e-8)  # the residual of the system is brought to 1e-12 of its size
    np.testing.assert_allclose(latent.variance(0.05, parts), np.diag(dense) + 0.05**2, rtol=1e-14)


def test_moved_inputs_are_uncorrelated_with_the_residuals():
    rng = np.random.default_rng(1)
    parts, dense = _parts(rng, 40)
    noise = 0.05
    cov = dense + noise**2 * np.eye(40)
    for part in parts:
        same = (part.group[:, None] == part.group) * part.sd**2
        with_r = -same * part.slope  # of the input's recorded error with every residual
        move = np.column_stack([part.moved(np.linalg.solve(cov, e)) for e in np.eye(40)])
        np.testing.assert_allclose(with_r + move @ cov, 0.0, atol=1e-12)  # rounding of a 40 x 40 system


@pytest.mark.parametrize("robust", [False, True])
def test_the_noise_is_what_the_inputs_leave(robust):
    rng = np.random.default_rng(2)
    n, noise = 4000, 0.03
    part = Erring(0.2, np.full(n, -0.2), np.arange(n))
    r = np.sqrt(noise**2 + 0.04**2) * rng.standard_normal(n)
    # 4000 residuals show their variance to 2 %, a fifth of which is the noise's own: 3 % of it, and the median twice that
    assert latent.noise_of(r, [part], freedom=1.0, robust=robust) == pytest.approx(noise, rel=0.12)
    small = latent.noise_of(0.01 * r, [part], freedom=1.0, robust=robust)  # errors explain more than all scatter
    assert 0 < small <= 0.15 * np.std(0.01 * r)
