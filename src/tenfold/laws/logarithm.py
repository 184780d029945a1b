r"""A straight line in the logarithm of the input."""

from math import log

from tenfold.core import Check, Cite, Published, Real, law, maths

VWN = Cite("Li et al.", 2025, "Virtual Width Networks", "arXiv:2511.11238", "abstract: log-linear in virtual width")


@law(
    cite=VWN,
    published={
        "virtual-width": Published(
            {"a": 1.6212, "b": 0.0069 / log(2.0)},
            where="line through the loss against log2 of the width ratio, R2 .9986",
            tag="verified-secondary",
            loss="nats/token",
            span={"x": (2.0, 8.0)},
            note="x is virtual over backbone width; ratio 1, no virtual width, lies off the line",
        ),
    },
    checks=[Check({"x": 7.38905609893065}, {"a": 5.0, "b": 1.5}, 2.0)],  # x = e^2
    falls_in=("x",),
    aliases=("log",),
    meaning={
        "a": "value at x = 1, in the unit of the output",
        "b": "fall per factor e of x, in the unit of the output",
    },
)
def log_law(x, *, a: Real, b: Real):
    r"""L(x) = a - b \log x

    Use it for small changes over few decades, and for bounded scores in the middle of their range. Not for
    extrapolation: it has no floor and crosses zero. Over more than a decade or two try power_offset; for a
    score between chance and a ceiling, m4.
    """
    return a - b * maths.log(x)
