"""Laws of size, data and compute: their closed forms, conversions and equations, against independent arithmetic."""

import jax
import numpy as np
import pytest

from tenfold import fit
from tenfold.core.law import optimum_of, predict
from tenfold.core.runs import Runs
from tenfold.laws import distillation, farseer, laws
from tenfold.laws.encoder_decoder import best_split
from tenfold.laws.kaplan import PF_DAY
from tenfold.laws.three_term import best_batch
from tenfold.laws.vocabulary import best_vocabulary
from tenfold.testing import synthetic

AROUND = np.exp(np.linspace(-0.5, 0.5, 201))  # factors around an optimum; the middle one is 1


def lowest(loss):
    """That a curve over AROUND is lowest in the middle, flat there and rises to both sides."""
    middle = len(AROUND) // 2
    assert np.argmin(loss) == middle
    assert (np.diff(loss[:middle]) < 0).all()
    assert (np.diff(loss[middle:]) > 0).all()
    slope = (loss[middle + 1] - loss[middle - 1]) / (loss[0] + loss[-1] - 2 * loss[middle])
    assert abs(slope) < 1e-3  # of what the optimum is better than the ends


@pytest.mark.parametrize(("name", "chosen"), [("skaling", s) for s in laws()["skaling"].published])
@pytest.mark.parametrize(("compute", "cost"), [(1e19, 6.0), (1e24, 8.0)])
def test_skaling_optimum(name, chosen, compute, cost):
    law = laws()[name]
    coef = law.published[chosen].coef
    best = optimum_of(law).fn(coef, compute, cost)
    n = best["N"] * AROUND
    assert best["N"] * best["D"] * cost == pytest.approx(compute, rel=1e-12)
    lowest(predict(law, coef, {"N": n, "D": compute / cost / n}))


def test_skaling_has_the_optimum_of_chinchilla():
    coef = dict(laws()["chinchilla"].published["besiroglu"].coef)
    plain = optimum_of(laws()["chinchilla"]).fn(coef, 1e23)
    for k in (0.3, 1.0, 1.7):
        assert optimum_of(laws()["skaling"]).fn({**coef, "k": k}, 1e23) == plain


@pytest.mark.parametrize("chosen", laws()["coupled"].published)
def test_coupled_optimum(chosen):
    law = laws()["coupled"]
    coef = law.published[chosen].coef
    best = optimum_of(law).fn(coef, 1e21, 6.0)
    # as the notebook writes it
    g = coef["alpha"] * coef["A"] ** (coef["alpha"] / coef["beta"]) / (coef["beta"] * coef["B"])
    assert best["N"] == pytest.approx((g * 1e21 / 6) ** (coef["beta"] / (coef["alpha"] + coef["beta"])), rel=1e-12)
    n = best["N"] * AROUND
    lowest(predict(law, coef, {"N": n, "D": 1e21 / 6 / n}))


def test_best_split_of_encoder_and_decoder():
    coef = {"E": 1.2, "A": 30.0, "p": 0.12, "q": 0.3}
    best = best_split(coef, 4e8)
    assert best["Ne"] + best["Nd"] == pytest.approx(4e8, rel=1e-15)
    lowest(predict(laws()["encoder_decoder"], coef, {"Ne": best["Ne"] * AROUND, "Nd": 4e8 - best["Ne"] * AROUND}))


def test_best_batch_of_three_terms():
    coef = {"E": 1.5, "A": 400.0, "Q": 40.0, "P": 30.0, "alpha": 0.3, "gamma": 0.45, "beta": 0.55}
    for tokens in (2e9, 3e12):
        batch = best_batch(coef, tokens) * AROUND
        lowest(predict(laws()["three_term"], coef, {"N": 1e9, "batch": batch, "S": tokens / batch}))


@pytest.mark.parametrize(("params", "flops"), [(3.3e7, 1e17), (7e9, 1e20), (7e9, 1e26)])
def test_best_vocabulary(params, flops):
    coef = laws()["vocabulary"].published["tao"].coef
    nv = best_vocabulary(coef, params, flops) * AROUND
    lowest(predict(laws()["vocabulary"], coef, {"N": params, "Nv": nv, "D": flops / (6 * (params + nv))}))


