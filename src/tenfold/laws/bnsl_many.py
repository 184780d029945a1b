r"""Broken power laws: four to six smooth changes of slope."""

from inspect import Parameter, Signature

from tenfold.core import Check, Floor, Interval, Like, Positive, Reduction, law, maths
from tenfold.laws.bnsl import BNSL, RENUMBERED, THREE, _bend, _breaks

Turn = Interval(-6.0, 6.0, start=(-0.5, 0.5))
Slope = Interval(-6.0, 6.0, start=(-0.3, 1.0))
Soft = Interval(0.05, 2.0, start=(0.1, 1.0))  # sharper breaks look alike between two points, wider ones like none
Inside = Like("x", low=1.0, high=1.0)
FOUR = {
    "E": 1.25, "b": 15.0, "c0": 0.3,
    "c1": -0.25, "d1": 7e2, "f1": 0.12, "c2": 0.35, "d2": 5e3, "f2": 0.15,
    "c3": -0.28, "d3": 4e4, "f3": 0.1, "c4": 0.26, "d4": 3e5, "f4": 0.2,
}  # fmt: skip
FIVE = FOUR | {"c5": -0.36, "d5": 2.5e6, "f5": 0.16}
SIX = FIVE | {"c6": 0.32, "d6": 2e7, "f6": 0.11}


def _declare(count, coef, values, less):
    """The law with this many breaks, its worked coefficients with the values at NEAR, and those of one break fewer."""
    domains = {"E": Floor, "b": Positive, "c0": Slope}
    for i in range(1, count + 1):
        domains |= {f"c{i}": Turn, f"d{i}": Inside, f"f{i}": Soft}

    def body(x, *, E, b, c0, **breaks):
        bends = -c0 * maths.log(x)
        for i in range(1, count + 1):
            bends = bends + _bend(x, breaks[f"c{i}"], breaks[f"d{i}"], breaks[f"f{i}"])
        return E + b * maths.exp(bends)

    words = {4: "four", 5: "five", 6: "six"}
    body.__doc__ = rf"""L(x) = E + b x^{{-c_0}} \prod_{{i=1}}^{{{count}}} ( 1 + (x / d_i)^{{1/f_i}} )^{{-c_i f_i}}

    Use it to describe a long, dense and nearly noiseless curve with {words[count]} changes of slope, such as one
    number of a training log. Not to forecast: {3 + 3 * count} coefficients follow any noise, and only withheld
    larger points can tell. Climb to it from bnsl1, one break at a time, and stop where those stop improving.
    """
    body.__signature__ = Signature(
        [Parameter("x", Parameter.POSITIONAL_OR_KEYWORD)]
        + [Parameter(name, Parameter.KEYWORD_ONLY, annotation=domain) for name, domain in domains.items()]
    )
    return law(
        name=f"bnsl{count}",
        cite=BNSL,
        checks=[Check({"x": x}, coef, value) for x, value in zip(NEAR, values, strict=False)],
        reduces_to=[Reduction(f"bnsl{count - 1}", when={f"c{count}": 0.0}, coef={name: name for name in less})],
        meaning=_breaks(count),
        identifiable=RENUMBERED,
    )(body)


# one point beside each break, where its width counts; the products of powers in 40 digits
NEAR = (9e2, 7e3, 5.5e4, 4e5, 3e6, 2.5e7)
bnsl4 = _declare(4, FOUR, (3.3326562904859866, 2.9062173775345896, 2.0489590353085217, 1.8272173761180743), THREE)
bnsl5 = _declare(
    5, FIVE, (3.3326562904859866, 2.9062173775345896, 2.0489590353105312, 1.827217728902659, 1.5444926947770805), FOUR
)
bnsl6 = _declare(
    6,
    SIX,
    (
        3.3326562904859866,
        2.9062173775345896,
        2.0489590353105312,
        1.827217728902659,
        1.5444926944417001,
        1.5075215882088703,
    ),
    FIVE,
)
