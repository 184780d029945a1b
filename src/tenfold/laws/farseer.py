r"""Farseer: floor, data term and exponent of the data all move with size."""

from math import exp

from tenfold.core import Check, Cite, Exponent, Interval, Positive, Published, Reduction, law, maths

FARSEER = Cite(
    "Li et al.", 2025, "Predictable Scale: Part II, Farseer: A Refined Scaling Law in Large Language Models",
    "arXiv:2506.10972", "eq. of the law L(N, D); coefficients as quoted in the benchmark of PlanarG/active-sl",
)  # fmt: skip
N0 = 1e9  # the size at which the coefficients are read, parameters


def from_paper(floor, term, power):
    """The paper's surface in our coefficients. Its three functions of size, exp(a N^g + b), are given as (a, g, b)."""

    def height(a, g, b):
        return exp(a * N0**g + b)

    def slope(a, g, b):
        return a * g * N0**g

    heights = dict(zip(("E", "B", "beta"), (height(*f) for f in (floor, term, power)), strict=True))
    slopes = dict(zip(("e", "b", "c"), (slope(*f) for f in (floor, term, power)), strict=True))
    return {**heights, **slopes, "p": floor[1], "q": term[1], "r": power[1]}


PAPER = from_paper(
    floor=(-0.062465473, 0.13, 0.1284880679442551),
    term=(230.73437075885855, -0.1729, -1.544209554),
    power=(-1.665630816, 0.0458999999999619, 3.133347198805445),
)


def _bent(size, slope, bend):
    """slope (u^bend - 1) / bend with u = N / N0 and size = log u: a straight line in size, bent."""
    return slope * maths.expm1(bend * size) / bend


@law(
    cite=FARSEER,
    published={
        "farseer": Published(
            PAPER,
            where="the authors' nine numbers as the benchmark of PlanarG/active-sl quotes them, converted exactly",
            tag="verified-secondary",
            params="non-embedding",
            span={"N": (9.96e7, 2.51e10), "D": (1e9, 5.12e11)},
            note="the loss is per byte or per character, .44 to .71; far outside the span the exponentials run away",
        )
    },
    checks=[  # exp(a3 N^g3 + b3) + exp(a2 N^g2 + b2) D^-exp(a1 N^g1 + b1) in 40 digits
        Check({"N": 1e9, "D": 2e10}, PAPER, 0.53940864392897533),
        Check({"N": 7e9, "D": 1e12}, PAPER, 0.41686594788105457),
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"b": 0.0, "c": 0.0, "p": 1e-12},
            coef={"E": "0 * E", "A": "E * 1e9**(-e)", "B": "B", "alpha": "-e", "beta": "beta"},
        )
    ],
    falls_in=("N", "D"),
    meaning={
        "E": "loss on endless data at 1e9 parameters, in the unit of the loss",
        "B": "size of the data term at 1e9 parameters, loss times tokens^beta",
        "beta": "exponent of tokens at 1e9 parameters, no unit",
        "e": "d log E / d log N at 1e9 parameters, no unit",
        "b": "d log B / d log N at 1e9 parameters, no unit",
        "c": "d log beta / d log N at 1e9 parameters, no unit",
        "p": "how e changes: e grows as N^p, no unit; the paper's gamma of the floor",
        "q": "how b changes: b grows as N^q, no unit",
        "r": "how c changes: c grows as N^r, no unit",
    },
)
def farseer(
    N, D, *, E: Positive, B: Positive, beta: Exponent,
    e: Interval(-2.0, 1.0, start=(-0.4, -0.02)), b: Interval(-5.0, 2.0, start=(-2.0, 0.2)),
    c: Interval(-2.0, 1.0, start=(-0.5, 0.1)), p: Interval(0.01, 0.5), q: Interval(-0.6, -0.01),
    r: Interval(0.001, 0.25),
):  # fmt: skip
    r"""L(N, D) = E e^{e s_p} + B e^{b s_q} D^{-\beta e^{c s_r}}, s_g = ( (N / 10^9)^g - 1 ) / g

    Use it for a dense grid of runs, hundreds and more, over sizes that differ tenfold or more: it lets the
    worth of data change with size in every way. It is the paper's exp(a N^g + b) thrice, written by value,
    slope and bend at 1e9 parameters, which runs can determine (from_paper converts). Not for a few dozen runs:
    skaling does as well with six coefficients; not far outside the data, above all not for the optimum of a
    budget outside the fitted tokens per parameter.
    """
    size = maths.log(N) - maths.log(N0)
    falls = beta * maths.exp(_bent(size, c, r)) * maths.log(D)
    return E * maths.exp(_bent(size, e, p)) + B * maths.exp(_bent(size, b, q) - falls)
