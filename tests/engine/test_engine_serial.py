"""Correlated rows against dense matrices and against simulated processes."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.engine import serial
from tenfold.engine.serial import Serial


def _dense(z: np.ndarray, found: Serial) -> np.ndarray:
    return found.share + (1 - found.share) * np.exp(-np.abs(z[:, None] - z) / found.length)


def test_weights_are_those_of_the_best_mean_of_each_run():
    rng = np.random.default_rng(0)
    run = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    z = rng.uniform(0, 3, 8)
    shuffled = rng.permutation(8)
    found = Serial(0.3, 0.8)
    made = serial.weights(serial.chains(run[shuffled], z[shuffled]), found)
    for which in range(3):
        rows = run[shuffled] == which
        exact = np.linalg.solve(_dense(z[shuffled][rows], found), np.ones(rows.sum()))
        np.testing.assert_allclose(made[rows], exact, rtol=1e-12)


def test_the_likelihood_is_the_normal_one():
    rng = np.random.default_rng(1)
    run = np.repeat(np.arange(6), 5)
    z = np.tile(np.linspace(0, 2, 5), 6) + rng.uniform(0, 0.2, 30)
    e = rng.standard_normal(30)
    found = serial.chains(run, z)
    shares = np.array([0.0, 0.4, 0.9])
    made = serial._deviance(e[found.order], found, 0.7, shares)
    for share, value in zip(shares, made, strict=True):
        inverse, log_det = 0.0, 0.0
        for which in range(6):
            dense = _dense(z[run == which], Serial(share, 0.7))
            inverse += e[run == which] @ np.linalg.solve(dense, e[run == which])
            log_det += np.linalg.slogdet(dense)[1]
        assert value == pytest.approx(30 * np.log(inverse / 30) + log_det, rel=1e-11)


@pytest.mark.parametrize("truth", [Serial(0.0, 0.5), Serial(0.5, 0.4), Serial(0.0, 0.02), Serial(0.9, 0.05)])
def test_the_correlation_of_simulated_runs_is_found(truth):
    rng = np.random.default_rng(2)
    z = np.linspace(0, 3, 16)
    root = np.linalg.cholesky(_dense(z, truth) + 1e-12 * np.eye(16))
    e = (rng.standard_normal((150, 16)) @ root.T).ravel()
    found = serial.estimate(e, serial.chains(np.repeat(np.arange(150), 16), np.tile(z, 150)))
    for distance in (0.2, 1.0, 3.0):
        # 150 runs show a correlation to 1/sqrt(150) = .08 at worst
        assert found.at(distance) == pytest.approx(truth.at(distance), abs=0.12)
    effective = serial.weights(serial.chains(np.zeros(16, dtype=np.int64), z), found).sum()
    exact = np.ones(16) @ np.linalg.solve(_dense(z, truth), np.ones(16))
    assert effective == pytest.approx(exact, rel=0.2)


def test_one_row_a_run_is_independent():
    found = serial.chains(np.arange(5), np.linspace(0, 1, 5))
    made = serial.estimate(np.ones(5), found)
    np.testing.assert_allclose(serial.weights(found, made), 1.0)
