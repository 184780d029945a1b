r"""Broken power laws: four to six smooth changes of slope."""

from inspect import Parameter, Signature

from tenfold.core import Check, Floor, Like, Positive, Real, Reduction, law, maths
from tenfold.laws.bnsl import BNSL, RENUMBERED, THREE, Sharpness, _bend, _breaks

FOUR = THREE | {"c4": 0.32, "d4": 2e8, "f4": 0.6}
FIVE = FOUR | {"c5": -0.25, "d5": 5e4, "f5": 0.7}
SIX = FIVE | {"c6": 0.15, "d6": 4e5, "f6": 0.8}


def _declare(count, checks, less):
    """The law with this many breaks; ``less`` are the worked coefficients with one fewer."""
    domains = {"E": Floor, "b": Positive, "c0": Real}
    for i in range(1, count + 1):
        domains |= {f"c{i}": Real, f"d{i}": Like("x"), f"f{i}": Sharpness}

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
        checks=[Check({"x": x}, coef, value) for x, coef, value in checks],
        reduces_to=[Reduction(f"bnsl{count - 1}", when={f"c{count}": 0.0}, coef={name: name for name in less})],
        meaning=_breaks(count),
        identifiable=RENUMBERED,
    )(body)


# the products of powers in 40 digits
bnsl4 = _declare(4, [(1e4, FOUR, 3.3277245922596055), (1e8, FOUR, 1.7025415684094999)], THREE)
bnsl5 = _declare(5, [(1e4, FIVE, 3.3627842230138352), (1e8, FIVE, 4.2763380551786303)], FOUR)
bnsl6 = _declare(6, [(1e4, SIX, 3.3602778025774298), (1e8, SIX, 2.5718252351283819)], FIVE)
