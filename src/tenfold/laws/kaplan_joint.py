r"""Kaplan et al.: size combined with data, and size combined with steps."""

from dataclasses import replace

from tenfold.core import Check, Exponent, Interval, Like, Reduction, law, maths
from tenfold.laws.kaplan import KAPLAN, N_SCALE, published

SteepExponent = Interval(0.01, 3.0, start=(0.02, 1.5))


@law(
    cite=replace(KAPLAN, where="eq. 1.5"),
    published={
        "kaplan": published("table 2, WebText2, early stopping", Nc=6.4e13, Dc=1.8e13, alpha_N=0.076, alpha_D=0.103)
    },
    checks=[Check({"N": 1e8, "D": 1e10}, {"Nc": 4e8, "Dc": 6.5e11, "alpha_N": 0.5, "alpha_D": 0.25}, 3.0)],
    reduces_to=[
        Reduction("kaplan_n", when={"Dc": 0.0}, coef={"Nc": "Nc", "alpha_N": "alpha_N"}),
        Reduction("kaplan_d", when={"Nc": 0.0}, coef={"Dc": "Dc", "alpha_D": "alpha_D"}),
    ],
    falls_in=("N", "D"),
    meaning={
        "Nc": "size at which the loss is one nat on endless data, parameters without embeddings",
        "Dc": "data at which the loss of an endless model is one nat, tokens",
        "alpha_N": "exponent of parameters on endless data, no unit",
        "alpha_D": "exponent of tokens for an endless model, no unit",
    },
)
def kaplan_nd(
    N,
    D,
    *,
    Nc: Like("N", low=1.0, high=1e8),
    Dc: Like("D", low=1.0, high=1e8),
    alpha_N: SteepExponent,
    alpha_D: SteepExponent,
):
    r"""L(N, D) = \left[ (N_c / N)^{\alpha_N / \alpha_D} + D_c / D \right]^{\alpha_D}

    Use it for models of several sizes stopped early on data sets of several sizes, D being the size of the
    data set. It has no floor and one shared outer exponent; for single-epoch runs chinchilla fits better, as
    a rule. Not for choosing a compute budget: D is not the tokens processed.
    """
    size = alpha_N / alpha_D * maths.log(Nc / N)
    return maths.exp(alpha_D * maths.logaddexp(size, maths.log(Dc / D)))


@law(
    cite=replace(KAPLAN, where="eq. 1.6"),
    published={
        "kaplan": published(
            "table 3",
            "verified",
            "S is the least steps, at a batch far above critical",
            Nc=6.5e13,
            Sc=2.1e3,
            alpha_N=0.077,
            alpha_S=0.76,
        )
    },
    checks=[Check({"N": 1e8, "S": 1e3}, {"Nc": 1.6e9, "Sc": 8.1e4, "alpha_N": 0.5, "alpha_S": 0.75}, 31.0)],
    reduces_to=[Reduction("kaplan_n", when={"Sc": 0.0}, coef={"Nc": "Nc", "alpha_N": "alpha_N"})],
    falls_in=("N", "S"),
    meaning={
        "Nc": N_SCALE,
        "Sc": "steps at which the term is one nat, optimiser steps",
        "alpha_N": "exponent of parameters, no unit",
        "alpha_S": "exponent of steps, no unit",
    },
)
def kaplan_ns(
    N,
    S,
    *,
    Nc: Like("N", low=1.0, high=1e8),
    Sc: Like("S", low=1e-3, high=1e3),
    alpha_N: Exponent,
    alpha_S: SteepExponent,
):
    r"""L(N, S) = (N_c / N)^{\alpha_N} + (S_c / S)^{\alpha_S}

    Use it for learning curves of several sizes at a constant rate and ample data, after the warm-up. Steps at
    a finite batch B count as S / (1 + B_crit / B). Not for decaying schedules, where points before the end
    lie above the law; there fit final losses with chinchilla.
    """
    return (Nc / N) ** alpha_N + (Sc / S) ** alpha_S
