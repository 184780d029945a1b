"""Formulas become MathML, or stay as their source."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.laws import laws
from tenfold.report.mathml import Unreadable, to_mathml, to_text

ARITY = {"msup": 2, "msub": 2, "msubsup": 3, "mfrac": 2, "munderover": 3, "munder": 2, "semantics": 2}


@pytest.mark.parametrize("name", sorted(laws()))
def test_every_law_has_a_formula_that_browsers_draw(name):
    tree = ElementTree.fromstring(to_mathml(laws()[name].formula))
    for part in tree.iter():
        if part.tag in ARITY:
            assert len(part) == ARITY[part.tag], part.tag
    assert "\\" not in to_text(laws()[name].formula)


@pytest.mark.parametrize("latex", [r"\unknown{x}", "x^", "{x", "x}", r"\left( x", r"\frac{1}", "^2", "{" * 200])
def test_what_is_beyond_the_subset_is_refused_and_printed_as_it_is(latex):
    with pytest.raises(Unreadable):
        to_mathml(latex)
    assert to_text(latex) == latex


@given(st.text(alphabet="xNDE01^_{}\\()+- =<>&\"'abclogfrac", max_size=40))
def test_any_text_is_read_or_refused(latex):
    try:
        markup = to_mathml(latex)
    except Unreadable:
        return
    ElementTree.fromstring(markup)
