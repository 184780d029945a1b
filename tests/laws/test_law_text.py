"""Formulas given as text: they work like built-in laws, and nothing else gets through."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenfold.core import Exponent, Floor, LawError, Positive, Real
from tenfold.core.law import law_from_text, predict
from tenfold.laws import get

N, D = np.array([1e8, 3e9]), np.array([2e10, 4e11])


def test_chinchilla_as_text_is_chinchilla():
    text, built_in = get("E + A*N^-alpha + B*D^-beta"), get("chinchilla")
    assert text.inputs == ("N", "D")
    assert dict(text.coefs) == dict(built_in.coefs)
    assert len(text.power_terms) == len(built_in.power_terms) == 3
    assert set(text.linear) == set(built_in.linear)
    coef = built_in.published["besiroglu"].coef
    np.testing.assert_array_equal(predict(text, coef, {"N": N, "D": D}), predict(built_in, coef, {"N": N, "D": D}))


@pytest.mark.parametrize(
    ("text", "inputs", "domains"),
    [
        ("A*x**-alpha", ("x",), {"A": Positive, "alpha": Exponent}),
        ("a - b*log(C)", ("C",), {"a": Real, "b": Real}),
        ("E + (Nc/N)**a", ("N",), {"E": Floor, "Nc": Positive, "a": Exponent}),
        ("E + exp(A - alpha*log(N))", ("N",), {"E": Floor, "A": Real, "alpha": Real}),
        ("E + maximum(A*N**-a, B)", ("N",), {"E": Floor, "A": Positive, "B": Positive, "a": Exponent}),
    ],
)
def test_inputs_and_domains_follow_from_the_role(text, inputs, domains):
    law = law_from_text(text)
    assert law.inputs == inputs
    assert dict(law.coefs) == domains


def test_value_of_a_formula():
    law = law_from_text("E + 2.5 * A / sqrt(N) + logaddexp(0, B - log(D)) - minimum(1, x)")
    got = predict(law, {"E": 1.0, "A": 4.0, "B": 3.0}, {"N": 16.0, "D": 7.0, "x": 0.25})
    assert got == pytest.approx(1.0 + 2.5 + np.log(1 + np.exp(3.0) / 7.0) - 0.25, rel=1e-14)


def test_domains_can_be_given():
    law = law_from_text("E + A*N**-alpha", domains={"alpha": Real})
    assert law.coefs["alpha"] == Real


REFUSED = {
    "call": "E + A*open(N)",
    "call of a builtin": "__import__('os').system('true')",
    "call of a call": "exp(N)(A)",
    "attribute": "E + A*N.real",
    "dunder": "E + N*A.__class__",
    "private name": "_E + N",
    "index": "E + A*N[0]",
    "slice": "E + A*N[1:2]",
    "lambda": "lambda N: A*N",
    "f-string": "f'{N}' + A",
    "walrus": "(A := N) * 2",
    "conditional": "A if N else B",
    "comparison": "E + A*(N < 3)",
    "boolean": "A*N and B",
    "not": "not N*A",
    "true": "True*N*A",
    "text": "'A'*N",
    "bytes": "b'A'*N",
    "none": "None*N*A",
    "ellipsis": "...*N*A",
    "complex": "1j*N*A",
    "list": "[A*N]",
    "tuple": "A*N,",
    "dict": "{A: N}",
    "set": "{A*N}",
    "comprehension": "[A for A in N]",
    "generator": "(A for A in N)",
    "star": "exp(*N)*A",
    "keyword": "exp(N, out=A)",
    "second argument, which NumPy would write to": "exp(N, A)",
    "no argument": "A*N*exp()",
    "floor division": "A*N//2",
    "modulo": "A*N%2",
    "matrix product": "A@N",
    "bits": "A*N << 2",
    "inversion": "~N*A",
    "await": "await N*A",
    "yield": "(yield N)*A",
    "assignment": "L = A*N",
    "statement": "import os",
    "two statements": "A*N; B",
    "comment only": "# A*N",
    "nothing": "",
    "blank": "   ",
    "unbalanced": "A*(N",
    "null": "A*N\x00",
    "surrogate": "A*N\ud800",
    "division by zero": "A*N + 1/0",
    "overflow": "A*N**(2.0**5000)",
    "tower": "A*N**(9**9**9**9)",
    "root of a negative number": "A*N**((-8)**0.5)",
    "huge integer": "A*N*" + "9" * 1500,
    "infinity": "A*N*1e999",
    "long": "A*N" + " + B" * 600,
    "deep sum": "A*N" + "+B" * 300,
    "deep signs": "A*N*" + "-" * 1500 + "1",
    "deep brackets": "A*" + "(" * 400 + "N" + ")" * 400,
    "no input": "A + B",
    "no coefficient": "N + 1",
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_refused(what):
    with pytest.raises(LawError) as error:
        law_from_text(REFUSED[what])
    assert len(str(error.value)) < 2600
    assert error.value.to_dict()["error"]["kind"] == "law"


def test_the_refusal_says_what_and_what_to_do():
    with pytest.raises(LawError, match=r"may not call 'sin'.*nothing else can be called"):
        law_from_text("A*sin(N)")
    with pytest.raises(LawError, match=r"did you mean 'exp'"):
        law_from_text("A*exq(N)")
    with pytest.raises(LawError, match=r"has no input; inputs are axis symbols: N \(params\)"):
        law_from_text("A + B")
    with pytest.raises(LawError, match=r"cannot read the formula 'A\*\(N' at character"):
        law_from_text("A*(N")


def test_nothing_is_evaluated(tmp_path):
    target = tmp_path / "written"
    for text in (
        f"open({str(target)!r}, 'w')",
        f"[open({str(target)!r}, 'w')]",
        f"A*N + (lambda: open({str(target)!r}, 'w'))()",
    ):
        with pytest.raises(LawError):
            law_from_text(text)
    assert not target.exists()


def test_a_formula_never_writes_into_its_inputs():
    x, coef = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    law = law_from_text("A*maximum(x, 1.5) + softplus(B)")
    predict(law, {"A": coef, "B": coef}, {"x": x})
    assert x.tolist() == [1.0, 2.0]
    assert coef.tolist() == [3.0, 4.0]


WORDS = """
    N D x E A alpha print _a é True None yield 1 2.5 1e308 1e999 0 9**9 -1 0.5 0x10 1_0 1j ... __import__ 'a' [1] {}
    f'{x}' (y:=1) N.real N[0] open(N) exp(N,x=1) exp(N,A) N<D ~N *N N:D # \\
