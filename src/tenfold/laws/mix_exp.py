r"""Data mixing laws: the loss on one domain is exponential in the shares of the training sources."""

from math import exp, log

from tenfold.core import Check, Cite, Domain, Floor, Positive, Published, Reduction, law, maths

YE = Cite("Ye et al.", 2024, "Data Mixing Laws", "arXiv:2403.16952", "eq. 1")
Effect = Domain("real number", start=(-10.0, 10.0))


def _meaning(sources):
    return {
        "E": "loss on the domain that no mixture passes, in the unit of the loss",
        "k": "height above E at equal shares, in the unit of the loss",
        **{
            f"t{i}": f"effect of source {i} on the log of that height, a unit of share; negative where it helps"
            for i in range(1, sources)
        },
    }


def _domain(name, log_c, log_k, *t):
    """A row of the notebook, exp(log c) + exp(log k + t r), with the mean of t moved into k: equal on the simplex."""
    mean = sum(t) / len(t)
    return Published(
        {"E": exp(log_c), "k": exp(log_k + mean), **{f"t{i + 1}": value - mean for i, value in enumerate(t[:-1])}},
        where=f"the authors' notebook mix_5_domains, validation loss on {name}; the mean of t is moved into k",
        loss="nats/token",
        note="sources in order: academic, prose, dialogue, symbolic, internet; 70M parameters after 30k steps",
    )


@law(
    cite=YE,
    checks=[Check({"h1": 0.75, "h2": 0.25}, {"E": 1.5, "k": 0.8, "t1": log(4.0)}, 3.1)],  # 1.5 + .8 * 2
    meaning=_meaning(2),
)
def mix_exp2(h1, h2, *, E: Floor, k: Positive, t1: Effect):
    r"""L = E + k e^{t_1 (h_1 - h_2)}

    Use it for the loss on one domain of models of one size and budget trained on two sources in several
    mixtures, h_1 + h_2 = 1. Each validation domain has a fit of its own; the loss over several is their weighted
    sum. The two t sum to zero, so k is the height at equal shares. Not across sizes or tokens: there use
    mix_additive2 and mix_joint2, and for one domain against the steps bimix.
    """
    return E + k * maths.exp(t1 * (h1 - h2))


@law(
    cite=YE,
    checks=[  # the exponent is (.3 * 6 - .1 * 8) ln 2 = ln 2
        Check(
            {"h1": 0.5, "h2": 0.3, "h3": 0.2},
            {"E": 1.5, "k": 0.8, "t1": 6 * log(2.0), "t2": -8 * log(2.0)},
            3.1,
        )
    ],
    reduces_to=[
        Reduction(
            "mix_exp2",
            when={"h3": 0.0, "h2": "1 - h1"},
            coef={"E": "E", "k": "k * exp((t1 + t2) / 2)", "t1": "(t1 - t2) / 2"},
        )
    ],
    meaning=_meaning(3),
)
def mix_exp3(h1, h2, h3, *, E: Floor, k: Positive, t1: Effect, t2: Effect):
    r"""L = E + k e^{t_1 (h_1 - h_3) + t_2 (h_2 - h_3)}

    Use it for the loss on one domain of models of one size and budget trained on three sources, shares summing to
    one, from some ten mixtures on. The three t sum to zero, t_3 being minus the others, so k is the height at
    equal shares. Not across sizes or tokens: there use mix_additive3 and mix_joint3.
    """
    return E + k * maths.exp(t1 * (h1 - h3) + t2 * (h2 - h3))


@law(
    cite=YE,
    published={
        "academic": _domain("academic text", 0.9750, -2.1391, -10.086, 2.714, 2.711, 2.608, 1.587),
        "prose": _domain("prose", 1.2624, -2.1656, 1.393, -4.681, 0.786, 1.872, 0.573),
        "dialogue": _domain("dialogue", 1.1375, -7.1017, 6.714, 6.264, -31.862, 6.642, 6.205),
        "symbolic": _domain("symbolic text", 0.4750, -3.6546, 3.329, 3.671, 3.113, -16.422, 3.159),
        "internet": _domain("internet text", 1.2402, -1.9510, 1.190, 0.870, -0.518, 1.712, -3.087),
    },
    checks=[  # the exponent is (.2 * 5 - .1 * 10 + .15 * 4 + .05 * 8) ln 2 = ln 2
        Check(
            {"h1": 0.3, "h2": 0.2, "h3": 0.25, "h4": 0.15, "h5": 0.1},
            {"E": 1.5, "k": 0.8, "t1": 5 * log(2.0), "t2": -10 * log(2.0), "t3": 4 * log(2.0), "t4": 8 * log(2.0)},
            3.1,
        )
    ],
    reduces_to=[
        Reduction(
            "mix_exp3",
            when={"h5": 0.0, "h4": 0.0, "h3": "1 - h1 - h2"},
            coef={
                "E": "E",
                "k": "k * exp((t1 + t2 + t3) / 3)",
                "t1": "t1 - (t1 + t2 + t3) / 3",
                "t2": "t2 - (t1 + t2 + t3) / 3",
            },
        )
    ],
    meaning=_meaning(5),
)
def mix_exp5(
    h1, h2, h3, h4, h5, *, E: Floor, k: Positive, t1: Effect, t2: Effect, t3: Effect, t4: Effect
):  # fmt: skip
    r"""L = E + k e^{\sum_{i=1}^{4} t_i (h_i - h_5)}

    Use it for the loss on one domain of models of one size and budget trained on five sources, shares summing to
    one, from some twenty mixtures on. The five t sum to zero, t_5 being minus the others, so k is the height
    at equal shares; published coefficients are restated so, which changes nothing on the simplex. Not across
    sizes or tokens (bimix, mix_additive3).
    """
    return E + k * maths.exp(t1 * (h1 - h5) + t2 * (h2 - h5) + t3 * (h3 - h5) + t4 * (h4 - h5))
