r"""Optimal data mixtures: loss in size, tokens and the shares of two or three sources."""

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Positive, Reduction, law

SHUKOR = Cite(
    "Shukor et al.", 2025, "Scaling Laws for Optimal Data Mixtures", "arXiv:2507.09404",
    "abstract; the additive and the joint law of the text",
)  # fmt: skip
Weight = Domain("positive", lower=0.0, transform="log", start=(0.03, 30.0))
CHINCHILLA = {
    "E": "irreducible loss on the target domain, in the unit of the loss",
    "A": "size of the parameter term, loss times parameters^alpha",
    "alpha": "exponent of parameters, no unit",
    "B": "size of the data term, loss times tokens^beta",
    "beta": "exponent of tokens, no unit",
}
PURE = {  # of the joint laws: the paper's terms (sum of C_i h_i)^gamma, divided by the weight of the first source
    "A": "size of the parameter term on source 1 alone, loss times parameters^alpha",
    "B": "size of the data term on source 1 alone, loss times tokens^beta",
}


def _meaning(sources, *, joint=False):
    others = range(2, sources + 1)
    out = CHINCHILLA | {
        "K": "loss that source 1 alone leaves to the mixture, 1/C_1 of the paper, in the unit of the loss",
        **{f"c{i}": f"worth of source {i} to the target over that of source 1, C_{i}/C_1, no unit" for i in others},
        **{f"g{i}": f"exponent of the share of source {i}, no unit" for i in range(1, sources + 1)},
    }
    if joint:
        out |= PURE
        out |= {f"a{i}": f"weight of source {i} in the parameter term over that of source 1, no unit" for i in others}
        out |= {f"b{i}": f"weight of source {i} in the data term over that of source 1, no unit" for i in others}
        out |= {"ga": "exponent of the mixture in the parameter term, no unit; 0 is the additive law"}
        out |= {"gb": "exponent of the mixture in the data term, no unit; 0 is the additive law"}
    return out


TWO = {"E": 1.5, "A": 4e3, "alpha": 0.5, "B": 8e2, "beta": 0.25, "K": 2.0, "c2": 3.0, "g1": 0.75, "g2": 1.75}
AT = {"N": 1e8, "D": 1e12, "h1": 0.25, "h2": 0.75}
AT3 = {"N": 1e8, "D": 1e12, "h1": 0.25, "h2": 0.625, "h3": 0.125}
SAME = {name: name for name in TWO}


@law(
    cite=SHUKOR,
    # 1.5 + 2 / (.25^.75 + 3 * .75^1.75) + .4 + .8 in 30 digits
    checks=[Check(AT, TWO, 3.6229817208299706)],
    reduces_to=[Reduction("chinchilla", when={"K": 0.0}, coef={name: name for name in ("E", "A", "B", "alpha", "beta")})],
    falls_in=("N", "D", "h1", "h2"),
    meaning=_meaning(2),
)
def mix_additive2(
    N, D, h1, h2, *,
    E: Floor, K: Positive, c2: Weight, g1: Exponent, g2: Exponent,
    A: Positive, alpha: Exponent, B: Positive, beta: Exponent,
):  # fmt: skip
    r"""L = E + \frac{K}{h_1^{g_1} + c_2 h_2^{g_2}} + A N^{-\alpha} + B D^{-\beta}

    Use it for the loss on one target domain of models of several sizes and budgets trained on two sources,
    h_1 + h_2 = 1, from some ten mixtures on. The best mixture is then the same at every size. Not when the best
    mixture moves with the budget (mix_joint2), nor at one size and budget (mix_exp2 is easier to fit). No
    constants are shipped: none were printed.
    """
    return E + K / (h1**g1 + c2 * h2**g2) + A * N**-alpha + B * D**-beta


@law(
    cite=SHUKOR,
    # 1.5 + 2 / (.25^.75 + 3 * .625^1.75 + 8 * .125^1.25) + .4 + .8 in 30 digits
    checks=[Check(AT3, TWO | {"c3": 8.0, "g3": 1.25}, 3.5825562812314478)],
    reduces_to=[Reduction("mix_additive2", when={"c3": 0.0}, coef=SAME)],
    falls_in=("N", "D", "h1", "h2", "h3"),
    meaning=_meaning(3),
)
def mix_additive3(
    N, D, h1, h2, h3, *,
    E: Floor, K: Positive, c2: Weight, c3: Weight, g1: Exponent, g2: Exponent, g3: Exponent,
    A: Positive, alpha: Exponent, B: Positive, beta: Exponent,
):  # fmt: skip
    r"""L = E + \frac{K}{h_1^{g_1} + c_2 h_2^{g_2} + c_3 h_3^{g_3}} + A N^{-\alpha} + B D^{-\beta}

    Use it for the loss on one target domain of models of several sizes and budgets trained on three sources, shares
    summing to one, from some twenty mixtures on. Not when the best mixture moves with the budget (mix_joint3),
    nor at one size and budget (mix_exp3 is easier to fit). No constants are shipped: none were printed.
    """
    return E + K / (h1**g1 + c2 * h2**g2 + c3 * h3**g3) + A * N**-alpha + B * D**-beta


