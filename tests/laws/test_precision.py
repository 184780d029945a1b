"""Closed forms beside the laws of precision and compression, against numeric optima and other formulas."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize, minimize_scalar
from scipy.special import lambertw

from tenfold.core.law import predict
from tenfold.laws import get
from tenfold.laws.compressed import gmse_sparse, gmse_uniform
from tenfold.laws.precision import best_allocation, best_bits, retention
from tenfold.laws.ptq import critical_tokens


def published(law, name="kumar"):
    return dict(get(law).published[name].coef)


def test_effective_parameters_as_the_paper_fits_them():
    # appendix K: e^(x/gamma) of the text is really e^(x/gamma + n), constants of table 2
    table = {"w": (2.6745, 0.3037), "a": (2.2102, 1.4072), "kv": (0.9578, 2.4185)}
    bits = np.array([4.0, 5.0, 6.0, 8.0, 12.0])
    want = np.prod([1 - np.exp(-bits / gamma + n) for gamma, n in table.values()], axis=0)
    np.testing.assert_allclose(retention(published("precision"), bits), want, rtol=1e-12)
    loss = predict(
        get("precision"),
        published("precision"),
        {"N": 1e8, "D": 1e10, "bits_w": bits, "bits_a": bits, "bits_kv": bits},
    )
    np.testing.assert_allclose(loss, 4.299e3 * (1e8 * want) ** -0.4965 + 1.806e4 * 1e10**-0.4965 + 2.7648, rtol=1e-12)


def test_four_bits_ask_for_more_than_four_times_the_size():
    assert 1 / retention(published("precision"), 4.0) > 4  # section 4.3.2


@pytest.mark.parametrize(("law", "name"), [("precision_weights", "kumar"), ("precision", "kumar")])
def test_best_bits_is_the_largest_number_of_effective_parameters(law, name):
    coef = published(law, name)
    found = minimize_scalar(lambda bits: -retention(coef, bits) / bits, bounds=(2.0, 16.0), options={"xatol": 1e-9})
    assert best_bits(coef) == pytest.approx(found.x, abs=1e-6)


@pytest.mark.parametrize("name", ["kumar", "floating-point"])
def test_best_bits_of_one_part_in_closed_form(name):
    coef = published("precision_weights", name)
    gamma, n = coef["gamma_w"], coef["p_w"] / coef["gamma_w"]
    assert best_bits(coef) == pytest.approx(gamma * (-1 - lambertw(-np.exp(-1 - n), -1).real), rel=1e-12)


def test_best_bits_is_none_at_all_when_no_bits_leave_something():
    assert best_bits({"gamma_w": 2.0, "p_w": 0.0}) == 0.0
    assert best_bits({"gamma_w": 2.0, "p_w": -1.0}) == 0.0


@pytest.mark.parametrize("compute", [1e18, 1e22])
@pytest.mark.parametrize("beta", [0.4965, 0.3])
def test_best_allocation_is_the_numeric_optimum(compute, beta):
    law, coef = get("precision"), published("precision") | {"beta": beta}
    best = best_allocation(coef, compute)
    assert 6 / 16 * best["N"] * best["D"] * best["bits"] == pytest.approx(compute, rel=1e-12)

    def loss(point):
        size, bits = np.exp(point[0]), point[1]
        tokens = compute / (6 / 16 * size * bits)
        widths = dict.fromkeys(("bits_w", "bits_a", "bits_kv"), bits)
        return float(predict(law, coef, {"N": size, "D": tokens, **widths})) - coef["E"]

    found = minimize(
        loss,
        [np.log(best["N"]) + 0.3, 8.0],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-15, "maxiter": 4000},
    )
    assert found.x[1] == pytest.approx(best["bits"], abs=1e-4)
    assert np.exp(found.x[0]) == pytest.approx(best["N"], rel=1e-4)


@pytest.mark.parametrize("bits", [3.0, 4.0, 5.0])
def test_critical_tokens_are_where_the_quantised_loss_turns_up(bits):
    law, coef = get("ptq_loss"), published("ptq_loss")
    best = critical_tokens(coef, 3e7, bits)
    found = minimize_scalar(
        lambda x: float(predict(law, coef, {"N": 3e7, "D": np.exp(x), "bits_post": bits})),
        bounds=(np.log(1e8), np.log(1e13)),
        options={"xatol": 1e-9},
    )
    assert best == pytest.approx(np.exp(found.x), rel=1e-5)


def test_the_offset_of_the_degradation_enters_with_a_plus():
    # figure 2: at 30M parameters the loss after quantisation turns up within 2.6e10 tokens; and at five bits, far beyond
    # a thousand tokens a parameter (appendix E.1). The other sign would put both ten times later.
    coef = published("ptq_loss")
    other = coef | {"C": 0.0598 * np.exp(-1.1277)}
    assert critical_tokens(coef, 3e7, 3.0) < 2.6e10 < critical_tokens(other, 3e7, 3.0)
    assert 1e3 < critical_tokens(coef, 3e7, 5.0) / 3e7 < 1e4


def _error_by_quadrature(bits):
    half = 2 ** (bits - 1)

    def error(step):
        edges = [*(i * step for i in range(half)), np.inf]
        return 2 * sum(
            quad(
                lambda x, level: (x - level) ** 2 * np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
                edges[i], edges[i + 1], args=((i + 0.5) * step,), epsabs=1e-15,
            )[0]
            for i in range(half)
        )  # fmt: skip

    return minimize_scalar(error, bounds=(0.5 / half, 6 / half), options={"xatol": 1e-10}).fun


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6])
def test_gaussian_error_of_uniform_grids_by_quadrature(bits):
    assert gmse_uniform(bits) == pytest.approx(_error_by_quadrature(bits), rel=1e-10)


def test_gaussian_error_of_uniform_grids_falls_and_stays_above_the_ideal_code():
    errors = np.array([gmse_uniform(bits) for bits in range(1, 9)])
    assert errors[0] == pytest.approx(1 - 2 / np.pi, rel=1e-12)
    ratio = errors / 0.25 ** np.arange(1, 9)  # over the rate-distortion bound
    assert (np.diff(ratio) > 0).all()
    assert ratio[0] > 1.4


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.75, 0.99])
def test_gaussian_error_of_sparsity_by_quadrature(share):
    from scipy.stats import norm

    edge = norm.ppf(0.5 * (1 + share))
    want = quad(lambda x: x * x * norm.pdf(x), -edge, edge)[0]
    assert gmse_sparse(share) == pytest.approx(want, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("bits", [0, 2.5, 17])
def test_widths_that_are_none(bits):
    with pytest.raises(ValueError, match="whole number from 1 to 16"):
        gmse_uniform(bits)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_sparsities_that_are_none(share):
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        gmse_sparse(share)


def test_quantised_phase_by_the_printed_form():
    # exp(ln S - a / ln S) / S is e^(-a / ln S); with N = D / M
    law, a = get("qat_share"), 6.7297
    tokens, bits = np.array([20.0, 200.0, 2e3]), np.array([1.0, 2.0, 6.0])
    s = 8 * tokens / bits
    want = np.exp(np.log(s) - a / np.log(s)) / s
    np.testing.assert_allclose(predict(law, {"a": a}, {"M": tokens, "bits_w": bits}), want, rtol=1e-12)
    assert float(predict(law, {"a": a}, {"M": 0.1, "bits_w": 8.0})) < 1e-50  # below a token a byte: nothing
