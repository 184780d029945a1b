r"""Multilingual translation: the share of the sampling acts as a share of the parameters."""

from tenfold.core import Check, Cite, Exponent, Floor, Interval, Positive, Reduction, law, maths

FERNANDES = Cite(
    "Fernandes et al.", 2023, "Scaling Laws for Multilingual Neural Machine Translation", "arXiv:2302.09650",
    "section on the joint law and the effective number of parameters",
)  # fmt: skip


@law(
    cite=FERNANDES,
    checks=[
        # f = 1/4 + 4 (1/4) (3/4)^2 = 13/16 of 4e8 parameters
        Check(
            {"N": 4e8, "share": 0.25},
            {"E": 1.5, "A": 2e4, "alpha": 0.5, "c1": 4.0, "c2": 1.0, "c3": 2.0},
            2.6094003924504582,
        )
    ],
    reduces_to=[
        Reduction("power_offset", when={"share": 1.0}, coef={"E": "E", "A": "A", "alpha": "alpha"}, inputs={"x": "N"})
    ],
    falls_in=("N",),
    aliases=("effective_params",),
    meaning={
        "E": "loss of an endless model on this task, in the unit of the loss",
        "A": "height above the floor at one parameter, alone, loss times parameters^alpha",
        "alpha": "exponent of parameters, the same at every share, no unit",
        "c1": "help from the other tasks, no unit; 0 is none, and the share of the sampling is that of the parameters",
        "c2": "exponent of that help in the share, no unit",
        "c3": "exponent of that help in the rest, no unit",
    },
)
def multilingual(
    N, share, *, E: Floor, A: Positive, alpha: Exponent,
    c1: Interval(0.0, 5.0, start=(0.02, 2.0)), c2: Interval(0.05, 5.0, start=(0.2, 2.0)),
    c3: Interval(0.05, 5.0, start=(0.2, 2.0)),
):  # fmt: skip
    r"""L(N, p) = E + A (f N)^{-\alpha}, f = p + c_1 p^{c_2} (1 - p)^{c_3}

    Use it for one task of a multitask model, over sizes and sampling shares p; f N is the size of the model
    that would do as well on this task alone. Shares near both ends determine c_2 and c_3. Not for a task
    whose data run out as its share grows, nor for a mixture that shifts the floor (the laws of mixtures), nor
    at p = 0. No constants are shipped.
    """
    rest = maths.where(share < 1.0, 1.0 - share, 1.0)
    help_ = maths.where(share < 1.0, c1 * maths.exp(c2 * maths.log(share) + c3 * maths.log(rest)), 0.0)
    return E + A * maths.exp(-alpha * (maths.log(N) + maths.log(share + help_)))