def test_vocabulary_as_in_the_authors_units():
    coef = laws()["vocabulary"].published["tao"].coef
    n, v, d, tokens = 3.02e8, 32000, 1024, 1.2e10
    want = (
        1.8313851559554126 / (n / 1e6) ** 0.44660634152009615
        + 0.19584238398665638 / (v / 1e3 * (d / 1e3)) ** 0.6707374679896795
        + 2.1241123120064955 / (tokens / 1e9) ** 0.44660634152009615
        - 5.5327846803337435
    )
    got = predict(laws()["vocabulary"], coef, {"N": n, "Nv": v * d, "D": tokens})
    assert got == pytest.approx(want, rel=1e-13)
    assert got < 0


def test_negative_losses_are_fitted_in_linear_space_and_refused_elsewhere():
    law = laws()["vocabulary"]
    runs = synthetic(law, "tao", n=200)
    fitted = fit(law, runs, objective="huber:1e-3@linear", certificate=False)
    assert fitted.coef == pytest.approx(dict(law.published["tao"].coef), rel=1e-6)
    with pytest.raises(Exception, match=r"relative_loss is -.* logarithm is fitted"):
        fit(law, runs)


def test_farseer_as_the_paper_writes_it():
    n = np.geomspace(1e8, 3e10, 9)[:, None]
    d = np.geomspace(1e9, 1e13, 7)
    three = {"floor": (-0.06, 0.13, 0.13), "term": (230.0, -0.17, -1.5), "power": (-1.67, 0.046, 3.1)}
    height = {name: np.exp(a * n**g + b) for name, (a, g, b) in three.items()}
    want = height["floor"] + height["term"] * d ** -height["power"]
    got = predict(laws()["farseer"], farseer.from_paper(**three), {"N": n, "D": d})
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_distillation_as_the_paper_writes_it():
    n, d, t = np.geomspace(1e8, 1e11, 5)[:, None, None], np.geomspace(1e9, 1e13, 5)[:, None], np.linspace(1.6, 3.0, 7)
    own = 1.220 + (3355.0 * n**-0.408 + 18186.0 * d**-0.431) ** 0.452
    gap = (1 + (t / (own * 1.315)) ** (1 / 0.09)) ** (-522.6 * 0.09)
    want = t + t**-2.549 * gap * (2243.0 * n**-0.321 + 24181.0 * d**-0.637) ** 0.764
    np.testing.assert_allclose(
        predict(laws()["distilled"], distillation.TABLE, {"N": n, "D": d, "Lt": t}), want, rtol=1e-12
    )


def test_distilled_runs_with_the_supervised_law_held_give_the_capacity_gap():
    runs = synthetic(laws()["distilled"], "busbridge", n=300, noise=1e-3)
    held = distillation.SUPERVISED
    fitted = fit("distilled", runs, fixed=held, certificate=False)
    truth = distillation.TABLE
    assert fitted.rms < 1.1e-3
    assert fitted.coef["gap"] == pytest.approx(truth["gap"], rel=0.01)
    assert fitted.coef["width"] == pytest.approx(truth["width"], rel=0.05)


def test_trajectories_solve_their_equation_everywhere():
    law = laws()["kaplan_nsb"]
    rng = np.random.default_rng(0)
    rows = 4000

    def wide(low, high):
        return 10.0 ** rng.uniform(low, high, rows)

    at = {"N": wide(2, 16), "S": wide(0, 9), "batch": wide(-3, 12)}
    coef = {
        "Nc": wide(4, 18), "Sc": wide(0, 8), "B_star": wide(2, 14),
        "alpha_N": rng.uniform(0.0, 1.5, rows), "alpha_S": rng.uniform(0.01, 3.0, rows),
        "alpha_B": rng.uniform(0.01, 3.0, rows),
    }  # fmt: skip
    loss = predict(law, coef, at)
    with np.errstate(over="ignore"):
        worth = 1 + coef["B_star"] / at["batch"] * loss ** (-1 / coef["alpha_B"])
        want = (coef["Nc"] / at["N"]) ** coef["alpha_N"] + (coef["Sc"] / at["S"] * worth) ** coef["alpha_S"]
    usable = np.isfinite(want) & (want > 0)
    assert usable.sum() > 0.9 * rows
    # the right side moves by up to alpha_S / alpha_B times the rounding of the loss, 300 at most
    np.testing.assert_allclose(want[usable], loss[usable], rtol=1e-10)


