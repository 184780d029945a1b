"""What is read off a law: in which coefficients it is linear, and its power terms."""

import numpy as np
import pytest

from tenfold.core.expression import evaluate
from tenfold.core.law import FUNCTIONS, law_from_text
from tenfold.laws import laws

LINEAR = {
    "bnsl1": ("E", "b"),
    "bnsl2": ("E", "b"),
    "bnsl3": ("E", "b"),
    "chinchilla": ("E", "A", "B"),
    "data_constrained": ("E",),
    "kaplan_c": (),
    "kaplan_d": (),
    "kaplan_n": (),
    "kaplan_nd": (),
    "kaplan_ns": (),
    "log_law": ("a", "b"),
    "m3": ("beta",),
    "m4": (),
    "overtrain": ("E", "a", "b"),
    "power": ("A",),
    "power_offset": ("E", "A"),
}
POWER_TERMS = {"chinchilla": 3, "overtrain": 3, "power": 1, "power_offset": 2}


@pytest.mark.parametrize("name", list(LINEAR))
def test_linear_coefficients(name):
    assert laws()[name].linear == LINEAR[name]


@pytest.mark.parametrize("name", list(LINEAR))
def test_number_of_power_terms(name):
    terms = laws()[name].power_terms
    assert (None if terms is None else len(terms)) == POWER_TERMS.get(name)


def terms_of(law, env):
    """Each term of a law as {coefficient: (how it enters, factor)} and the part without coefficients."""
    out = []
    for term in law.power_terms:
        values = {key: evaluate(part, env, FUNCTIONS) for key, part in term.items()}
        out.append({key: float(value) for key, value in values.items() if value is not None})
    return out


def test_terms_of_chinchilla():
    terms = terms_of(laws()["chinchilla"], {"N": np.e**2, "D": np.e**3})
    assert terms == [
        {("log", "E"): 1.0},
        {("log", "A"): 1.0, ("raw", "alpha"): pytest.approx(-2.0)},
        {("log", "B"): 1.0, ("raw", "beta"): pytest.approx(-3.0)},
    ]


def test_terms_of_overtrain_share_the_exponent():
    # a M^eta C^-eta: eta enters with log M - log C; b M^-eta C^-eta: with -log M - log C
    _, first, second = terms_of(laws()["overtrain"], {"C": np.e**5, "M": np.e**2})
    assert first == {("log", "a"): 1.0, ("raw", "eta"): pytest.approx(-3.0)}
    assert second == {("log", "b"): 1.0, ("raw", "eta"): pytest.approx(-7.0)}


def test_a_law_defined_by_an_equation_has_no_expression():
    assert laws()["m4"].expression is None
    solved = {name for name, law in laws().items() if law.expression is None}
    assert solved == {"m4", "kaplan_nsb"}


@pytest.mark.parametrize(
    ("text", "linear", "terms"),
    [
        ("A*N**-alpha", ("A",), 1),
        ("(A + B)*N**-alpha", ("A", "B"), 2),
        ("A*(N*D)**-alpha/2", ("A",), 1),
        ("A*B*N**-alpha", ("A",), 1),  # jointly linear in one of them only
        ("E - A*N**-alpha", ("A", "E"), None),  # a difference is no sum of positive terms
        ("A*N**-(alpha + beta*log(D))", ("A",), 1),
        ("A*N**-alpha + A*D**-beta", ("A",), 2),
        ("A*N**-alpha + alpha*D**-beta", ("A",), None),  # alpha is once an exponent, once a factor
        ("A*N**-A", (), None),
        ("exp(a - b*log(N))", (), 1),  # log-linear, though in coefficients of any sign
        ("A*N**(alpha*beta)", ("A",), None),
        ("A**2*N", (), 1),
        ("A/N + E", ("A", "E"), 2),
        ("N/A + E", ("E",), 2),
        ("maximum(A*N, E)", (), None),
    ],
)
def test_structure_of_text(text, linear, terms):
    law = law_from_text(text)
    assert set(law.linear) == set(linear)
    assert (None if law.power_terms is None else len(law.power_terms)) == terms
