r"""A curve between chance and a floor, defined by an equation."""

from tenfold.core import Check, Cite, Exponent, Floor, Interval, Like, Positive, Reduction, law, maths

ALABDULMOHSIN = Cite(
    "Alabdulmohsin et al.", 2022, "Revisiting Neural Scaling Laws in Language and Vision", "arXiv:2209.06640",
    "function class M4",
)  # fmt: skip


@law(
    cite=ALABDULMOHSIN,
    checks=[
        Check({"x": 1e8}, {"E": 1.5, "span": 5.0, "beta": 50.0, "c": 0.25, "alpha": 0.5}, 2.5)
    ],  # 1 / 4^.5 = 50 x^-.25
    reduces_to=[
        Reduction(
            "power_offset",
            when={"alpha": 1e-12, "beta": "minimum(beta, span * x**c / 2)"},
            coef={"E": "E", "A": "beta", "alpha": "c"},
        )
    ],
    falls_in=("x",),
    meaning={
        "E": "floor, in the unit of the output",
        "span": "chance level minus floor, in the unit of the output",
        "beta": "size of the power law, (unit of the output)^(1 - alpha)",
        "c": "exponent of x in the power law, no unit",
        "alpha": "how soon the curve leaves the chance level, no unit; 0 is power_offset",
    },
)
def m4(
    x, *, E: Floor, span: Like("output", low=0.1, high=3.0), beta: Positive, c: Exponent,
    alpha: Interval(1e-3, 5.0, start=(0.02, 2.0)),
):  # fmt: skip
    r"""\frac{L - E}{(E + s - L)^{\alpha}} = \beta x^{-c}

    Use it for error rates and losses that begin at chance (E + s), fall, and end on a floor: few-shot errors,
    learning curves. It extrapolates best of the one-curve laws in its paper. Not for curves without a visible
    start: s and \alpha are then not determined, and power_offset says as much with less.
    """
    # With L = E + s u and u = 1/(1 + e^-z) the equation is alpha softplus(z) - softplus(-z) = t. Its left
    # side is convex or concave, on one side of its asymptotes z and alpha z: Newton from their root never
    # overshoots, and reaches 1e-16 within 9 steps for every t when alpha is at least 1e-3.
    t = maths.log(beta) - c * maths.log(x) - (1.0 - alpha) * maths.log(span)

    def residual(z):
        grown = maths.softplus(z)  # softplus(-z) is this less z
        return (alpha - 1.0) * grown + z - t, maths.exp(-grown) + alpha * maths.exp(z - grown)

    z = maths.solve_increasing(residual, maths.where(t < 0.0, t, t / alpha), steps=12)
    return E + span * maths.exp(-maths.softplus(-z))
