"""Data collapse: known exponents found, with intervals, whatever the scaling function, the units and the order."""

import json

import numpy as np
import pytest

from tenfold import ConfigError, DataError, Runs, collapse, fit
from tenfold.laws import get
from tenfold.testing import synthetic

SIZES = (16.0, 32.0, 64.0, 128.0)


def curves(a, b, shape, *, u=(0.01, 3.0), n=30, noise=0.0, seed=0, sizes=SIZES):
    """Curves size^-a F(x / size^b) at points whose u differ from size to size."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.array(sizes), n)
    at = np.tile(np.geomspace(*u, n), len(sizes)) * np.exp(0.05 * rng.standard_normal(len(size)))
    y = size**-a * shape(at) * np.exp(noise * rng.standard_normal(len(size)))
    return Runs({"x": at * size**b, "system_size": size, "score": y})


def cut_off(u):
    return np.sqrt(1 + 0.1 / u) * np.exp(-u - 0.1 * u * u)


def exit_time(u):
    """Density of the time at which Brownian motion leaves an interval, from its middle, times the width squared."""
    k = np.arange(200)[:, None]
    return np.pi * np.sum((-1.0) ** k * (2 * k + 1) * np.exp(-((2 * k + 1) ** 2) * np.pi**2 * u / 2), axis=0)


@pytest.mark.parametrize(
    ("a", "b", "shape", "u"),
    [
        (1.5, 2.0, cut_off, (0.01, 3.0)),
        (2.0, 2.0, exit_time, (0.03, 0.6)),  # the exponents of diffusion
        (-0.5, -1.0, lambda u: 1 / (1 + u**1.75), (0.1, 20.0)),  # a response that grows, against a distance times size
    ],
)
def test_exponents_of_exact_curves(a, b, shape, u):
    found = collapse(curves(a, b, shape, u=u), draws=0)
    assert found.a == pytest.approx(a, abs=0.02)  # straight lines between 30 points of a bent curve
    assert found.b == pytest.approx(b, abs=0.02)
    assert found.quality < 1e-3 * found.before
    assert found.compared > 0.9


def test_intervals_hold_the_truth_as_often_as_they_say():
    tables = [curves(1.5, 2.0, cut_off, noise=0.05, seed=seed, sizes=(16.0, 32.0, 64.0)) for seed in range(40)]
    found = [collapse(runs, draws=40, seed=seed) for seed, runs in enumerate(tables)]
    for truth, intervals in ((1.5, [one.a_interval for one in found]), (2.0, [one.b_interval for one in found])):
        covered = sum(low <= truth <= high for low, high in intervals)
        assert covered >= 30  # 90 % of 40, three standard errors (1.9) down
        assert np.median([high - low for low, high in intervals]) < 0.1
    # a point differs from its neighbours' line by its own noise and that of the line: 1.5 to 2 variances
    assert 1.4 < np.median([one.quality for one in found]) / 0.05**2 < 2.1


def test_rescaled_points_lie_on_one_curve():
    runs = curves(1.5, 2.0, cut_off)
    found = collapse(runs, draws=0)
    u, v = found.rescale(runs.column("x"), runs.column("score"), runs.column("system_size"))
    assert v == pytest.approx(cut_off(u), rel=0.1)


def test_units_and_order_do_not_matter():
    runs = curves(1.5, 2.0, cut_off, noise=0.02)
    base = collapse(runs, draws=0)
    units = Runs(
        {"x": 1e3 * runs.column("x"), "system_size": 0.1 * runs.column("system_size"), "score": runs.column("score")}
    )
    mixed = runs.take(np.random.default_rng(1).permutation(len(runs)))
    for other in (units, mixed):
        found = collapse(other, draws=0)
        assert (found.a, found.b, found.quality) == pytest.approx((base.a, base.b, base.quality), rel=1e-6)


def test_exponents_of_a_theory_can_be_held():
    runs = curves(1.5, 2.0, cut_off, noise=0.02)
    free, right, wrong = collapse(runs, draws=0), collapse(runs, a=1.5, b=2.0, draws=0), collapse(runs, b=1.7, draws=0)
    assert (right.a, right.b) == (1.5, 2.0)
    assert free.quality <= right.quality < 1.2 * free.quality
    assert wrong.quality > 5 * free.quality


def test_it_agrees_with_the_law_that_assumes_the_shape():
    law = get("finite_size")
    runs = synthetic(law, law.checks[0].coef, n=300, noise=0.02, seed=2, span={"x": (1e5, 1e8)})
    sizes = np.array([16.0, 32.0, 64.0, 128.0, 256.0])
    near = sizes[np.argmin(np.abs(np.log(runs.column("system_size")[:, None] / sizes)), axis=1)]
    exact = law(coef=law.checks[0].coef, x=runs.column("x"), size=near)
    runs = Runs({"x": runs.column("x"), "system_size": near, "score": exact})
    assumed = fit(law, runs, axis="x", certificate=False)
    found = collapse(runs, draws=0)
    assert (assumed.coef["a"], assumed.coef["b"]) == pytest.approx((1.5, 2.0), abs=1e-3)
    assert (found.a, found.b) == pytest.approx((1.5, 2.0), abs=0.05)


def test_seeds_of_one_size_are_weighted_together():
    parts = [curves(1.5, 2.0, cut_off, noise=0.05, seed=seed, n=10) for seed in range(6)]
    columns = {name: np.concatenate([part.column(name) for part in parts]) for name in parts[0].columns}
    runs = Runs({**columns, "run": columns["system_size"] + np.repeat(np.arange(6) / 10, 40)})
    found = collapse(runs, draws=30)
    assert not any("one run a size" in note for note in found.notes)
    assert any(
        "one run a size" in note
        for note in collapse(parts[0].with_column("run", parts[0].column("system_size")), draws=3).notes
    )


def test_same_seed_same_result_and_it_survives_json():
    runs = curves(1.5, 2.0, cut_off, noise=0.02)
    one, two = (json.dumps(collapse(runs, draws=5, seed=3).to_dict()) for _ in range(2))
    assert one == two
    assert json.loads(one)["exponents"]["b"] == pytest.approx(2.0, abs=0.02)


def test_what_limits_a_collapse_is_said():
    assert any(
        "only a third tests" in note for note in collapse(curves(1.5, 2.0, cut_off, sizes=(8.0, 16.0)), draws=0).notes
    )
    runs = curves(1.5, 2.0, cut_off)
    assert any("end of the range" in note for note in collapse(runs, between=(-1.0, 1.9), draws=0).notes)
    assert any("straight lines" in note for note in collapse(curves(1.5, 2.0, cut_off, n=4), draws=0).notes)


@pytest.mark.parametrize(
    ("runs", "settings", "error", "words"),
    [
        (curves(1.0, 1.0, cut_off, sizes=(8.0,)), {}, DataError, "has the same system_size"),
        (curves(1.0, 1.0, cut_off, n=2), {}, DataError, "has 2 values of x"),
        (curves(1.0, 1.0, lambda u: u - 0.5), {}, DataError, "its logarithm is taken"),
        (curves(1.0, 2.0, cut_off), {"between": (-5.0, -4.0)}, DataError, "leaves 50% of the points"),
        (curves(1.0, 2.0, cut_off), {"between": (1.0, 1.0)}, ConfigError, "bounds of b are empty"),
        (curves(1.0, 2.0, cut_off), {"overlap": 1.5}, ConfigError, "between 0 and 1"),
    ],
)
def test_refusals_say_what_is_wrong(runs, settings, error, words):
    with pytest.raises(error, match=words):
        collapse(runs, draws=0, **settings)
