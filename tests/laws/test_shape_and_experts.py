"""Closed forms beside the laws of shape, experts, sparsity, streams and width."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.law import optimum_of, predict
from tenfold.laws import experts, laws, moe_joint, shape, sparsity, streams, width

ROUTED = list(laws()["routed"].published)


def published(law, name=""):
    sets = laws()[law].published
    return sets[name or next(iter(sets))].coef


# --- experts


@pytest.mark.parametrize("name", ROUTED)
@pytest.mark.parametrize("size", [1.65e7, 3.7e8, 1.3e9])
def test_a_routed_model_has_the_loss_of_its_effective_size(name, size):
    coef = published("routed", name)
    many = np.array([1.0, 2.0, 8.0, 64.0, 512.0])
    dense = experts.effective_params(coef, size, many)
    routed = predict(laws()["routed"], coef, {"N": size, "K": many})
    assert predict(laws()["routed"], coef, {"N": dense, "K": 1.0}) == pytest.approx(routed, rel=1e-12)
    assert dense[0] == pytest.approx(size, rel=1e-12)
    assert (np.diff(dense) > 0).all()  # experts still help far below the cutoff


@pytest.mark.parametrize(("name", "size"), [("s-base", 1e12), ("rl-r", 10**10.5), ("hash", 10 ** (34 / 3))])
def test_beyond_the_cutoff_experts_do_not_help(name, size):
    coef = published("routed", name)
    assert experts.cutoff(coef) == pytest.approx(size, rel=1e-12)  # 10^(.108/.009), 10^(.126/.012), 10^(.136/.012)
    many = np.array([1.0, 8.0, 512.0])
    below, at, above = (predict(laws()["routed"], coef, {"N": size * f, "K": many}) for f in (0.1, 1.0, 10.0))
    assert (np.diff(below) < 0).all()
    assert at == pytest.approx(at[0], rel=1e-12)
    assert (np.diff(above) > 0).all()


@given(st.floats(1.0, 16.0), st.floats(16.0, 1e4), st.floats(1.0, 1e4))
def test_counted_experts_run_from_start_to_limit(start, limit, many):
    count = experts.saturating(many, start, limit)
    assert start * (1 - 1e-12) <= count <= limit * (1 + 1e-12)
    assert experts.saturating(1.0, start, limit) == pytest.approx(start, rel=1e-12)
    if start < limit * (1 - 1e-9):
        assert experts.saturating(1e18, start, limit) == pytest.approx(limit, rel=1e-9)


@pytest.mark.parametrize("many", [1.0, 3.0, 8.0, 32.0])
def test_a_mixture_at_fixed_experts_is_chinchilla_and_shares_its_optimum(many):
    coef, law = published("moe_joint"), laws()["moe_joint"]
    row = moe_joint.at_experts(coef, many)
    at = {"N": np.array([1e8, 1e9, 1e10]), "D": np.array([1e10, 1e11, 1e9])}
    same = predict(laws()["chinchilla"], row, at)
    assert predict(law, coef, {**at, "K": many}) == pytest.approx(same, rel=1e-13)
    best = optimum_of(laws()["chinchilla"]).fn(row, 1e21)
    shift = np.exp(np.array([-1e-3, 0.0, 1e-3]))
    loss = predict(law, coef, {"N": best["N"] * shift, "D": best["D"] / shift, "K": many})
    assert loss[1] < min(loss[0], loss[2])


def test_the_printed_signs_of_the_joint_law_are_the_ones_that_make_experts_help():
    coef = published("moe_joint")
    flipped = {**coef, **{name: abs(coef[name]) for name in ("delta", "gamma", "omega")}, "zeta": -coef["zeta"]}
    many = np.array([1.0, 2.0, 8.0, 32.0])
    at = {"N": 1e9, "D": 1e11, "K": many}
    assert (np.diff(predict(laws()["moe_joint"], coef, at)) < 0).all()
    assert (np.diff(predict(laws()["moe_joint"], flipped, at)) > 0).all()


# --- shape


def numeric_best(law, coef, symbol, at, guess):
    """The lowest point of a law in one input, by golden sections in its logarithm."""
    low, high = np.log(guess) - 3.0, np.log(guess) + 3.0
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(80):
        one, two = high - ratio * (high - low), low + ratio * (high - low)
        if predict(law, coef, {**at, symbol: np.exp(one)}) < predict(law, coef, {**at, symbol: np.exp(two)}):
            high = two
        else:
            low = one
    return float(np.exp(0.5 * (low + high)))


@pytest.mark.parametrize("compute", [1e16, 1e18, 1e21])
def test_the_best_dimension_is_the_lowest_point(compute):
    law = laws()["shape"]
    coef = law.checks[0].coef
    best = optimum_of(law).fn(coef, compute)
    assert best["C"] == compute
    found = numeric_best(law, coef, "x", {"C": compute}, 1.3 * best["x"])
    assert found == pytest.approx(best["x"], rel=1e-6)  # a flat minimum: the root of the rounding
    grown = optimum_of(law).fn(coef, 10.0 * compute)["x"]
    assert np.log10(grown / best["x"]) == pytest.approx(shape.shape_exponent(coef), rel=1e-12)


def test_each_best_dimension_of_a_star_is_the_lowest_point():
    law = laws()["shape_joint"]
    coef = law.checks[0].coef
    best = optimum_of(law).fn(coef, 1e18)
    for symbol in "WHF":
        at = {name: value for name, value in best.items() if name != symbol}
        assert numeric_best(law, coef, symbol, at, 0.6 * best[symbol]) == pytest.approx(best[symbol], rel=1e-6)


# --- sparsity


def test_the_general_law_counts_a_dense_model_of_the_total_size_without_its_extra_term():
    coef = {**published("dense_sparse", "moe"), "c": 0.0, "gamma": 0.0}
    law, dense = laws()["dense_sparse"], laws()["chinchilla"]
    same = {"E": coef["e"], "A": coef["a"], "B": coef["b"], "alpha": coef["alpha"], "beta": coef["beta"]}
    share = np.array([0.0, 0.5, 0.9])
    total = predict(dense, same, {"N": 1e9 / (1.0 - share), "D": 1e11})
    assert predict(law, coef, {"sparsity": share, "N": 1e9, "D": 1e11}) == pytest.approx(total, rel=1e-13)


def test_schedules_with_one_mean_have_one_loss():
    gradual = sparsity.average_params([4e8, 3e8, 2e8, 1e8])
    sudden = sparsity.average_params([4e8, 1e8], steps=[1000, 1000])
    unequal = sparsity.average_params([4e8, 2e8], steps=[1, 3])
    assert gradual == sudden == unequal == 2.5e8
    loss = [predict(laws()["chinchilla"], published("chinchilla"), {"N": n, "D": 1e10}) for n in (gradual, sudden)]
    assert loss[0] == loss[1]


# --- streams and width


@pytest.mark.parametrize("name", ["stack-python", "pile"])
def test_streams_are_worth_their_equivalent_size(name):
    coef, law = published("parallel_streams", name), laws()["parallel_streams"]
    many = np.array([1.0, 2.0, 8.0])
    size = streams.equivalent_params(coef, 1.6e9, many)
    assert size / 1.6e9 == pytest.approx(1.0 + coef["k"] * np.log(many))
    alone = predict(law, coef, {"N": size, "P": 1.0})
    assert predict(law, coef, {"N": 1.6e9, "P": many}) == pytest.approx(alone, rel=1e-13)


def test_ranks_of_spectra_known_in_closed_form():
    assert width.soft_rank(np.full(48, 0.3)) == pytest.approx(48.0)
    assert width.hard_rank(np.full(48, 0.3)) == pytest.approx(48.0)
    assert width.soft_rank([5.0, 0.0, 0.0]) == width.hard_rank([5.0, 0.0, 0.0]) == pytest.approx(1.0)
    # eigenvalues 1/i: shares 1/(i h), so hard = h^2 / sum 1/i^2 and soft = h exp(sum log(i) / (i h))
    i = np.arange(1.0, 1001.0)
    h = float((1.0 / i).sum())
    assert width.hard_rank(1.0 / i) == pytest.approx(h**2 / float((1.0 / i**2).sum()))
    assert width.soft_rank(1.0 / i) == pytest.approx(h * np.exp(float((np.log(i) / i).sum()) / h))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40))
def test_the_hard_rank_is_never_above_the_soft_one(spectrum):
    soft, hard = width.soft_rank(spectrum), width.hard_rank(spectrum)
    assert 1.0 - 1e-9 <= hard <= soft * (1 + 1e-9) <= len(spectrum) * (1 + 1e-8)


def test_a_gaussian_cloud_fills_its_dimensions():
    cloud = np.random.default_rng(0).standard_normal((20000, 24))
    spectrum = np.linalg.eigvalsh(np.cov(cloud.T))
    assert width.soft_rank(spectrum) == pytest.approx(24.0, rel=2e-3)  # spread of the eigenvalues: about 24 / 20000
    assert width.hard_rank(spectrum) == pytest.approx(24.0, rel=4e-3)


def test_wukong_gains_a_tenth_of_a_per_cent_a_quadrupling():
    law = laws()["quality_gain"]
    one, four, sixteen = predict(law, published("quality_gain"), {"x": np.array([10.0, 40.0, 160.0])})
    assert four - one == pytest.approx(0.098, abs=1e-3)
    assert sixteen - four == pytest.approx(0.098, abs=1e-3)
