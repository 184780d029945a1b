"""Groups with coefficients in common, wholly or in part."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import ConfigError, DataError, Runs, fit, forecast, pool
from tenfold.core import Labels
from tenfold.laws import get
from tenfold.testing import synthetic

SPAN = {"N": (1e7, 1e10), "D": (1e9, 1e12)}


def families(alphas, sizes, *, noise: float = 0.004) -> Runs:
    parts, names = [], []
    for k, (alpha, n) in enumerate(zip(alphas, sizes, strict=True)):
        truth = {"E": 1.6 + 0.05 * k, "A": 400.0 * (1 + 0.2 * k), "B": 900.0, "alpha": alpha, "beta": 0.33}
        parts.append(synthetic(get("chinchilla"), truth, n=n, noise=noise, seed=k, span=SPAN))
        names += [f"fam{k}"] * n
    columns = {c: np.concatenate([part.columns[c] for part in parts]) for c in ("params", "tokens", "loss")}
    return Runs(columns, {"group": Labels.of(names)}, source="families")


def test_noiseless_groups_return_what_they_share_and_what_is_their_own():
    runs = families([0.35] * 3, [20, 12, 8], noise=0.0)
    made = pool("chinchilla", runs, share=["alpha", "beta"], draws=50)
    assert made.agree > 0.5
    assert made.common["alpha"].value == pytest.approx(0.35, rel=1e-6)  # exact data: conditioning times rounding
    assert made.common["beta"].value == pytest.approx(0.33, rel=1e-6)
    for k, found in enumerate(made.fits.values()):
        assert found.coef["E"] == pytest.approx(1.6 + 0.05 * k, rel=1e-6)
        assert found.coef["A"] == pytest.approx(400.0 * (1 + 0.2 * k), rel=1e-5)


def test_shared_exponents_are_known_better_than_one_groups_own():
    runs = families([0.35] * 5, [30, 25, 20, 12, 8])
    made = pool("chinchilla", runs, share=["alpha", "beta"], draws=300)
    alone = fit("chinchilla", runs.groups("group")["fam3"])
    assert abs(made.common["alpha"].value - 0.35) < 3 * made.common["alpha"].error
    # of fam3's twelve runs alone the law is known less well
    assert made.common["alpha"].error < alone.certificate.errors["alpha"]
    assert made.fits["fam4"].fixed["alpha"] == made.common["alpha"].value
    # what is shared varies in the draws of a group, although its own fit holds it
    assert made.draws["fam4"].coef["alpha"].std() == pytest.approx(made.common["alpha"].error, rel=0.15)


def test_a_group_forecasts_like_any_fit():
    runs = families([0.35] * 3, [20, 20, 20])
    made = pool("chinchilla", runs, share=["alpha", "beta"], draws=200)
    part = runs.groups("group")["fam1"]
    seen = forecast(made.fits["fam1"], part, at=[{"params": 1e10, "tokens": 1e12}], draws=made.draws["fam1"]).predictions[
        0
    ]
    truth = get("chinchilla")(coef={"E": 1.65, "A": 480.0, "B": 900.0, "alpha": 0.35, "beta": 0.33}, N=1e10, D=1e12)
    low, high = seen.intervals[0.9]
    assert low < truth < high


@pytest.fixture(scope="module")
def scattered():
    alphas = 0.35 + 0.015 * np.random.default_rng(12).standard_normal(6)
    runs = families(alphas, [14] * 6, noise=0.01)
    return alphas, runs, pool("chinchilla", runs, partial=["alpha", "beta"], draws=200)


def test_partial_pooling_finds_centre_and_spread(scattered):
    alphas, _, made = scattered
    found = made.common["alpha"]
    assert abs(found.value - alphas.mean()) < 3 * found.error
    # six groups show their standard deviation to a third
    assert 0.5 * alphas.std(ddof=1) < found.spread < 2.0 * alphas.std(ddof=1)


def test_partial_pooling_beats_fitting_each_group_alone(scattered):
    alphas, runs, made = scattered
    parts = runs.groups("group")
    alone = np.array([fit("chinchilla", parts[g], certificate=False, throw=False).coef["alpha"] for g in made.fits])
    pooled = np.array([found.coef["alpha"] for found in made.fits.values()])
    # a quarter of the mean square on these runs, a tenth to two thirds on others
    assert np.mean((pooled - alphas) ** 2) < 0.5 * np.mean((alone - alphas) ** 2)


def test_json_holds_groups_and_what_they_share(scattered):
    _, _, made = scattered
    saved = made.to_dict()
    assert set(saved) == {"law", "by", "verdict", "pooled", "rms", "agree", "notes", "groups"}
    assert saved["pooled"]["alpha"]["spread"] > 0
    assert saved["groups"]["fam5"]["priors"]["alpha"]["why"] == "6 groups, partially pooled"


def test_ties_and_sharing_go_together():
    runs = families([0.33] * 3, [15, 15, 15])
    made = pool("chinchilla[beta=alpha]", runs, share=["alpha"], draws=50)
    assert abs(made.common["alpha"].value - 0.33) < 4 * made.common["alpha"].error


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"share": ["gamma"]}, ConfigError, "no coefficient 'gamma'"),
        ({}, ConfigError, "either wholly"),
        ({"share": ["alpha"], "partial": ["beta"]}, ConfigError, "either wholly"),
        ({"partial": ["alpha"]}, DataError, "2 groups, and 3 are needed"),
        ({"share": ["alpha"], "by": "family"}, DataError, "no column 'family'"),
    ],
)
def test_what_cannot_be_pooled_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        pool("chinchilla", families([0.35] * 2, [10, 10]), **options)
