r"""Kaplan et al. at a finite batch: the critical batch size, and loss along a run at any batch."""

from dataclasses import replace

from tenfold.core import Check, Cite, Domain, Exponent, Like, Reduction, law, maths
from tenfold.laws.kaplan import KAPLAN, N_SCALE, published
from tenfold.laws.kaplan_joint import SteepExponent

UNRAVELING = Cite(
    "Su et al.", 2024, "Unraveling the Mystery of Scaling Laws: Part I", "arXiv:2403.06563",
    "section on trajectories at a finite batch; S_min = S / (1 + B_crit / B) is eq. 5.4 of arXiv:2001.08361",
)  # fmt: skip
BatchScale = Domain("positive", lower=0.0, transform="log", start=(1e4, 1e12))
OWN = {"Nc": 1.6e9, "Sc": 5.0625e4, "B_star": 2e8, "alpha_N": 0.5, "alpha_S": 0.5, "alpha_B": 0.25}


@law(
    cite=replace(KAPLAN, where="eq. 1.4"),
    output="batch_tokens",
    published={
        "kaplan": published(
            "eq. 1.4, WebText2",
            note="at a loss of 3 the critical batch is 1.07 M tokens",
            B_star=2e8,
            alpha_B=0.21,
        )
    },
    checks=[Check({"L": 2.0}, {"B_star": 1.6e8, "alpha_B": 0.25}, 1e7)],  # 1.6e8 / 2^4
    falls_in=("L",),
    aliases=("critical_batch",),
    meaning={
        "B_star": "critical batch size at a loss of one, tokens",
        "alpha_B": "exponent: the loss falls as the critical batch to this power, no unit",
    },
)
def kaplan_bcrit(L, *, B_star: BatchScale, alpha_B: SteepExponent):
    r"""B_{crit}(L) = B_* / L^{1 / \alpha_B}

    Use it for the batch at which a run that has reached loss L needs twice the least steps and twice the least
    tokens. Not for runs of different length and size compared at their ends: there the critical batch follows
    the tokens, not the loss. Its constants belong to one tokeniser and one data set.
    """
    return B_star * maths.exp(-maths.log(L) / alpha_B)


@law(
    cite=UNRAVELING,
    published={
        "kaplan": published(
            "table 3 for the curve at a large batch, eq. 1.4 for the critical batch",
            note="WebText2; the two parts were fitted one after the other",
            Nc=6.5e13,
            Sc=2.1e3,
            B_star=2e8,
            alpha_N=0.077,
            alpha_S=0.76,
            alpha_B=0.21,
        )
    },
    checks=[
        # (1.6e9 / 1e8)^.5 = 4; at L = 5 the critical batch is 2e8 / 625, the batch itself, so (.5 * 2)^.5 = 1 is added
        Check({"N": 1e8, "S": 1.0125e5, "batch": 3.2e5}, OWN, 5.0),
        Check(
            {"N": 2e9, "S": 3e4, "batch": 5e5},
            {"Nc": 6.5e13, "Sc": 2.1e3, "B_star": 2e8, "alpha_N": 0.077, "alpha_S": 0.76, "alpha_B": 0.21},
            2.6609418524097522,  # bisection in 60 digits
        ),
    ],
    reduces_to=[
        Reduction(
            "kaplan_ns",
            when={"batch": float("inf")},
            coef={"Nc": "Nc", "Sc": "Sc", "alpha_N": "alpha_N", "alpha_S": "alpha_S"},
        )
    ],
    falls_in=("N", "S", "batch"),
    aliases=("unraveling",),
    meaning={
        "Nc": N_SCALE,
        "Sc": "steps at a very large batch at which the term is one nat, optimiser steps",
        "B_star": "critical batch size at a loss of one, tokens",
        "alpha_N": "exponent of parameters, no unit",
        "alpha_S": "exponent of steps, no unit",
        "alpha_B": "exponent of the critical batch, no unit",
    },
)
def kaplan_nsb(
    N,
    S,
    batch,
    *,
    Nc: Like("N", low=1.0, high=1e8),
    Sc: Like("S", low=1e-3, high=1e3),
    B_star: BatchScale,
    alpha_N: Exponent,
    alpha_S: SteepExponent,
    alpha_B: SteepExponent,
):
    r"""L = (N_c / N)^{\alpha_N} + \left[ (S_c / S) ( 1 + B_L / B ) \right]^{\alpha_S}, B_L = B_* / L^{1 / \alpha_B}

    Use it for learning curves of several sizes and batch sizes at a constant rate: the loss decides the
    critical batch, which decides how much a step was worth. Runs at two or more batch sizes, some below
    critical, determine B_*. Not for decaying schedules (fit final losses with three_term or chinchilla), nor
    when every batch was far above critical (kaplan_ns).
    """
    # In t = log L the equation is t = logaddexp(size, steps + alpha_S softplus(b - t / alpha_B)), increasing and
    # concave: Newton from below never overshoots and is within 1e-14 after 7 steps. Two lower bounds of the root
    # follow from softplus(u) >= 0 and softplus(u) >= u.
    size, steps = alpha_N * maths.log(Nc / N), alpha_S * maths.log(Sc / S)
    b = maths.log(B_star / batch)

    def residual(t):
        gap = b - t / alpha_B
        late = steps + alpha_S * maths.softplus(gap)
        share = maths.exp(-maths.softplus(size - late) - maths.softplus(-gap))
        return t - maths.logaddexp(size, late), 1.0 + share * alpha_S / alpha_B

    start = maths.maximum(maths.logaddexp(size, steps), (steps + alpha_S * b) / (1.0 + alpha_S / alpha_B))
    return maths.exp(maths.solve_increasing(residual, start, steps=6))