"""
PIECES = [*WORDS.split(), "10" + "0" * 400, "lambda x: x", "x if N else D", "not N", "await N", "\t", "\x00"]
GLUE = ["+", "-", "*", "/", "**", " ", "", "\n", ",", "=", "==", ";", "//", "@", "%", " if ", " for ", " in "]


def _grow(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(GLUE), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(st.sampled_from(["log", "exp", "sqrt", "softplus", "open"]), inner).map("{0[0]}({0[1]})".format),
        st.tuples(st.sampled_from(["maximum", "where", "logaddexp"]), inner, inner).map("{0[0]}({0[1]}, {0[2]})".format),
    )


FORMULA = st.one_of(st.recursive(st.sampled_from(PIECES), _grow, max_leaves=10), st.text(max_size=40))


@settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(FORMULA)
def test_only_law_errors_escape(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own remarks on odd literals such as 1or
        try:
            law = law_from_text(text)
        except LawError:
            return
    assert law.inputs
    assert law.coefs
    assert law.latex
    assert isinstance(law.linear, tuple)
    assert law.power_terms is None or law.power_terms
    inputs = {name: np.array([10.0, 20.0]) for name in law.inputs}
    got = predict(law, dict.fromkeys(law.coefs, 0.5), inputs)
    assert got.shape in ((), (2,))
