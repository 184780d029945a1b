r"""Decay: falls that are faster than a power, down to an exponential."""

from tenfold.core import Check, Cite, Floor, Interval, Like, Positive, law, maths

SORSCHER = Cite(
    "Sorscher et al.", 2022, "Beyond neural scaling laws: beating power law scaling via data pruning",
    "arXiv:2206.14486", "abstract: faster than a power law, in theory exponential; the stretched form is generic",
)  # fmt: skip


@law(
    cite=SORSCHER,
    output="error",
    checks=[Check({"x": 800.0}, {"E": 0.125, "A": 2.0, "d": 200.0, "s": 0.5}, 0.39567056647322538)],  # 1/8 + 2 e^-2
    falls_in=("x",),
    meaning={
        "E": "floor, in the unit of the output",
        "A": "height above the floor at x = 0, in the unit of the output",
        "d": "where the height has fallen by 1/e, in the unit of x; c = d^-s in exp(-c x^s)",
        "s": "stretching, no unit: 1 is an exponential, small is close to a power",
    },
)
def stretched_exp(
    x, *, E: Floor, A: Positive, d: Like("x", low=1e-3, high=10.0), s: Interval(0.05, 3.0, start=(0.15, 1.5))
):
    r"""L(x) = E + A e^{-(x / d)^{s}}

    Use it beside power_offset to ask whether an error falls faster than a power, as well chosen data let it: compare the
    two on withheld larger points. Not on fewer than about two decades, where both fit anything. No constants are
    published.
    """
    return E + A * maths.exp(-maths.exp(s * (maths.log(x) - maths.log(d))))
