"""Every law of the catalogue keeps every clause of the contract: one test a law and clause."""

import jax
import pytest

from tenfold.laws import laws
from tenfold.testing import CLAUSES, check_law, law_to_dict


@pytest.mark.parametrize("clause", list(CLAUSES))
@pytest.mark.parametrize("name", list(laws()))
def test_law_keeps(name, clause):
    check_law(laws()[name], only=[clause])


def test_there_are_laws_and_clauses():
    assert len(laws()) >= 16
    assert len(CLAUSES) >= 12


def test_names_and_aliases_mean_one_law_each():
    words = [word for law in laws().values() for word in (law.name, *law.aliases)]
    assert sorted(words) == sorted(set(words))


def test_checking_leaves_the_users_jax_precision_alone():
    before = jax.config.jax_enable_x64
    check_law(laws()["power"], only=["agrees", "differentiable", "vectorised"])
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.ones(3).dtype == (jax.numpy.float64 if before else jax.numpy.float32)


def test_facts_have_the_documented_keys():
    facts = law_to_dict(laws()["chinchilla"])
    assert list(facts) == [
        "name", "aliases", "summary", "formula", "inputs", "output", "coefficients", "use", "falls_in",
        "cite", "published", "reduces_to", "optimum", "identifiable",
    ]  # fmt: skip
    assert facts["inputs"][0] == {
        "name": "N",
        "column": "params",
        "title": "parameters",
        "unit": "parameters",
    }
    assert facts["coefficients"][3] == {
        "name": "alpha",
        "meaning": "exponent of parameters, no unit",
        "domain": "exponent in [0, 3]",
        "lower": 0.0,
        "upper": 3.0,
    }
    assert facts["coefficients"][0]["upper"] is None
    assert facts["published"]["besiroglu"]["conventions"] == {
        "params": "total", "flops": "6ND", "loss": "nats/token"
    }  # fmt: skip
    assert facts["optimum"] == "eq. 4"


def test_only_evidence_that_may_be_shipped():
    tags = {p.tag for law in laws().values() for p in law.published.values()}
    assert tags <= {"verified", "verified-secondary", "refit"}
