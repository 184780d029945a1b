r"""Sub-tasks: a smooth skill and one that arrives, composed, multiplied or averaged."""

from tenfold.core import Check, Cite, Interval, Like, Published, Reduction, Unit, law, maths

NEQA = Cite(
    "Zhang et al.", 2023, "Beyond Positive Scaling: How Negation Impacts Scaling Trends of Language Models",
    "arXiv:2305.17311", "section on task decomposition, eq. of the released simulation",
)  # fmt: skip
SKILLS = {"i": 0.5, "s": 0.03125, "k": 2.0, "d": 300.0}
Slope = Interval(0.0, 0.5, start=(0.005, 0.1))
Steepness = Interval(0.0, 20.0, start=(0.3, 4.0))
MEANING = {
    "i": "smooth skill at x = 1, fraction",
    "s": "gain of the smooth skill per factor e of x, fraction",
    "k": "steepness of the arriving skill, no unit",
    "d": "where half of the arriving skill is there, in the unit of x",
}


def _smooth(x, i, s):
    return i + s * maths.log(x)


def _arriving(x, k, d):
    return maths.exp(-maths.softplus(k * (maths.log(d) - maths.log(x))))


@law(
    cite=NEQA,
    output="accuracy",
    published={
        "demo": Published(
            {"i": 0.75, "s": 0.025, "k": 1.0, "d": 1.0},
            where="the authors' simulation: .025 x + .75 and 1 / (1 + e^-x), with x our log x",
            span={"x": (4.5399929762484854e-05, 22026.465794806718)},
            note="chosen to show the shapes, not fitted",
        )
    },
    checks=[
        Check({"x": 100.0}, SKILLS, 0.38487074535029772),
        Check({"x": 1000.0}, SKILLS, 0.68021953279454543),
    ],
    aliases=("neqa",),
    meaning=MEANING,
)
def negation(x, *, i: Unit, s: Slope, k: Steepness, d: Like("x")):
    r"""\mathrm{acc}(x) = t_1 t_2 + (1 - t_1)(1 - t_2), \; t_1 = i + s \log x, \; t_2 = (1 + (d / x)^{k})^{-1}

    Use it for a task of two choices in which a model must first know the answer (t1) and then reverse it (t2): without
    the second skill the first makes it worse. With the arrival d beyond the data the trend is inverse, inside it is
    U-shaped, before it is positive. Not for more than two choices, and never to foretell the turn: d must lie within
    reach of the data. For skills that are both needed use skill_product.
    """
    t1, t2 = _smooth(x, i, s), _arriving(x, k, d)
    return t1 * t2 + (1.0 - t1) * (1.0 - t2)


@law(
    cite=NEQA,
    output="accuracy",
    checks=[
        Check({"x": 100.0}, SKILLS, 0.064391156831212786),
        Check({"x": 1000.0}, SKILLS, 0.65675903896164384),
    ],
    meaning=MEANING,
)
def skill_product(x, *, i: Unit, s: Slope, k: Steepness, d: Like("x")):
    r"""\mathrm{acc}(x) = t_1 t_2, \; t_1 = i + s \log x, \; t_2 = (1 + (d / x)^{k})^{-1}

    Use it for a task that needs a smooth skill and one that arrives: the first term of the composition that the paper
    simulates. Not for tasks with a chance level (sigmoid_log), nor when a missing skill does harm (negation).
    """
    return _smooth(x, i, s) * _arriving(x, k, d)


@law(
    cite=NEQA,
    output="accuracy",
    checks=[
        Check({"x": 100.0}, SKILLS | {"w": 0.375}, 0.30396683811704795),
        Check({"x": 1000.0}, SKILLS | {"w": 0.375}, 0.84184475258841596),
    ],
    reduces_to=[Reduction("hill", when={"w": 0.0}, coef={"top": "1", "half": "d", "n": "k"})],
    meaning=MEANING | {"w": "share of items that the smooth skill decides, fraction"},
    identifiable="i, s and w: only w i and w s count; hold i (the skill at x = 1) or w",
)
def skill_sum(x, *, w: Unit, i: Unit, s: Slope, k: Steepness, d: Like("x")):
    r"""\mathrm{acc}(x) = w t_1 + (1 - w) t_2, \; t_1 = i + s \log x, \; t_2 = (1 + (d / x)^{k})^{-1}

    Use it for the average over a suite in which a share w of the items follows a smooth trend and the rest arrives at
    one place: the paper's two curves, averaged. Not with w, i and s all free. For items that need both skills use
    skill_product.
    """
    return w * _smooth(x, i, s) + (1.0 - w) * _arriving(x, k, d)
