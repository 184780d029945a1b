r"""Critical points: nothing below a threshold, then a rise that is slower than any power, or a power."""

from tenfold.core import Check, Cite, Exponent, Interval, Like, Positive, Reduction, law, maths

TURNER = Cite(
    "Turner and Sear", 2023, "Critical scaling law for the deposition efficiency of inertia-driven particle collisions "
    "with a cylinder in high Reynolds number air flow", "arXiv:2301.01046", "abstract",
)  # fmt: skip
Below = Like("x", low=0.05, high=0.95)
MEANING = {
    "A": "value far above the critical point, in the unit of the output",
    "c": "strength of the suppression, (unit of x)^q with q = 1/2 unless it is fitted",
    "xc": "critical point, in the unit of x; below it the law is zero",
}
ZERO = "Leave out rows at or below x_c: their zeros say nothing about the shape, and have no logarithm."


def _gap(x, xc):
    """The distance above the critical point; below it, where the law is zero, any positive number."""
    return maths.where(x > xc, x - xc, x)


@law(
    cite=TURNER,
    output="score",
    checks=[
        Check({"x": 4.125}, {"A": 0.75, "c": 2.0, "xc": 0.125}, 0.27590958087858174),  # .75 e^-1
        Check({"x": 9.125}, {"A": 0.75, "c": 2.0, "xc": 0.125}, 0.38506283927444402),  # .75 e^-2/3
    ],
    meaning=MEANING,
    use=r"""
    Use it for a rate that is zero up to a critical point and then rises more slowly than any power of the distance, as
    the share of particles that hit a cylinder does with their inertia. Not where the rise is a power: compare with
    critical_power, and free the exponent 1/2 with critical_stretched. """
    + ZERO,
)
def critical_exp(x, *, A: Positive, c: Positive, xc: Below):
    r"""y(x) = A \exp\left( -c (x - x_c)^{-1/2} \right) \text{ for } x > x_c, \; 0 \text{ below}"""
    return A * maths.where(x > xc, maths.exp(-c * _gap(x, xc) ** -0.5), 0.0)


@law(
    cite=TURNER,
    output="score",
    checks=[
        Check({"x": 4.125}, {"A": 0.75, "c": 2.0, "xc": 0.125, "q": 0.8}, 0.38773388896830173),
        Check({"x": 9.125}, {"A": 0.75, "c": 2.0, "xc": 0.125, "q": 0.8}, 0.5312425170301751),
    ],
    reduces_to=[Reduction("critical_exp", when={"q": 0.5}, coef={"A": "A", "c": "c", "xc": "xc"})],
    meaning=MEANING | {"q": "how singular the critical point is, no unit; the paper's is 1/2"},
    use=r"""
    Use it to ask whether the exponent of critical_exp is 1/2: fit it, then hold q there and compare. Not to find the
    critical point from far above, where q, c and x_c trade off: the data must come within a few times x_c of it. """
    + ZERO,
)
def critical_stretched(x, *, A: Positive, c: Positive, xc: Below, q: Interval(0.05, 3.0, start=(0.2, 1.5))):
    r"""y(x) = A \exp\left( -c (x - x_c)^{-q} \right) \text{ for } x > x_c, \; 0 \text{ below}"""
    return A * maths.where(x > xc, maths.exp(-c * _gap(x, xc) ** -q), 0.0)


@law(
    cite=TURNER,
    output="score",
    checks=[
        Check({"x": 9.125}, {"A": 3.0, "xc": 0.125, "b": 0.5}, 9.0),
        Check({"x": 0.375}, {"A": 3.0, "xc": 0.125, "b": 0.5}, 1.5),
    ],
    reduces_to=[Reduction("allometric", when={"xc": 0.0}, coef={"A": "A", "b": "b"})],
    meaning={
        "A": "value one unit of x above the critical point, in the unit of the output",
        "xc": MEANING["xc"],
        "b": "critical exponent, no unit",
    },
    use=r"""
    Use it as the ordinary rival of critical_exp: a quantity that leaves zero at a threshold as a power of the distance.
    Not far above the threshold, where it is allometric and x_c cannot be seen. """
    + ZERO,
)
def critical_power(x, *, A: Positive, xc: Below, b: Exponent):
    r"""y(x) = A (x - x_c)^{b} \text{ for } x > x_c, \; 0 \text{ below}"""
    return A * maths.where(x > xc, _gap(x, xc) ** b, 0.0)
