"""Objectives: values against 40 digits, derivatives against 40-digit differences, text round trips."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.engine.objective import (
    Absolute,
    Binomial,
    Huber,
    Quantile,
    SmoothAbsolute,
    SmoothQuantile,
    Squared,
    Student,
    parse_objective,
)

RESIDUALS = np.array([-3.0, -0.4, -2e-3, -9e-4, -1e-7, 1e-7, 3e-4, 5e-3, 0.7, 2.5])
EXACT = {
    "huber": lambda r, o: r**2 / 2 if abs(r) <= o.delta else o.delta * (abs(r) - mpmath.mpf(o.delta) / 2),
    "smooth-absolute": lambda r, o: r**2 / (2 * mpmath.mpf(o.delta)) if abs(r) <= o.delta else abs(r) - o.delta / 2,
    "smooth-quantile": lambda r, o: (
        EXACT["smooth-absolute"](r, o) / 2 + mpmath.mpf(o.delta) / 4 + (mpmath.mpf("0.5") - o.q) * r
    ),
    "squared": lambda r, o: r**2,
    "student": lambda r, o: (mpmath.mpf(o.nu) + 1) / 2 * mpmath.log1p((r / o.s) ** 2 / o.nu),
}


@pytest.mark.parametrize(
    "objective",
    [Huber(1e-3), Huber(0.5), SmoothAbsolute(1e-2), SmoothQuantile(0.1, 1e-2), Squared(), Student(4.0, 5e-3)],
)
def test_values_and_derivatives_against_forty_digits(objective):
    target = np.full_like(RESIDUALS, 0.25)
    u = target + RESIDUALS
    v, d1, d2, m = objective.derivatives(u, target)
    exact = EXACT[objective.kind]
    with mpmath.workdps(40):
        for i in range(len(u)):
            r = mpmath.mpf(float(u[i])) - mpmath.mpf(float(target[i]))
            first = mpmath.diff(lambda z: exact(z, objective), r, 1, h=mpmath.mpf("1e-14"))
            second = mpmath.diff(lambda z: exact(z, objective), r, 2, h=mpmath.mpf("1e-12"))
            # the residual itself is exact here (u - t has no rounding for these numbers beyond half an ulp of u)
            assert v[i] == pytest.approx(float(exact(r, objective)), rel=1e-12)
            assert d1[i] == pytest.approx(float(first), rel=1e-9)
            assert d2[i] == pytest.approx(float(second), rel=1e-7, abs=1e-9)
    assert (m >= 0).all()
    assert (m >= d2 - 1e-12 * np.abs(d2)).all()  # a majoriser: its curvature is never below the objective's


@pytest.mark.parametrize(
    "objective",
    [Huber(1e-3), SmoothAbsolute(1e-2), SmoothQuantile(0.9, 1e-2), Squared("linear"), Student(), Binomial()],
)
def test_the_damped_form_says_the_same_as_the_derivatives(objective):
    u, t = np.linspace(0.05, 0.95, 12).reshape(3, 4), np.linspace(0.2, 0.8, 4)
    mu = np.array([[0.0], [0.5], [3.0]])
    v, d1, d2, m = objective.derivatives(u, t)
    for damping, curvature in ((None, d2), (mu, d2 + mu * m)):
        value, first, second = objective.damped(u, t, damping)
        np.testing.assert_allclose(value, v, rtol=1e-15, atol=0)
        np.testing.assert_allclose(first, d1, rtol=1e-15, atol=0)
        np.testing.assert_allclose(second, curvature, rtol=1e-15, atol=0)
        np.testing.assert_allclose(objective.value(u, t), v, rtol=1e-15, atol=0)
        np.testing.assert_allclose(objective.weight(u, t), m, rtol=1e-15, atol=0)


def test_absolute_is_the_limit_of_its_smoothed_forms():
    r = RESIDUALS
    for delta in (1e-2, 1e-4, 1e-8):
        gap = np.abs(Absolute().smoothed(delta).value(r, 0.0) - np.abs(r))
        assert gap.max() <= delta / 2 + 1e-15  # rounding of residuals up to three


def test_quantile_is_the_limit_of_its_smoothed_forms_and_half_of_the_absolute_value_at_the_median():
    r = RESIDUALS
    np.testing.assert_allclose(Quantile(0.5).value(r, 0.0), 0.5 * np.abs(r), rtol=1e-15)
    np.testing.assert_allclose(Quantile(0.1).value(r, 0.0), np.where(r > 0, 0.9 * r, -0.1 * r), rtol=1e-14)
    for delta in (1e-2, 1e-4, 1e-8):
        gap = Quantile(0.1).smoothed(delta).value(r, 0.0) - Quantile(0.1).value(r, 0.0)
        assert gap.min() >= -1e-15  # rounding of residuals up to three
        assert gap.max() <= delta / 4 + 1e-15


def test_binomial_counts():
    p, t = np.array([0.3, 0.9]), np.array([0.25, 1.0])
    with mpmath.workdps(40):
        kl = [
            mpmath.mpf("0.25") * mpmath.log(mpmath.mpf("0.25") / mpmath.mpf("0.3"))
            + mpmath.mpf("0.75") * mpmath.log(mpmath.mpf("0.75") / mpmath.mpf("0.7")),
            -mpmath.log(mpmath.mpf("0.9")),
        ]
    np.testing.assert_allclose(Binomial().value(p, t), [float(k) for k in kl], rtol=1e-12)
    assert Binomial().value(t[:1], t[:1])[0] == 0.0


@pytest.mark.parametrize(
    "text", ["huber:0.001", "squared@linear", "absolute", "student:4:0.005", "quantile:0.1", "binomial"]
)
def test_text_round_trip(text):
    assert parse_objective(parse_objective(text).spec()) == parse_objective(text)


@pytest.mark.parametrize(
    "text", ["hubr:1e-3", "huber:x", "huber:-1", "huber:1:2", "squared@cubic", "binomial@log", "quantile:1"]
)
def test_bad_text_is_refused(text):
    with pytest.raises(ConfigError):
        parse_objective(text)


def test_renumbered_keeps_kind_and_space():
    made = Huber(1e-3, "linear").renumbered((0.25,))
    assert made == Huber(0.25, "linear")
    assert Student().numbers == (4.0, 5e-3)
