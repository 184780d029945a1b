"""Priors: exact where a closed form exists, decisive only where runs are not, refused when they mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import ConfigError, DataError, Prior, Runs, draw, evidence_prior, fit
from tenfold.laws import get

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}


def line(n: int = 12, noise: float = 0.02) -> Runs:
    x = np.geomspace(1e3, 1e6, n)
    y = 5.0 * x**-0.3 * np.exp(noise * np.random.default_rng(3).standard_normal(n))
    return Runs({"x": x, "loss": y}, source="line")


def ladder(n: int, *, noise: float = 0.004, seed: int = 0) -> Runs:
    rng = np.random.default_rng(seed)
    params, tokens = np.geomspace(1e7, 3e9, n), np.geomspace(1e9, 1e11, n) * np.exp(rng.uniform(-1, 1, n))
    loss = get("chinchilla")(coef=TRUTH, N=params, D=tokens) * np.exp(noise * rng.standard_normal(n))
    return Runs({"params": params, "tokens": tokens, "loss": loss}, source="ladder")


def test_a_straight_line_has_the_posterior_of_normal_regression():
    runs, noise, mean, sd = line(), 0.02, 0.25, 0.004
    # squared log residuals: the objective's unit of evidence is twice the variance
    made = fit("power", runs, objective="squared", priors={"alpha": (mean, sd)}, dispersion=2 * noise**2)
    design = np.column_stack([np.ones(12), -np.log(runs.column("x"))])
    precision = design.T @ design / noise**2 + np.diag([0.0, 1 / sd**2])
    right = design.T @ np.log(runs.column("loss")) / noise**2 + np.array([0.0, mean / sd**2])
    exact = np.linalg.solve(precision, right)
    assert made.coef["alpha"] == pytest.approx(exact[1], rel=1e-8)
    assert np.log(made.coef["A"]) == pytest.approx(exact[0], rel=1e-8)
    spread = np.sqrt(np.diag(np.linalg.inv(precision)))
    drawn = draw(made, runs, method="posterior:20000").coef["alpha"]
    assert drawn.std() == pytest.approx(spread[1], rel=0.03)  # 20,000 draws: standard error .5 %
    # the value is that of the rows alone
    residual = np.log(made.coef["A"]) - made.coef["alpha"] * np.log(runs.column("x")) - np.log(runs.column("loss"))
    assert made.value == pytest.approx(np.sum(residual**2), rel=1e-9)


def test_the_noise_is_measured_when_it_is_not_given():
    made = fit("power", line(40), objective="squared", priors={"alpha": (0.3, 10.0)})
    free = fit("power", line(40), objective="squared")
    assert made.dispersion == pytest.approx(2 * free.rms**2 * 40 / 38, rel=1e-3)
    assert made.coef["alpha"] == pytest.approx(free.coef["alpha"], rel=1e-6)


def test_too_few_runs_borrow_exponents_and_say_so():
    few = ladder(4)
    with pytest.raises(DataError, match="borrow them with --prior"):
        fit("chinchilla", few)
    made = fit("chinchilla", few, priors={"alpha": "besiroglu", "beta": "evidence"})
    assert made.status.ok
    assert any("too few to show their noise" in note for note in made.notes)
    assert any("the set besiroglu of chinchilla" in note for note in made.notes)
    assert made.coef["alpha"] == pytest.approx(0.3478, abs=2 * made.priors["alpha"].sd)
    assert made.to_dict()["priors"]["alpha"]["mean"] == pytest.approx(0.3478, abs=1e-4)


def test_many_runs_overrule_a_prior():
    runs = ladder(200, noise=0.002)
    free = fit("chinchilla", runs, certificate=False)
    held = fit("chinchilla", runs, priors={"alpha": (0.6, 0.3)}, certificate=False)
    assert held.coef["alpha"] == pytest.approx(free.coef["alpha"], abs=0.01)


@pytest.mark.parametrize("method", ["bootstrap:300", "wild:300", "laplace:300", "profile:300"])
def test_draws_stay_within_what_is_known(method):
    runs = ladder(14)
    made = fit("chinchilla", runs, priors={"alpha": (0.34, 0.01), "beta": (0.36, 0.01)})
    sd = float(draw(made, runs, method=method).coef["alpha"].std())
    # the prior says .01, fourteen runs at .4 % add a little; small-sample widening at most doubles it
    assert 0.003 < sd < 0.02


def test_evidence_is_as_wide_as_the_papers_disagree():
    law = get("chinchilla")
    prior = evidence_prior(law, "beta")
    values = np.array([found.coef["beta"] for found in law.published.values()])
    assert prior.mean == pytest.approx(values.mean())
    assert prior.sd == pytest.approx(max(values.std(ddof=1), 0.1 * values.mean()))


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"gamma": "0.3:0.1"}, "no coefficient 'gamma'"),
        ({"alpha": "0.3:zero"}, "cannot read the prior"),
        ({"alpha": "0.3:0"}, "must be positive"),
        ({"alpha": "nobody"}, "no published set 'nobody'"),
        ({"alpha": (7.0, 1.0)}, "outside its domain"),
        ({"alpha": Prior(float("nan"), 1.0)}, "mean nan"),
    ],
)
def test_a_prior_that_means_nothing_is_refused(priors, message):
    with pytest.raises(ConfigError, match=message):
        fit("chinchilla", ladder(20), priors=priors)


def test_posterior_draws_need_a_prior():
    runs = ladder(20)
    with pytest.raises(ConfigError, match="posterior draws need priors"):
        draw(fit("chinchilla", runs, certificate=False), runs, method="posterior")