def test_trajectories_at_the_critical_batch_take_twice_the_steps():
    whole, ends = laws()["kaplan_nsb"], laws()["kaplan_ns"]
    coef = whole.published["kaplan"].coef
    loss = predict(ends, ends.published["kaplan"].coef, {"N": 1e9, "S": 3e4})
    batch = predict(laws()["kaplan_bcrit"], {"B_star": coef["B_star"], "alpha_B": coef["alpha_B"]}, {"L": loss})
    assert predict(whole, coef, {"N": 1e9, "S": 6e4, "batch": batch}) == pytest.approx(loss, rel=1e-13)


def test_multilingual_at_a_share_of_one():
    law = laws()["multilingual"]
    coef = {"E": 1.2, "A": 60.0, "alpha": 0.3, "c1": 0.4, "c2": 0.5, "c3": 0.7}
    assert predict(law, coef, {"N": 1e8, "share": 1.0}) == pytest.approx(1.2 + 60.0 * 1e8**-0.3, rel=1e-14)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda c: law.fn(N=1e8, share=1.0, **c))({name: float(v) for name, v in coef.items()})
    assert all(np.isfinite(value) for value in gradient.values())
    share = np.repeat([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0], 6)
    n = np.tile(np.geomspace(1e7, 1e9, 6), 7)
    runs = Runs({"params": n, "share": share, "loss": predict(law, coef, {"N": n, "share": share})})
    assert fit(law, runs, certificate=False).coef == pytest.approx(coef, rel=1e-6)


def test_shipped_allocations_are_counted_in_flop():
    law = laws()["allocation"]

    def at(chosen, days):
        return predict(law, law.published[chosen].coef, {"C": days * PF_DAY})

    assert at("kaplan", 1.0) == pytest.approx(1.3e9, rel=1e-12)
    assert at("kaplan", 10.0) == pytest.approx(1.3e9 * 10**0.73, rel=1e-12)
    assert at("henighan-math", 2.3e-12) == pytest.approx(1.0, rel=1e-12)
    deepseek = predict(law, law.published["deepseek"].coef, {"C": 1e20})
    assert 6 * deepseek == pytest.approx(0.1715 * 1e20**0.5243, rel=1e-12)  # FLOP per token


@pytest.mark.parametrize("count", [4, 5, 6])
def test_many_breaks_as_in_the_authors_code(count):
    law = laws()[f"bnsl{count}"]
    coef = dict(law.checks[0].coef)
    x = np.geomspace(1e2, 1e8, 60)
    want = np.ones_like(x)
    for i in range(1, count + 1):
        want *= (1 + (x / coef[f"d{i}"]) ** (1 / coef[f"f{i}"])) ** (-coef[f"c{i}"] * coef[f"f{i}"])
    want = coef["E"] + coef["b"] * x ** -coef["c0"] * want
    np.testing.assert_allclose(predict(law, coef, {"x": x}), want, rtol=1e-12)
    sharp = {**coef, **{f"f{i}": 0.05 for i in range(1, count + 1)}}
    assert np.isfinite(predict(law, sharp, {"x": np.geomspace(1e-30, 1e30, 200)})).all()


def test_exponents_of_a_theory_are_held_not_a_law_of_their_own():
    """Fixed exponents, such as one half for both terms, are chinchilla with fixed=."""
    coef = {"E": 1.7, "A": 900.0, "B": 3e4, "alpha": 0.5, "beta": 0.5}
    runs = synthetic(laws()["chinchilla"], coef, n=40)
    fitted = fit("chinchilla", runs, fixed={"alpha": 0.5, "beta": 0.5}, certificate=False)
    assert fitted.coef == pytest.approx(coef, rel=1e-9)
    assert fitted.fixed == {"alpha": 0.5, "beta": 0.5}
