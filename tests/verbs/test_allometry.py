"""Log-log lines with errors in both quantities: closed forms, intervals, tests of a theory, shared ancestry."""

import json

import numpy as np
import pytest

from tenfold import ConfigError, DataError, Runs, allometry

# The ten points of Pearson (1901), as logarithms.
X = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])


def table(x=X, y=Y):
    return Runs({"mass": np.exp(x), "rate": np.exp(y)})


def line(runs=None, **settings):
    return allometry(table() if runs is None else runs, x="mass", y="rate", **{"draws": 50, **settings})


def test_pearsons_line_of_closest_fit():
    found = line(method="major")
    assert found.b == pytest.approx(-0.5456, abs=5e-5)  # his printed digits
    assert np.log(found.A) == pytest.approx(5.784, abs=5e-4)
    assert found.b < 0 < found.A
    assert found.correlation == pytest.approx(np.corrcoef(X, Y)[0, 1])


@pytest.mark.parametrize("ratio", [0.01, 0.25, 1.0, 4.0, 100.0])
def test_deming_minimises_the_distances_it_says(ratio):
    from scipy.optimize import minimize

    def distances(point):
        a, b = point
        return np.sum((Y - a - b * X) ** 2) / (ratio + b * b)

    best = minimize(distances, (5.8, -0.55), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14})
    found = line(method="deming", ratio=ratio)
    assert (np.log(found.A), found.b) == pytest.approx(tuple(best.x), rel=1e-6)


def test_deming_lies_between_the_two_least_squares_and_tends_to_them():
    many = line().slopes
    assert abs(many["ols"]) < abs(many["major"]) < abs(many["inverse"])
    assert line(method="deming", ratio=1e8).b == pytest.approx(many["ols"], rel=1e-6)
    assert line(method="deming", ratio=1e-8).b == pytest.approx(many["inverse"], rel=1e-6)


def test_symmetric_lines_do_not_depend_on_which_quantity_is_called_x():
    for method, ratio in (("rma", 1.0), ("major", 1.0), ("deming", 0.3)):
        there = allometry(table(), x="mass", y="rate", method=method, ratio=ratio, draws=10)
        back = allometry(table(), x="rate", y="mass", method=method, ratio=1 / ratio, draws=10)
        assert there.b == pytest.approx(1 / back.b, rel=1e-12)
    assert line().b == pytest.approx(-np.std(Y) / np.std(X), rel=1e-12)


def test_units_change_the_size_only():
    other = Runs({"mass": 1000.0 * np.exp(X), "rate": 0.01 * np.exp(Y)})
    for method in ("rma", "major", "ols"):
        one, two = line(method=method), line(other, method=method)
        assert (two.b, two.A) == pytest.approx((one.b, one.A * 0.01 * 1000.0**-one.b), rel=1e-9)
        assert two.b_interval == pytest.approx(one.b_interval, rel=1e-9)


def test_a_theory_is_tested_exactly():
    from scipy.stats import pearsonr

    assert line(method="ols", theory=0.0).p == pytest.approx(pearsonr(X, Y).pvalue, rel=1e-9)
    for method in ("rma", "deming", "major", "ols"):
        found = line(method=method, ratio=0.5)
        assert line(method=method, ratio=0.5, theory=found.b).p == pytest.approx(1.0)
        assert line(method=method, ratio=0.5, theory=found.b - 0.5).p < 1e-4
    assert line().p is None


def _drawn(rng, *, b=0.75, n=40):
    true = rng.standard_normal(n)
    x, y = true + 0.3 * rng.standard_normal(n), 0.2 + b * true + 0.3 * b * rng.standard_normal(n)
    return table(x, y)


def test_intervals_and_the_test_hold_what_they_promise():
    """Errors whose ratio is the slope: there the reduced major axis is unbiased, and least squares is not."""
    rng = np.random.default_rng(5)
    found = [line(_drawn(rng), theory=0.75, draws=200) for _ in range(150)]
    covered = sum(one.b_interval[0] <= 0.75 <= one.b_interval[1] for one in found)
    assert 124 <= covered <= 146  # 90 % of 150, three standard errors (3.7) either way
    assert sum(one.p < 0.1 for one in found) <= 26
    assert np.mean([one.b for one in found]) == pytest.approx(0.75, abs=0.015)
    assert np.mean([one.slopes["ols"] for one in found]) < 0.7  # attenuated by 1 / 1.09


def test_shared_ancestry_is_taken_out_by_generalised_least_squares():
    rng = np.random.default_rng(2)
    root = np.tril(rng.random((10, 10))) + np.eye(10)
    covariance = root @ root.T
    inverse = np.linalg.inv(covariance)
    design = np.stack([np.ones(10), X], axis=1)
    a, b = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ Y)
    found = line(method="ols", covariance=covariance)
    assert (np.log(found.A), found.b) == pytest.approx((a, b), rel=1e-9)
    plain, same = line(), line(covariance=3.0 * np.eye(10))
    assert (same.b, same.A) == pytest.approx((plain.b, plain.A), rel=1e-12)


def test_rows_of_one_run_are_resampled_together():
    runs = Runs({"mass": np.exp(X), "rate": np.exp(Y), "run": np.arange(10.0)})
    twice = Runs({name: np.concatenate([runs.column(name)] * 2) for name in runs.columns})
    twice = twice.with_column("rate", twice.column("rate") * np.repeat([1.0, 1.0001], 10))
    assert line(twice).b_interval == pytest.approx(line(runs).b_interval, rel=1e-3)
    assert any("10 groups" in note for note in line(twice).notes)


def test_same_seed_same_result_and_it_survives_json():
    one, two = line(seed=4), line(seed=4)
    assert json.loads(json.dumps(one.to_dict())) == json.loads(json.dumps(two.to_dict()))
    assert one.predict([1.0, 10.0]) == pytest.approx([one.A, one.A * 10.0**one.b])


def test_weak_correlation_is_said():
    y = np.array([1.0, 3.0, 2.0, 5.0, 1.5, 4.0, 2.5, 3.5, 1.2, 4.2])
    assert any("depends on the method" in note for note in line(table(X, y)).notes)


@pytest.mark.parametrize(
    ("runs", "settings", "error", "words"),
    [
        (table(), {"method": "rna"}, ConfigError, "did you mean 'rma'"),
        (table(), {"method": "deming", "ratio": -1.0}, ConfigError, "must be positive"),
        (table(X[:2], Y[:2]), {}, DataError, "holds 2 rows"),
        (table(X, 0 * Y), {}, DataError, "rate is the same in every row"),
        (Runs({"mass": np.array([1.0, 0.0, 2.0]), "rate": np.ones(3)}), {}, DataError, "mass is 0 in row 2"),
        (table(), {"covariance": np.eye(3)}, DataError, r"shape \(3, 3\), and there are 10 rows"),
        (table(), {"covariance": np.ones((10, 10))}, DataError, "not positive definite"),
        (table(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 1.0])), {}, DataError, "not correlated"),
    ],
)
def test_refusals_say_what_is_wrong(runs, settings, error, words):
    with pytest.raises(error, match=words):
        line(runs, **settings)
