r"""A power law that flattens at an unseen scale."""

from tenfold.core import Check, Cite, Exponent, Like, Positive, Reduction, law

ALABDULMOHSIN = Cite(
    "Alabdulmohsin et al.", 2022, "Revisiting Neural Scaling Laws in Language and Vision", "arXiv:2209.06640",
    "function class M3",
)  # fmt: skip


@law(
    cite=ALABDULMOHSIN,
    checks=[Check({"x": 2000.0}, {"beta": 40.0, "d": 500.0, "c": 0.5}, 2.0)],
    reduces_to=[Reduction("power", when={"d": float("inf")}, coef={"A": "beta", "alpha": "c"})],
    falls_in=("x",),
    meaning={
        "beta": "value at x = 1 were there no flattening, in the unit of the output",
        "d": "where the curve flattens, in the unit of x; the paper's gamma is 1 / d",
        "c": "exponent of x before the flattening, no unit",
    },
)
def m3(x, *, beta: Positive, d: Like("x", low=1.0, high=1e4), c: Exponent):
    r"""L(x) = \beta \left( x^{-1} + d^{-1} \right)^{c}

    Use it beside power_offset for a curve whose floor is not yet in the data: it flattens more suddenly, to
    \beta d^{-c}. With few points the two cannot be told apart; show both. Not for curves that start on a
    plateau (m4).
    """
    return beta * (1.0 / x + 1.0 / d) ** c
