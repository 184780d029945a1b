"""Sardana et al.: the cheapest way to a quality when the model will also serve."""

from __future__ import annotations

import math
from dataclasses import replace

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import Budget, fit, plan, read_runs
from tenfold.laws import get

# The sets of the paper's examples and of Hoffmann et al. without rounding; A, B and E are the same to four digits.
THREE_DIGITS = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.336, "beta": 0.283}


def _root(function, low, high):
    """Where a function of a logarithm changes sign."""
    from scipy.optimize import brentq

    return math.exp(brentq(lambda x: function(math.exp(x)), math.log(low), math.log(high), xtol=1e-12))


def _cheapest(coef, params, served):
    """Size, tokens and share of FLOP saved against a compute-optimal model of a given size and the same loss.

    ``plan`` finds the least loss of a budget; the budget whose least loss is the wanted one is the cheapest.
    """
    source = replace(fit("chinchilla", read_runs(shared_table("chinchilla_svg.csv")), certificate=False), coef=coef)
    train = _root(lambda c: plan(source, budget=Budget(flops=c)).params.value / params - 1, 1e20, 1e28)
    loss = plan(source, budget=Budget(flops=train)).loss.value
    whole = train + 2 * params * served

    def spend(flops):
        return plan(source, budget=Budget(flops=flops, serve_tokens=served))

    total = _root(lambda c: spend(c).loss.value - loss, train, whole * 1.01)
    best = spend(total)
    return best.params.value, best.tokens.value, 1 - total / whole


@reproduction(
    law="plan",
    source="Sardana et al. (2024), arXiv:2401.00448, two worked examples, as a public note quotes them",
    reason=(
        "with alpha .336 and beta .283 every printed digit comes out, so those are the coefficients of the examples; "
        "tolerance is one unit of the last digit. The savings are printed as 'about'"
    ),
    targets={
        "30B_size": Target(16.4e9, abs=0.05e9),
        "30B_tokens": Target(3.27e12, abs=0.01e12),
        "30B_saved": Target(0.16, abs=0.005),
        "70B_size": Target(41.6e9, abs=0.05e9),
        "70B_tokens": Target(7.92e12, abs=0.01e12),
        "70B_saved": Target(0.12, abs=0.005),
    },
)
def sardana_worked_examples():
    return _both(THREE_DIGITS)


@reproduction(
    law="plan",
    source="the same two examples with the unrounded coefficients of Hoffmann et al. (2022)",
    reason="pinned at ours: three more digits of alpha and beta move the answer by 2 to 5 %, which is what rounding costs",
    targets={
        "30B_size": Target(16.4e9, ours=16.778e9, rel=1e-3),
        "30B_tokens": Target(3.27e12, ours=3.3966e12, rel=1e-3),
        "30B_saved": Target(0.16, ours=0.15154, rel=1e-3),
        "70B_size": Target(41.6e9, ours=42.460e9, rel=1e-3),
        "70B_tokens": Target(7.92e12, ours=8.2818e12, rel=1e-3),
        "70B_saved": Target(0.12, ours=0.10984, rel=1e-3),
    },
)
def sardana_examples_unrounded():
    return _both(get("chinchilla").published["hoffmann"].coef)


def _both(coef):
    out = {}
    for name, params, served in (("30B", 30e9, 5e12), ("70B", 70e9, 10e12)):
        found = _cheapest(coef, params, served)
        out |= dict(zip((f"{name}_size", f"{name}_tokens", f"{name}_saved"), found, strict=True))
    return out
