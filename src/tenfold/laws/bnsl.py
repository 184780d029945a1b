r"""Broken power laws: one to three smooth changes of slope."""

from tenfold.core import Check, Cite, Floor, Interval, Like, Positive, Published, Reduction, law, maths

BNSL = Cite("Caballero et al.", 2022, "Broken Neural Scaling Laws", "arXiv:2210.14891", "eq. 1")
Sharpness = Interval(1e-3, 10.0, start=(0.1, 1.0))
Turn = Interval(-10.0, 10.0, start=(-0.7, 0.7))
Slope = Interval(-10.0, 10.0, start=(-0.3, 1.0))
Inside = Like("x", low=1.0, high=1.0)
RENUMBERED = "numbering the breaks in another order gives the same curve; compare them sorted by position"
ONE = {"E": 1.25, "b": 15.0, "c0": 0.25, "c1": -0.5, "d1": 625.0, "f1": 2.0}
TWO = {"E": 1.25, "b": 15.0, "c0": 0.25, "c1": -0.2, "d1": 2e3, "f1": 0.5, "c2": 0.35, "d2": 1e6, "f2": 0.4}
THREE = TWO | {"c3": -0.5, "d3": 3e7, "f3": 0.3}
BASE = {
    "E": "floor, in the unit of the output; the paper's a",
    "b": "height above the floor at x = 1 were there no break, in the unit of the output",
    "c0": "exponent of x before the first break, no unit",
}


def _breaks(count):
    """What the three coefficients of each break mean."""
    out = dict(BASE)
    for i in range(1, count + 1):
        out[f"c{i}"] = f"change of the exponent at break {i}, no unit; negative where the curve falls more slowly"
        out[f"d{i}"] = f"position of break {i}, in the unit of x"
        out[f"f{i}"] = f"width of break {i} in factors e of x, no unit; small is sharp"
    return out


def _bend(x, c, d, f):
    """log of (1 + (x/d)^(1/f))^(-c f), without overflow at a sharp break."""
    return -c * f * maths.softplus((maths.log(x) - maths.log(d)) / f)


@law(
    cite=BNSL,
    published={
        "four-digit-addition": Published(
            {
                "E": 0.41388453071629455,
                "b": 2.2772722897737556,
                "c0": 0.055077348404973955,
                "c1": 5.662903816010331,
                "d1": 612.5836172918001,
                "f1": 0.059193036393742314,
            },
            where="the authors' simulation of four-digit addition, their figure 4 right",
            span={"x": (1.0, 4095.0)},
            note="test cross-entropy against the number of training examples",
        )
    },
    checks=[Check({"x": 1e4}, ONE, 8.75)],  # 1.25 + 15 * .1 * (1 + 4)
    reduces_to=[Reduction("power_offset", when={"c1": 0.0}, coef={"E": "E", "A": "b", "alpha": "c0"})],
    aliases=("bnsl",),
    meaning=_breaks(1),
)
def bnsl1(x, *, E: Floor, b: Positive, c0: Slope, c1: Turn, d1: Inside, f1: Sharpness):
    r"""L(x) = E + b x^{-c_0} \left( 1 + (x / d_1)^{1/f_1} \right)^{-c_1 f_1}

    Use it for a curve with one visible change of slope: a late drop, a deceleration, a bump. Not to foresee a
    break: the data must reach past its start. Judge it on withheld larger points against power_offset, which
    it equals without the change, and use fewer breaks whenever they do as well.
    """
    return E + b * maths.exp(-c0 * maths.log(x) + _bend(x, c1, d1, f1))


@law(
    cite=BNSL,
    checks=[
        Check({"x": 1e4}, TWO, 3.3277246193299032),  # the product of powers in 40 digits
        Check({"x": 1e7}, TWO, 1.9041740233008500),
    ],
    reduces_to=[
        Reduction("bnsl1", when={"c2": 0.0}, coef={name: name for name in ONE}),
        Reduction("bnsl1", when={"c1": 0.0}, coef={**{n: n for n in BASE}, "c1": "c2", "d1": "d2", "f1": "f2"}),
    ],
    meaning=_breaks(2),
    identifiable=RENUMBERED,
)
def bnsl2(
    x, *, E: Floor, b: Positive, c0: Slope,
    c1: Turn, d1: Inside, f1: Sharpness,
    c2: Turn, d2: Inside, f2: Sharpness,
):  # fmt: skip
    r"""L(x) = E + b x^{-c_0} \prod_{i=1}^{2} \left( 1 + (x / d_i)^{1/f_i} \right)^{-c_i f_i}

    Use it for a curve that changes slope twice, such as a plateau between two falls, or double descent. Nine
    coefficients need at least some fifteen points. Not for fewer: try bnsl1 first, and keep this one only if
    it predicts withheld larger points better.
    """
    return E + b * maths.exp(-c0 * maths.log(x) + _bend(x, c1, d1, f1) + _bend(x, c2, d2, f2))


@law(
    cite=BNSL,
    checks=[
        Check({"x": 1e4}, THREE, 3.3277246193307035),  # the product of powers in 40 digits
        Check({"x": 1e7}, THREE, 1.9066668319256066),
    ],
    reduces_to=[Reduction("bnsl2", when={"c3": 0.0}, coef={name: name for name in TWO})],
    meaning=_breaks(3),
    identifiable=RENUMBERED,
)
def bnsl3(
    x, *, E: Floor, b: Positive, c0: Slope,
    c1: Turn, d1: Inside, f1: Sharpness,
    c2: Turn, d2: Inside, f2: Sharpness,
    c3: Turn, d3: Inside, f3: Sharpness,
):  # fmt: skip
    r"""L(x) = E + b x^{-c_0} \prod_{i=1}^{3} \left( 1 + (x / d_i)^{1/f_i} \right)^{-c_i f_i}

    Use it to describe a dense curve with three changes of slope, not to forecast one: twelve coefficients
    follow any noise. Try bnsl2 and bnsl1 first and compare on withheld larger points.
    """
    bends = _bend(x, c1, d1, f1) + _bend(x, c2, d2, f2) + _bend(x, c3, d3, f3)
    return E + b * maths.exp(-c0 * maths.log(x) + bends)
