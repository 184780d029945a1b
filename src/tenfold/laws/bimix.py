r"""BiMix: the loss on a domain, in its own share of the mixture and the training steps."""

import numpy as np

from tenfold.core import Check, Cite, Exponent, Positive, Reduction, law

GE = Cite(
    "Ge et al.", 2024, "BiMix: Bivariate Data Mixing Law for Language Model Pretraining", "arXiv:2405.14908",
    "abstract; the law of the text",
)  # fmt: skip


@law(
    cite=GE,
    checks=[Check({"share": 0.0625, "S": 1e4}, {"alpha": 0.25, "B": 50.0, "beta": 0.5, "C": 1.5}, 4.0)],  # 2 (.5 + 1.5)
    reduces_to=[
        Reduction("power_offset", when={"share": 1.0}, coef={"E": "C", "A": "B", "alpha": "beta"}, inputs={"x": "S"})
    ],
    falls_in=("share", "S"),
    meaning={
        "alpha": "exponent of the domain's share, no unit",
        "B": "size of the term of training at a share of one, loss times steps^beta",
        "beta": "exponent of steps, no unit",
        "C": "loss on endless training at a share of one, in the unit of the loss",
    },
)
def bimix(share, S, *, alpha: Exponent, B: Positive, beta: Exponent, C: Positive):
    r"""L = r^{-\alpha} \left( B s^{-\beta} + C \right)

    Use it for the loss on one domain against its own share r of the mixture and the steps s, at one model size:
    a few mixtures with losses along the way suffice. best_shares gives the mixture of least weighted loss. The
    paper's factor A only rescales B and C and is left out. Not where domains help each other (mix_exp3), as it
    grows without bound at a share of none; nor across sizes (mix_additive2). No constants are shipped.
    """
    return (B * S**-beta + C) * share**-alpha


def best_shares(coefs, steps, *, weights=None):
    r"""The mixture that minimises the weighted sum of the domains' losses after some steps.

    Args:
        coefs: coefficients of bimix, one mapping a domain.
        steps: how long the training is.
        weights: of the domains' losses; equal when not given.

    Returns:
        Shares in the order of the domains, summing to one. With F_i = B_i s^-beta_i + C_i they solve
        w_i alpha_i F_i r_i^-(alpha_i + 1) = mu; with one alpha r_i is proportional to (w_i F_i)^(1 / (alpha + 1)).
    """
    weight = np.ones(len(coefs)) if weights is None else np.asarray(weights, dtype=float)
    alpha = np.array([coef["alpha"] for coef in coefs])
    height = np.array([coef["B"] * steps ** -coef["beta"] + coef["C"] for coef in coefs])
    pull = np.log(weight * alpha * height)

    def shares(log_mu):
        return np.exp((pull - log_mu) / (alpha + 1.0))

    # at the lower end some share is one or more, at the upper end all are at most one over their number
    low, high = float(pull.min()), float(pull.max() + np.log(len(coefs)) * (alpha.max() + 1.0))
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if shares(middle).sum() > 1.0 else (low, middle)
    found = shares(0.5 * (low + high))
    return found / found.sum()