@law(
    cite=SHUKOR,
    # 1.5 + 2 / (.25^.75 + 3 * .75^1.75) + .4 (.25 + 5 * .75)^.6 + .8 (.25 + 2.2 * .75)^.7 in 30 digits
    checks=[Check(AT, TWO | {"a2": 5.0, "ga": 0.6, "b2": 2.2, "gb": 0.7}, 4.595709347518943)],
    reduces_to=[Reduction("mix_additive2", when={"ga": 0.0, "gb": 0.0}, coef=SAME)],
    falls_in=("N", "D"),
    meaning=_meaning(2, joint=True),
)
def mix_joint2(
    N, D, h1, h2, *,
    E: Floor, K: Positive, c2: Weight, g1: Exponent, g2: Exponent,
    A: Positive, a2: Weight, ga: Exponent, alpha: Exponent,
    B: Positive, b2: Weight, gb: Exponent, beta: Exponent,
):  # fmt: skip
    r"""L = E + \frac{K}{h_1^{g_1} + c_2 h_2^{g_2}} + A h_a^{g_a} N^{-\alpha} + B h_b^{g_b} D^{-\beta}

    Use it for the loss on one target domain when the best mixture of two sources moves with size or tokens:
    h_a = h_1 + a_2 h_2 weighs the sources in the parameter term, h_b = h_1 + b_2 h_2 in the data term. Runs must
    vary mixture, size and tokens together. Not for fewer than some thirty runs: try mix_additive2
    first and keep this one if it predicts withheld larger runs better. No constants are shipped.
    """
    size, data = (h1 + a2 * h2) ** ga, (h1 + b2 * h2) ** gb
    return E + K / (h1**g1 + c2 * h2**g2) + A * size * N**-alpha + B * data * D**-beta


@law(
    cite=SHUKOR,
    checks=[
        Check(
            AT3,
            TWO | {"c3": 8.0, "g3": 1.25, "a2": 5.0, "a3": 4.0, "ga": 0.6, "b2": 2.2, "b3": 0.9, "gb": 0.7},
            4.461882469696526,  # in 30 digits
        )
    ],
    reduces_to=[
        Reduction(
            "mix_additive3",
            when={"ga": 0.0, "gb": 0.0},
            coef=SAME | {"c3": "c3", "g3": "g3"},
        ),
        Reduction(
            "mix_joint2",
            when={"c3": 0.0, "a3": 0.0, "b3": 0.0},
            coef=SAME | {name: name for name in ("a2", "ga", "b2", "gb")},
        ),
    ],
    falls_in=("N", "D"),
    meaning=_meaning(3, joint=True),
)
def mix_joint3(
    N, D, h1, h2, h3, *,
    E: Floor, K: Positive, c2: Weight, c3: Weight, g1: Exponent, g2: Exponent, g3: Exponent,
    A: Positive, a2: Weight, a3: Weight, ga: Exponent, alpha: Exponent,
    B: Positive, b2: Weight, b3: Weight, gb: Exponent, beta: Exponent,
):  # fmt: skip
    r"""L = E + \frac{K}{h_1^{g_1} + c_2 h_2^{g_2} + c_3 h_3^{g_3}} + A h_a^{g_a} N^{-\alpha} + B h_b^{g_b} D^{-\beta}

    Use it for the loss on one target domain when the best mixture of three sources moves with size or tokens:
    h_a = h_1 + a_2 h_2 + a_3 h_3 weighs the sources in the parameter term, h_b alike in the data term. Not for
    fewer than some sixty runs: try mix_additive3 first and keep this one if it predicts withheld larger
    runs better. No constants are shipped.
    """
    size, data = (h1 + a2 * h2 + a3 * h3) ** ga, (h1 + b2 * h2 + b3 * h3) ** gb
    return E + K / (h1**g1 + c2 * h2**g2 + c3 * h3**g3) + A * size * N**-alpha + B * data * D**-beta
