"""Deliberately broken laws: each must be caught, by the clause that is there to catch it."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tenfold.core import (
    Check,
    Cite,
    Exponent,
    Floor,
    Interval,
    LawError,
    Positive,
    Published,
    Reduction,
    law,
    maths,
)
from tenfold.testing import CLAUSES, check_law

CITE = Cite("Nobody et al.", 2020, "A law for tests", "arXiv:2000.00000", "eq. 1")
COEF = {"E": 1.5, "A": 2.0, "B": 3.0, "alpha": 0.5, "beta": 0.25}
CHECK = Check({"N": 1e4, "D": 1e12}, COEF, 1.523)
USE = "Use it in tests of the contract of laws, where it is known to be right. Not for anything else at all."
MEANING = {
    "E": "floor",
    "A": "size of one",
    "B": "size of the other",
    "alpha": "exponent",
    "beta": "exponent",
}
FACTS = {"cite": CITE, "checks": [CHECK], "falls_in": ("N", "D"), "meaning": MEANING, "use": USE}
IN_CHINCHILLA = Reduction("chinchilla", when={}, coef={name: name for name in COEF})


def declare(body, **facts):
    """A law in N and D with the usual five coefficients and the given body."""

    def invented(N, D, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent):
        r"""L = E + A N^{-\alpha} + B D^{-\beta}"""
        return body(N, D, E, A, B, alpha, beta)

    return law(**{**FACTS, **facts})(invented)


def additive(N, D, E, A, B, alpha, beta):
    return E + A * N**-alpha + B * D**-beta


def good(**facts):
    return declare(additive, **facts)


def caught(broken, clause, words):
    """The clause catches it, and says the words."""
    found = check_law(broken, only=[clause], throw=False)
    assert found, f"{clause} did not notice"
    assert all(violation.clause == clause for violation in found)
    text = "\n".join(violation.message for violation in found)
    assert words in text, text
    with pytest.raises(LawError, match="breaks the contract"):
        check_law(broken, only=[clause])


def test_the_good_law_is_good():
    assert check_law(good(reduces_to=[IN_CHINCHILLA])) == []


# --- declaration


def test_no_citation():
    caught(good(cite=None), "cited", "no citation")


def test_citation_without_equation():
    caught(good(cite=dataclasses.replace(CITE, where="somewhere")), "cited", "names no equation")


def test_published_set_cited_without_equation():
    cite = dataclasses.replace(CITE, where="p. 3")
    broken = good(published={"a": Published(COEF, where="eq. 1", cite=cite)})
    caught(broken, "cited", "published set a names no equation")


def test_empty_identifier():
    caught(good(cite=dataclasses.replace(CITE, id="")), "cited", "has no id")


def test_coefficient_without_meaning():
    caught(good(meaning={**MEANING, "beta": " "}), "described", "'beta' has no meaning")


def test_meaning_of_nothing():
    caught(good(meaning={**MEANING, "gamma": "?"}), "described", "'gamma', which is no coefficient")


def test_no_word_on_when_not_to_use_it():
    caught(
        good(use="Use it always, for everything, everywhere, whatever the data may be like."),
        "described",
        "when not",
    )


def test_input_outside_the_vocabulary():
    caught(dataclasses.replace(good(), inputs=("N", "parrots")), "described", "'parrots' is no axis")
    with pytest.raises(LawError, match="parrots"):

        @law()
        def misspelt(parrots, *, A: Positive):
            return A * parrots


def test_falls_in_an_unknown_input():
    caught(good(falls_in=("C",)), "described", "'C', which is no input")


def test_unknown_output():
    caught(good(output="happiness"), "described", "'happiness' is unknown")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"coef": {**COEF, "alpha": 3.5}}, "alpha = 3.5 is outside its domain, exponent in [0, 3]"),
        ({"coef": {**COEF, "A": -1.0}}, "A = -1 is outside its domain"),
        ({"coef": {**COEF, "A": math.nan}}, "A = nan is outside"),
        ({"coef": {name: COEF[name] for name in "EAB"}}, "coefficient 'alpha' is missing"),
        ({"coef": {**COEF, "gamma": 1.0}}, "'gamma' is no coefficient"),
        ({"tag": "recalled"}, "the evidence 'recalled'"),
        ({"where": ""}, "where the numbers stand"),
        ({"span": {"N": (1e9, 1e6)}}, "span of N"),
        ({"span": {"C": (1e6, 1e9)}}, "'C', which is no input"),
        ({"loss": "furlongs"}, "unknown convention 'furlongs'"),
    ],
)
def test_published_set(change, words):
    chosen = dataclasses.replace(Published(COEF, where="table 1"), **change)
    caught(good(published={"set": chosen}), "published", words)


def test_fact_that_json_cannot_hold():
    chosen = Published({**COEF, "A": math.inf}, where="table 1")
    caught(good(published={"set": chosen}), "serialises", "ValueError")


# --- worked values


def test_no_worked_value():
    caught(good(checks=[]), "worked", "no worked value")


def test_wrong_worked_value():
    caught(good(checks=[dataclasses.replace(CHECK, value=1.5230001)]), "worked", "1.5230001")


def test_swapped_coefficients():
    caught(declare(lambda N, D, E, A, B, a, b: additive(N, D, E, B, A, a, b)), "worked", "off by")


def test_swapped_exponents():
    caught(declare(lambda N, D, E, A, B, a, b: additive(N, D, E, A, B, b, a)), "worked", "off by")


def test_swapped_inputs():
    caught(declare(lambda N, D, E, A, B, a, b: additive(D, N, E, A, B, a, b)), "worked", "off by")


def test_lost_sign():
    caught(declare(lambda N, D, E, A, B, a, b: E + A * N**a + B * D**-b), "worked", "off by")


def test_worked_value_of_another_law():
    broken = good(checks=[Check({"N": 1.0, "C": 1.0}, COEF, 1.0)])
    caught(broken, "worked", "gives inputs ['C', 'N']")


def test_worked_value_outside_the_domain():
    broken = good(checks=[Check(CHECK.inputs, {**COEF, "alpha": 4.0}, 1.503 + 2e-16)])
    caught(broken, "worked", "alpha = 4 is outside")


def test_worked_value_that_accepts_anything():
    caught(good(checks=[dataclasses.replace(CHECK, rel=0.05)]), "worked", "too wide")


def test_worked_value_blind_to_a_coefficient():
    blind = Check({"N": 1e4, "D": 1e300}, {**COEF, "beta": 1.0}, 1.52)
    caught(good(checks=[blind]), "discriminates", "'B' moved by 1 %")


def test_worked_value_blind_to_a_swap():
    # 2 * (1e4)^-.5 and 3 * (1e8)^-.25 have the same power, so A and B may be swapped unseen
    blind = Check({"N": 1e4, "D": 1e8}, COEF, 1.55)
    broken = good(checks=[blind])
    assert check_law(broken, only=["worked"], throw=False) == []
    caught(broken, "discriminates", "'A' and 'B' swapped")


def test_worked_value_with_equal_coefficients():
    tied = Check({"N": 1e4, "D": 1e12}, {**COEF, "alpha": 0.25}, 1.703)
    caught(good(checks=[tied]), "discriminates", "'alpha' and 'beta' are equal in every worked value")


def test_worked_value_with_equal_inputs():
    tied = Check({"N": 1e4, "D": 1e4}, COEF, 1.82)
    caught(good(checks=[tied]), "discriminates", "'N' and 'D' are equal in every worked value")


def test_two_worked_values_see_more_than_one():
    blind = Check({"N": 1e4, "D": 1e8}, COEF, 1.55)
    assert check_law(good(checks=[blind, CHECK]), only=["worked", "discriminates"], throw=False) == []


# --- arithmetic


def test_gradient_not_finite():
    # the value is right; the derivative of the root at zero is not
    broken = declare(lambda *a: additive(*a) + maths.sqrt(maths.maximum(-a[3], 0.0)))
    assert check_law(broken, only=["worked", "agrees"], throw=False) == []
    caught(broken, "finite", "the derivative in")


def test_value_not_finite_at_a_bound():
    broken = declare(lambda N, D, E, A, B, a, b: E + A * N**-a + B * D**-b + 0.0 / a)
    caught(broken, "finite", "alpha at its bound 0")


def test_value_not_finite_at_the_end_of_the_published_span():
    chosen = Published(COEF, where="table 1", span={"N": (1e4, 1e9)})
    broken = declare(lambda *v: additive(*v) + 0.0 * maths.log(5e8 - v[0]), published={"set": chosen})
    caught(broken, "finite", "published set, high end")


def test_overflow_in_the_middle():
    # log(1 + e^z) written out, where softplus is meant
    broken = declare(lambda N, D, E, A, B, a, b: additive(N, D, E, A, B, a, b) + 0.0 * maths.log(1 + maths.exp(N)))
    caught(broken, "finite", "the value is nan")


def test_cancellation():
    # log(1 + t) written out, where log1p is meant: right in 50 digits, wrong in double precision
    broken = declare(lambda N, D, E, A, B, a, b: additive(N, D, E, A, B, a, b) + 1e8 * maths.log(1.0 + 1e-9 / N))
    caught(broken, "agrees", "NumPy gives")


def test_single_precision():
    broken = declare(
        lambda N, D, E, A, B, a, b: E + A * (N.astype("float32") if hasattr(N, "astype") else N) ** -a + B * D**-b
    )
    caught(broken, "agrees", "50 digits")


def test_wrong_slope_of_an_equation():
    # the root is found (slowly converging Newton steps still converge), its derivatives are not
    def body(N, D, E, A, B, alpha, beta):
        level = additive(N, D, E, A, B, alpha, beta)
        return maths.solve_increasing(lambda s: (s - level, 1.25), level * 1.0, steps=60)

    broken = declare(body)
    assert check_law(broken, only=["agrees"], throw=False) == []
    caught(broken, "differentiable", "the derivative in")


def test_lost_gradient():
    # rounding loses the dependence on the exponent where JAX looks, not in the value
    import jax

    def body(N, D, E, A, B, alpha, beta):
        if type(alpha).__module__.startswith("jax"):
            alpha = jax.lax.stop_gradient(alpha)
        return additive(N, D, E, A, B, alpha, beta)

    caught(declare(body), "differentiable", "the derivative in alpha is 0 by JAX")


def test_python_mathematics():
    broken = declare(lambda N, D, E, A, B, a, b: E + A * math.exp(-a * math.log(N)) + B * D**-b)
    caught(broken, "vectorised", "TypeError")


def test_rows_that_see_each_other():
    broken = declare(lambda N, D, E, A, B, a, b: E + A * (N / np.max(np.asarray(N, float))) ** -a + B * D**-b)
    caught(broken, "vectorised", "raised")


def test_rows_that_see_each_other_in_numpy_only():
    def body(N, D, E, A, B, alpha, beta):
        first = N.flat[0] if isinstance(N, np.ndarray) else N
        return additive(N, D, E, A, B, alpha, beta) + 1e-3 * (first / N - 1.0) * 1e-3

    caught(declare(body), "agrees", "NumPy gives")


# --- claims


def test_wrong_direction():
    rising = declare(lambda N, D, E, A, B, a, b: E + A * N**-a + B * (D / 1e12) ** b)
    caught(rising, "monotone", "said to fall in D, but goes from")


def test_direction_in_an_unused_input():
    flat = declare(lambda N, D, E, A, B, a, b: E + A * N**-a + B * b)
    caught(flat, "monotone", "said to fall in D, but stays the same")


def test_wrong_reduction():
    wrong = Reduction("chinchilla", when={}, coef={**IN_CHINCHILLA.coef, "A": "B"})
    caught(good(reduces_to=[wrong]), "reduces", "gives")


def test_reduction_with_a_condition_that_does_nothing():
    idle = dataclasses.replace(IN_CHINCHILLA, when={"E": 1.0})
    caught(good(reduces_to=[idle]), "reduces", "leave the condition out")


def test_reduction_to_an_unknown_law():
    caught(good(reduces_to=[Reduction("chinchila", when={}, coef={})]), "reduces", "no law 'chinchila'")


def test_reduction_that_forgets_a_coefficient():
    partial = Reduction("chinchilla", when={}, coef={name: name for name in "EAB"})
    caught(good(reduces_to=[partial]), "reduces", "what alpha, beta of chinchilla is")


def test_reduction_that_is_never_finite():
    empty = dataclasses.replace(IN_CHINCHILLA, when={"N": -1.0})
    caught(good(reduces_to=[empty]), "reduces", "rows are finite")


def test_reduction_by_an_unknown_name():
    unknown = dataclasses.replace(IN_CHINCHILLA, when={"E": "floor"})
    caught(good(reduces_to=[unknown]), "reduces", "names floor")


def test_expression_of_another_formula():
    def body(N, D, E, A, B, alpha, beta):
        if not isinstance(N, (float, np.ndarray, np.generic)) and hasattr(N, "names"):
            return E + A * N**-alpha  # what symbols see
        return additive(N, D, E, A, B, alpha, beta)

    caught(declare(body), "traced", "the expression gives")


def test_claim_of_linearity():
    broken = declare(lambda N, D, E, A, B, a, b: E + A * N**-a + B**2 * D**-b)
    broken.__dict__["linear"] = ("E", "A", "B")  # as if read off wrongly
    caught(broken, "traced", "said to be linear")


def test_claim_of_power_terms():
    broken = good()
    broken.__dict__["power_terms"] = good().power_terms[:2]
    caught(broken, "traced", "the power terms sum to")


def test_coefficients_that_runs_do_not_determine():
    @law(**{**FACTS, "falls_in": (), "checks": [Check({"x": 1e4}, {"A": 2.0, "B": 3.0, "alpha": 0.5}, 0.06)]})
    def twice(x, *, A: Positive, B: Positive, alpha: Interval(0.1, 2.0)):
        return A * B * x**-alpha

    caught(twice, "identifiable", "do not determine")
    assert "A" in check_law(twice, only=["identifiable"], throw=False)[0].message
    reason = dataclasses.replace(twice, identifiable="only the product of A and B enters, by construction")
    assert check_law(reason, only=["identifiable"], throw=False) == []
    caught(dataclasses.replace(twice, identifiable="because"), "identifiable", "is no reason")


# --- the check itself


def test_every_clause_is_broken_somewhere_here():
    source = Path(__file__).read_text(encoding="utf-8")
    for clause in CLAUSES:
        assert re.search(rf'\bcaught\(.*"{clause}", ', source), f"no test breaks {clause}"


def test_unknown_clause():
    with pytest.raises(LawError, match="no clause 'beautiful'"):
        check_law(good(), only=["beautiful"])


def test_the_message_names_every_violation():
    broken = good(cite=None, checks=[dataclasses.replace(CHECK, value=2.0)])
    with pytest.raises(LawError) as error:
        check_law(broken)
    assert "cited: no citation" in str(error.value)
    assert "worked: worked value 0 is 2.0, the law gives 1.523" in str(error.value)
