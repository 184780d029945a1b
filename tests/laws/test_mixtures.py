"""Laws of mixtures, filtering and transfer, against their formulas written a second way and numeric optima."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tenfold import Runs, fit
from tenfold.core.law import predict
from tenfold.laws import get
from tenfold.laws.bimix import best_shares

RNG = np.random.default_rng(41)


def shares(sources, rows=200):
    """Random mixtures, one row a mixture, by symbol."""
    drawn = RNG.dirichlet(np.ones(sources), rows)
    return {f"h{i + 1}": drawn[:, i] for i in range(sources)}


NOTEBOOK = {  # log c, log k, t of academic, prose, dialogue, symbolic, internet
    "academic": (0.9750, -2.1391, (-10.086, 2.714, 2.711, 2.608, 1.587)),
    "prose": (1.2624, -2.1656, (1.393, -4.681, 0.786, 1.872, 0.573)),
    "dialogue": (1.1375, -7.1017, (6.714, 6.264, -31.862, 6.642, 6.205)),
    "symbolic": (0.4750, -3.6546, (3.329, 3.671, 3.113, -16.422, 3.159)),
    "internet": (1.2402, -1.9510, (1.190, 0.870, -0.518, 1.712, -3.087)),
}


@pytest.mark.parametrize("domain", list(NOTEBOOK))
def test_published_mixing_laws_are_those_of_the_notebook_on_the_simplex(domain):
    log_c, log_k, t = NOTEBOOK[domain]
    mix = shares(5)
    want = np.exp(log_c) + np.exp(log_k + sum(t[i] * mix[f"h{i + 1}"] for i in range(5)))
    law = get("mix_exp5")
    np.testing.assert_allclose(predict(law, law.published[domain].coef, mix), want, rtol=1e-12)


def test_each_published_domain_is_best_trained_on_itself():
    law = get("mix_exp5")
    names = list(NOTEBOOK)
    for own, name in enumerate(names):
        pure = [
            float(predict(law, law.published[name].coef, {f"h{i + 1}": float(i == j) for i in range(5)}))
            for j in range(5)
        ]
        assert int(np.argmin(pure)) == own


@pytest.mark.parametrize(("name", "sources"), [("mix_exp2", 2), ("mix_exp3", 3), ("mix_exp5", 5)])
def test_mixing_laws_are_recovered_from_mixtures_alone(name, sources):
    law, mix = get(name), shares(sources, 40)
    coef = dict(law.checks[0].coef)
    runs = Runs({f"share_{i + 1}": mix[f"h{i + 1}"] for i in range(sources)} | {"loss": predict(law, coef, mix)})
    found = fit(law, runs, certificate=False)
    for symbol, value in coef.items():
        assert found.coef[symbol] == pytest.approx(value, rel=1e-5), symbol


def test_optimal_mixture_laws_as_in_the_paper():
    # C_1 = 1/K, C_i = c_i/K; in the joint law (C^A_1 h_1 + C^A_2 h_2)^g with C^A_1 = A^(1/g), C^A_2 = a2 C^A_1
    c, mix = dict(get("mix_joint2").checks[0].coef), shares(2)
    n, d = np.exp(RNG.uniform(np.log(1e7), np.log(1e11), 200)), np.exp(RNG.uniform(np.log(1e9), np.log(1e13), 200))
    first = 1 / (mix["h1"] ** c["g1"] / c["K"] + c["c2"] / c["K"] * mix["h2"] ** c["g2"])
    ca, cb = c["A"] ** (1 / c["ga"]), c["B"] ** (1 / c["gb"])
    size = (ca * mix["h1"] + c["a2"] * ca * mix["h2"]) ** c["ga"]
    data = (cb * mix["h1"] + c["b2"] * cb * mix["h2"]) ** c["gb"]
    want = c["E"] + first + size / n ** c["alpha"] + data / d ** c["beta"]
    np.testing.assert_allclose(predict(get("mix_joint2"), c, {"N": n, "D": d, **mix}), want, rtol=1e-12)


DOMAINS = [
    {"alpha": 0.08, "B": 30.0, "beta": 0.4, "C": 2.0},
    {"alpha": 0.15, "B": 80.0, "beta": 0.5, "C": 1.2},
    {"alpha": 0.05, "B": 10.0, "beta": 0.3, "C": 2.6},
]


def test_best_shares_minimise_the_weighted_loss():
    weights, steps, law = [1.0, 2.0, 0.5], 2e4, get("bimix")
    best = best_shares(DOMAINS, steps, weights=weights)
    assert best.sum() == pytest.approx(1.0, rel=1e-14)

    def loss(free):
        mix = np.exp(np.append(free, 0.0))
        mix /= mix.sum()
        return sum(
            w * float(predict(law, coef, {"share": share, "S": steps}))
            for w, coef, share in zip(weights, DOMAINS, mix, strict=True)
        )

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    mix = np.exp(np.append(found.x, 0.0))
    np.testing.assert_allclose(best, mix / mix.sum(), rtol=1e-5)


def test_best_shares_with_one_exponent_in_closed_form():
    same = [coef | {"alpha": 0.1} for coef in DOMAINS]
    height = np.array([coef["B"] * 1e4 ** -coef["beta"] + coef["C"] for coef in same])
    want = height ** (1 / 1.1)
    np.testing.assert_allclose(best_shares(same, 1e4), want / want.sum(), rtol=1e-12)


def test_continual_mixture_falls_in_the_share_by_its_last_term_only():
    law, c = get("dcpt"), dict(get("dcpt").checks[0].coef)
    at = {"N": 1e8, "D": 1e12}
    low, high = (float(predict(law, c | {"C": 0.0}, {**at, "share": share})) for share in (0.2, 0.8))
    assert low < high  # the data term grows
    none = float(predict(law, c, {**at, "share": 0.0}))
    assert none == pytest.approx(1.5 + 0.2 + 0.4 / 0.09**0.6, rel=1e-12)  # finite without the corpus


def _as_in_the_authors_code(c, seen, pool):
    """objective.py, with d added outside and a as the size: the utility halves every tau repetitions."""
    bounds, epoch = [min(pool, seen)], 1
    while bounds[-1] < seen:
        bounds.append(min((epoch + 1) * pool, seen))
        epoch += 1
    y = c["A"] * bounds[0] ** -c["b"]
    for e in range(1, len(bounds)):
        y *= (bounds[e] / bounds[e - 1]) ** (-c["b"] * 0.5 ** (e / c["tau"]))
    return y + c["E"]


@pytest.mark.parametrize("epochs", [0.3, 1.0, 1.5, 2.0, 7.2, 30.0, 31.9])
def test_data_pool_as_in_the_authors_code(epochs):
    c = {"E": 0.1, "A": 3.0, "b": 0.12, "tau": 2.5}
    pool = 12.8e6
    got = float(predict(get("data_pool"), c, {"D": epochs * pool, "U": pool}))
    assert got == pytest.approx(_as_in_the_authors_code(c, epochs * pool, pool), rel=1e-12)


def test_data_pool_beyond_32_epochs_is_close_to_the_authors_code():
    # the longest runs of the paper see a pool 50 times; half-lives there go up to 10
    c = {"E": 0.1, "A": 3.0, "b": 0.12, "tau": 10.0}
    got = float(predict(get("data_pool"), c, {"D": 50 * 12.8e6, "U": 12.8e6}))
    assert got == pytest.approx(_as_in_the_authors_code(c, 50 * 12.8e6, 12.8e6), rel=3e-3)


def test_the_union_of_two_like_pools_lasts_longer_than_one():
    # theorem 1: it is one pool of twice the size and twice the half-life
    c = {"E": 0.1, "A": 3.0, "b": 0.12, "tau": 2.5}
    law = get("data_pool")
    alone = float(predict(law, c, {"D": 128e6, "U": 12.8e6}))
    union = float(predict(law, c | {"tau": 5.0}, {"D": 128e6, "U": 25.6e6}))
    assert union < alone


def test_transfer_loss_is_that_of_the_effective_data():
    c = dict(get("transfer_loss").checks[0].coef)
    worth = {name: c[name] for name in ("k", "a", "b")}
    base = {name: c[name] for name in ("Nc", "Dc", "alpha_N", "alpha_D")}
    n, u = np.exp(RNG.uniform(np.log(1e7), np.log(1e10), 50)), np.exp(RNG.uniform(np.log(1e6), np.log(1e11), 50))
    effective = u + predict(get("transfer_data"), worth, {"N": n, "U": u})
    want = predict(get("kaplan_nd"), base, {"N": n, "D": effective})
    np.testing.assert_allclose(predict(get("transfer_loss"), c, {"N": n, "U": u}), want, rtol=1e-12)


def test_rectified_starts_flat_and_ends_as_a_power():
    c = dict(get("rectified").published["gpt2-flan"].coef)
    law = get("rectified")
    start, early = (float(predict(law, c, {"x": x})) for x in (1e-6, 200.0))
    assert start == pytest.approx(c["B"] / c["Dl"] + c["E"], rel=1e-3)
    assert early > 0.95 * start  # 200 examples are far below D_l^(1/beta) = 68,000
    far = predict(law, c, {"x": np.array([1e14, 1e16])}) - c["E"]
    assert np.log(far[0] / far[1]) / np.log(100.0) == pytest.approx(c["beta"], abs=1e-3)
