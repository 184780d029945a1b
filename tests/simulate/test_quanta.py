"""The quantization model: expectation, drawn tasks, theory and our own fits say the same."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.special import gamma, zeta

from tenfold.core.errors import ConfigError
from tenfold.fit import fit
from tenfold.simulate import simulate
from tenfold.simulate.quanta import expected


@functools.cache
def quanta(**settings):
    return simulate("quanta", **settings)


@pytest.mark.parametrize(
    "settings", [{}, {"alpha": 1.0, "draws": 2}, {"alpha": 0.2, "threshold": 3, "need": 1, "draws": 2}]
)
def test_every_exponent_meets_theory(settings):
    made = quanta(**settings)
    assert set(made.truth.exponents) == {
        f"{name}{how}" for name in ("params", "data", "steps") for how in ("", "_sampled")
    }
    for name, slope in made.measured().items():
        truth = made.truth[name]
        assert slope == pytest.approx(truth.value, abs=truth.tolerance), name
    # Data fall slower than size: alpha/(1 + alpha), not alpha.
    assert made.truth["params"].value < made.truth["data"].value - made.truth["data"].tolerance


def test_drawn_tasks_meet_the_expectation():
    parts = quanta().runs.groups("part")
    for name in ("data", "steps", "params"):
        want, found = parts[name].column("loss"), parts[f"{name}_sampled"].column("loss")
        # Four draws; the loss of one is uncertain by a few percent where few quanta are learned.
        assert found == pytest.approx(want[: len(found)], rel=0.08), name


def test_expectation_against_a_plain_sum_and_its_limit():
    tokens = np.array([30.0, 300.0])
    k = np.arange(1.0, 2e6)
    shares = k**-2.0 / zeta(2.0)
    plain = [(shares * np.exp(-d * shares)).sum() + zeta(2.0, 2e6) / zeta(2.0) for d in tokens]
    assert expected(tokens, alpha=1.0, threshold=1) == pytest.approx(plain, rel=1e-6)
    # Far out: sum p e^-Dp -> Gamma(s) / (1 + alpha) Z^-1 (D / Z)^-s with s = alpha/(1 + alpha).
    alpha, far = 0.5, 1e9
    s, z = alpha / (1 + alpha), zeta(1 + alpha)
    limit = gamma(s) / (1 + alpha) / z * (far / z) ** -s
    assert expected(np.array([far]), alpha=alpha, threshold=1) == pytest.approx([limit], rel=1e-3)


def test_our_own_fit_finds_exponent_and_floor():
    made = simulate("quanta", alpha=1.0, floor=0.3, points=24, draws=1)
    fitted = fit("power_offset", made.runs.groups("part")["data"], axis="tokens", certificate=False)
    assert fitted.coef["alpha"] == pytest.approx(0.5, abs=1e-3)
    assert fitted.coef["E"] == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"threshold": 0}, {"need": 0}, {"floor": -1}, {"batch": 2.5}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(ConfigError) as caught:
        simulate("quanta", **settings)
    assert next(iter(settings)) in str(caught.value)
