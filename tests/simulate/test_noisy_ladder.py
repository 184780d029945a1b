"""Noisy ladders: what was asked for is what comes, and the truth beside it is true."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from tenfold.core.errors import ConfigError
from tenfold.core.law import optimum_of
from tenfold.laws import get, laws
from tenfold.simulate import simulate
from tenfold.simulate.ladder import ASPECT, non_embedding

SPAN = {"low": 1e18, "high": 3e20}


def errors(made):
    """Log of the measured over the true loss, one a row."""
    truth = made.truth.value({"N": made.runs.column("params"), "D": made.runs.column("tokens")})
    return np.log(made.runs.column("loss") / truth)


@pytest.mark.parametrize("name", list(laws()))
def test_any_law_makes_a_ladder(name):
    made = simulate("ladder", law=name, budgets=3, sizes=2)
    inputs = {symbol: made.runs.column(get(name).column_of(symbol)) for symbol in get(name).inputs}
    assert len(made.runs) == 6
    assert made.truth.law == name
    # noise of 0.4 %: six runs stay within five standard deviations, a share within its top
    truth = made.truth.value(inputs)
    assert np.all(np.abs(made.runs.column(get(name).output) - truth) <= 0.02 * np.abs(truth))


def test_the_same_seed_gives_the_same_ladder():
    one, two, other = (simulate("ladder", seed=seed, outliers=0.1, mixed=0.5) for seed in (1, 1, 2))
    assert one.runs.id == two.runs.id != other.runs.id


def test_a_published_set_is_asked_for_by_its_name():
    assert simulate("ladder", law="chinchilla:hoffmann").truth.coef["beta"] == pytest.approx(0.2849083)
    assert simulate("ladder", law="chinchilla").truth.coef["beta"] == pytest.approx(0.365854)


def test_noise_is_as_large_as_asked_for_and_grows_towards_small_scales():
    made = simulate("ladder", **SPAN, budgets=2, sizes=40, seeds=25, noise=0.01, noise_growth=2.0)
    error, small = errors(made), made.runs.column("flops") < 1e19
    # 1000 runs a scale: a standard deviation has a standard error of 2.2 %, and four of those are allowed
    assert np.std(error[~small]) == pytest.approx(0.01, rel=0.09)
    assert np.std(error[small]) == pytest.approx(0.01 * 2 ** np.log10(300), rel=0.09)


def test_errors_of_checkpoints_are_an_autoregression():
    made = simulate("ladder", **SPAN, budgets=10, sizes=40, checkpoints=5, correlation=0.8)
    error = errors(made).reshape(400, 5)
    assert made.runs.labels["run"].codes.reshape(400, 5).std(axis=1).max() == 0
    assert made.runs.column("tokens")[4] / made.runs.column("tokens")[0] == pytest.approx(8.0)
    # 1600 neighbouring pairs and 800 pairs two apart: standard errors of about 0.015 and 0.03, four of those
    assert np.corrcoef(error[:, :-1].ravel(), error[:, 1:].ravel())[0, 1] == pytest.approx(0.8, abs=0.06)
    assert np.corrcoef(error[:, :-2].ravel(), error[:, 2:].ravel())[0, 1] == pytest.approx(0.64, abs=0.12)


def test_outliers_are_too_high_and_say_so():
    made = simulate("ladder", **SPAN, budgets=20, sizes=50, outliers=0.1, outlier_size=0.1, noise=0.001)
    off = np.array(made.runs.labels["outlier"].values()) == "yes"
    # of 1000 runs a tenth, with a standard error of 0.95 %: four of those
    assert off.mean() == pytest.approx(0.1, abs=0.038)
    assert errors(made)[off].min() > 0.045
    assert np.abs(errors(made)[~off]).max() < 0.006


def test_seeds_share_a_cell_and_runs_are_kept_at_random():
    made = simulate("ladder", seeds=3, runs=10)
    assert len(made.runs) == 30
    assert len(np.unique(made.runs.clusters())) == 10
    assert sorted(set(made.runs.column("seed"))) == [0.0, 1.0, 2.0]


def test_parameters_without_the_embedding():
    made = simulate("ladder", **SPAN, mixed=0.5, noise=0.0, vocabulary=50_000)
    without = np.array(made.runs.labels["counted"].values()) == "non-embedding"
    assert 0.2 < without.mean() < 0.8
    total = made.runs.column("flops") / 6.0 / made.runs.column("tokens")
    np.testing.assert_allclose(made.runs.column("params")[~without], total[~without])
    counted = non_embedding(np.array([1e6, 1e8, 1e11]), 50_000)
    with mpmath.workdps(50):
        for n, ours in zip((1e6, 1e8, 1e11), counted, strict=True):
            # w solves 12 w^3 / 64 + V w = N; the blocks hold the cubic part. 1e-10: where they are 0.6 % of the whole,
            # the difference of two large numbers loses three digits
            width = mpmath.findroot(
                lambda w, n=n: 12 * w**3 / ASPECT + 50_000 * w - n,
                (n / 50_000, (n * ASPECT / 12) ** (1 / 3)),
                solver="anderson",
            )
            assert float(12 * width**3 / ASPECT) == pytest.approx(ours, rel=1e-10)


def test_the_optimum_is_the_closed_form_while_the_law_holds():
    made = simulate("ladder", **SPAN)
    best = optimum_of(get("chinchilla")).fn(made.truth.coef, 1e22)["N"]
    # the search ends at a millionth in the logarithm; the loss is flat there to twice that many digits
    assert made.truth.optimum(1e22) == pytest.approx(best, rel=1e-5)


def test_a_break_takes_its_bend_off_the_exponent():
    made = simulate("ladder", **SPAN, break_at=1e19, bend=0.07)
    plain = simulate("ladder", **SPAN)
    floor = plain.truth.coef["E"]
    at = {"N": np.array([1e10, 1e11]), "D": np.array([1e12, 1e13])}
    ratio = (made.truth.value(at) - floor) / (plain.truth.value(at) - floor)
    # four to six decades beyond the break the bend is all there is; its rounding off adds 1e-20 there
    assert np.log(ratio[1] / ratio[0]) / np.log(100.0) == pytest.approx(0.07, rel=1e-9)
    assert made.truth.law == ""
    assert dict(made.truth.coef) == {}


def test_a_wrong_law_moves_the_optimum_and_drift_the_level():
    plain, wrong = simulate("ladder", **SPAN), simulate("ladder", **SPAN, interaction=0.2)
    assert wrong.truth.optimum(1e22) / plain.truth.optimum(1e22) > 1.1
    drifting = simulate("ladder", **SPAN, drift=0.01)
    at = {"params": 1e9, "tokens": 1e20 / 6e9}
    ratio = float(drifting.truth.value(at) / plain.truth.value(at))
    assert np.log(ratio) == pytest.approx(-0.02, rel=1e-9)  # two decades above the smallest scale


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budgets": 0}, "budgets must be 1 or more, got 0"),
        ({"outliers": 1.5}, "outliers is a share between 0 and 1, got 1.5"),
        ({"correlation": 1.0}, "correlation must be 0 or more, and less than 1, got 1"),
        ({"noise": -1.0}, "noise must be zero or positive, got -1"),
        ({"noise_growth": 0.0}, "noise_growth must be positive, got 0"),
        ({"low": 1e20, "high": 1e19}, "from low 1e"),
        ({"law": "chinchila"}, "did you mean 'chinchilla'"),
        ({"law": "chinchilla:hofmann"}, "did you mean 'hoffmann'"),
        ({"law": "kaplan_n", "checkpoints": 3}, "checkpoints needs a law of tokens; kaplan_n has params"),
        ({"bends": 1}, "did you mean 'bend'"),
    ],
)
def test_what_makes_no_ladder_is_refused(settings, words):
    from tenfold.core.errors import TenfoldError

    with pytest.raises(TenfoldError, match=words):
        simulate("ladder", **settings)
    with pytest.raises(ConfigError, match="needs tokens too"):
        simulate("ladder").truth.value({"N": 1e9})
