"""The four regimes: simulation, theory, closed forms and the verdict that tells them apart."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tenfold.core.errors import ConfigError, DataError
from tenfold.fit import fit
from tenfold.regime import classify_regime
from tenfold.simulate import simulate
from tenfold.simulate.four_regimes import ALPHA, FEW, MODES, NOISE, Wave, gridded, triangulated
from tenfold.simulate.spectrum import Spectrum
from tenfold.uncertainty import draw


@functools.cache
def made(d, draws):
    return simulate("four-regimes", d=d, draws=draws)


@pytest.mark.parametrize(("d", "draws"), [(1, 2), (2, 4), (3, 4), (4, 2)])
def test_every_exponent_meets_theory(d, draws):
    found = made(d, draws)
    assert np.isfinite(found.runs.column("loss")).all()
    assert ("linear" in found.truth.exponents) == (d <= 3)
    for name, slope in found.measured().items():
        truth = found.truth[name]
        assert slope == pytest.approx(truth.value, abs=truth.tolerance), (name, truth.reason)
        assert truth.tolerance < 0.13 * abs(truth.value), name


def test_variance_limited_parts_meet_their_closed_forms():
    parts = made(2, 4).runs.groups("part")
    count, loss = parts["variance_data"].column("tokens"), parts["variance_data"].column("loss")
    # chi squared of 8 over 128 draws: a standard error of 4.4 %.
    assert loss - NOISE == pytest.approx(NOISE * FEW / (count - FEW - 1), rel=0.15)
    width, loss = parts["variance_width"].column("params"), parts["variance_width"].column("loss")
    kernel = Spectrum(1 + ALPHA, 1 + ALPHA, count=MODES)
    excess = loss - made(2, 4).truth["variance_width"].floor
    # The closed form holds up to terms of order 1 in 8 samples; it also gives the limit.
    assert excess == pytest.approx(kernel.ridgeless(FEW, width) - kernel.data_limited(FEW), rel=0.25)
    assert made(2, 4).truth["variance_width"].floor == pytest.approx(float(kernel.data_limited(FEW)), rel=0.15)


def test_interpolants_are_exact_where_they_must_be():
    rng = np.random.default_rng(3)
    target = Wave.drawn(rng, 2)
    points = rng.random((300, 2))
    assert triangulated(points, target(points), points[:50]) == pytest.approx(target(points[:50]), abs=1e-9)
    knots = np.stack(np.meshgrid(*[np.arange(8) / 8] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    assert gridded(target, 8, knots) == pytest.approx(target(knots), abs=1e-12)
    # Halfway between two knots along one axis: their mean.
    between = (target(knots[0]) + target(knots[1])) / 2
    assert gridded(target, 8, (knots[:1] + knots[1:2]) / 2) == pytest.approx([between], abs=1e-12)


def exponent(part, *, floor=0.0, axis="tokens"):
    runs = made(3, 4).runs.groups("part")[part]
    runs = runs.with_column("loss", runs.column("loss") - floor)
    fitted = fit("power", runs, axis=axis, certificate=False)
    return draw(fitted, runs).interval("alpha", 0.9)


def test_the_verdict_names_the_regime_and_the_dimension():
    verdict = classify_regime(exponent("variance_data", floor=NOISE), saturates=True)
    assert verdict.name == "variance-limited"
    assert verdict.dimension is None
    verdict = classify_regime(exponent("linear"), saturates=False)
    assert verdict.name == "resolution-limited"
    low, high = verdict.dimension
    assert low < 3 < high < 1.5 * low
    assert "4/d" in str(verdict)
    assert verdict.to_dict()["regime"] == "resolution-limited"


@pytest.mark.parametrize(
    ("interval", "saturates", "name"),
    [
        ((0.95, 1.05), True, "variance-limited"),
        ((0.95, 1.05), False, "resolution-limited"),  # four dimensions fall with 1 as well
        ((0.30, 0.40), True, "resolution-limited"),
        ((0.40, 1.60), True, "undecided"),
    ],
)
def test_verdicts(interval, saturates, name):
    assert classify_regime(interval, saturates=saturates).name == name


@pytest.mark.parametrize("interval", [(-0.1, 0.3), (0.5, 0.4), (0.3, float("nan")), (0.0, 1.0), (0.3, float("inf"))])
def test_no_verdict_on_what_is_no_power_law(interval):
    with pytest.raises(DataError, match="must be positive, finite and in order"):
        classify_regime(interval, saturates=True)


@pytest.mark.parametrize("settings", [{"d": 0}, {"d": 5}, {"d": 1.5}, {"draws": 0}])
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(ConfigError) as caught:
        simulate("four-regimes", **settings)
    assert next(iter(settings)) in str(caught.value)
