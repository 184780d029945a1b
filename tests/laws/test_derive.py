"""Laws with ties and laws of groups: the same law with fewer, or more, coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import LawError, fit
from tenfold.core.derive import grouped, own_name, split_tied, tied
from tenfold.core.law import optimum_of, predict
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.objective import Huber
from tenfold.engine.problem import build
from tenfold.laws import get
from tenfold.testing import synthetic

COEF = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.35}


def test_a_tie_is_the_law_with_equal_coefficients():
    law, base = tied(get("chinchilla"), {"beta": "alpha"}), get("chinchilla")
    n, d = np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5)
    assert predict(law, COEF, {"N": n, "D": d}) == pytest.approx(
        predict(base, {**COEF, "beta": 0.35}, {"N": n, "D": d}), rel=1e-14
    )
    assert law.power_terms is not None, "a tied sum of power terms stays on the fast path"
    assert get("chinchilla[beta = alpha]").name == law.name == "chinchilla[beta=alpha]"


def test_the_closed_form_follows():
    law, base = get("chinchilla[beta=alpha]"), get("chinchilla")
    ours = optimum_of(law).fn(COEF, 1e21)
    assert ours["N"] == pytest.approx(optimum_of(base).fn({**COEF, "beta": 0.35}, 1e21)["N"], rel=1e-14)


def test_a_tie_may_bring_a_coefficient_of_its_own():
    law = tied(get("chinchilla"), {"beta": "alpha + gap"})
    assert law.coefs["gap"].name == "positive"
    runs = synthetic(get("chinchilla"), {**COEF, "beta": 0.4}, n=60)
    made = fit(law, runs, certificate=False)
    assert made.coef["alpha"] + made.coef["gap"] == pytest.approx(0.4, rel=1e-5)


@pytest.mark.parametrize(
    ("ties", "message"),
    [
        ({"gamma": "alpha"}, "no coefficient 'gamma' to tie"),
        ({"beta": "alpha", "alpha": "beta"}, "which is tied itself"),
        ({"beta": "N"}, "which is an input"),
        ({"beta": "open('x')"}, "may not call 'open'"),
    ],
)
def test_ties_that_mean_nothing_are_refused(ties, message):
    with pytest.raises(LawError, match=message):
        tied(get("chinchilla"), ties)


def test_the_text_form():
    assert split_tied("chinchilla") is None
    assert split_tied("E + A*N**-alpha") is None
    assert split_tied("m[a=b, c=2*d]") == ("m", {"a": "b", "c": "2*d"})
    with pytest.raises(LawError, match="cannot read the tie"):
        split_tied("m[a]")


def test_a_grouped_law_picks_each_groups_own_coefficients():
    base = get("chinchilla")
    law = grouped(base, ["a", "b"], ["E", "A"])
    coef = {**COEF, "beta": 0.4}
    own = {own_name("E", "a"): 1.7, own_name("E", "b"): 2.0, own_name("A", "a"): 400.0, own_name("A", "b"): 300.0}
    given = {
        "N": np.array([1e8, 1e8]),
        "D": np.array([1e10, 1e10]),
        "is_0": np.array([1.0, 0.0]),
        "is_1": np.array([0.0, 1.0]),
    }
    values = law.fn(**given, **own, **{k: coef[k] for k in ("B", "alpha", "beta")})
    assert values[0] == pytest.approx(base(coef=coef, N=1e8, D=1e10), rel=1e-13)
    assert values[1] == pytest.approx(base(coef={**coef, "E": 2.0, "A": 300.0}, N=1e8, D=1e10), rel=1e-13)
    problem = build(law, given, values, objective=Huber(1e-3))
    assert isinstance(problem.kernel, AdditiveKernel)
