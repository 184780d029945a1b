r"""Sparse models: loss in the share of weights that are zero or idle, the size that is left, and tokens."""

import numpy as np

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law

FRANTAR = Cite(
    "Frantar et al.", 2023, "Scaling Laws for Sparsely-Connected Foundation Models", "arXiv:2309.08520",
    "the joint law (eq. in sparsity, size and data) and the table of its coefficients",
)  # fmt: skip
HOSSAIN = Cite(
    "Hossain et al.", 2025, "Generalizing Scaling Laws for Dense and Sparse Large Language Models",
    "arXiv:2508.06617", "eq. 7",
)  # fmt: skip


def _frantar(task, a_s, b_s, c_s, b_n, a_d, b_d, c):
    """A row of the table, data term (a_D / D)^b_D; the size of that power is a_D^b_D, exactly."""
    return Published(
        {"a": a_s, "b": b_s, "c": c_s, "alpha": b_n, "B": a_d**b_d, "beta": b_d, "E": c},
        where=f"coefficients for {task}; B is a_D^b_D",
        tag="verified-secondary",
        note="N counts the weights that are not zero",
    )


@law(
    cite=FRANTAR,
    published={
        "t5-c4": _frantar("T5 on C4", 16.8, 0.722, 45.0, 0.245, 6.90e8, 0.203, 0.651),
        "vit-jft": _frantar("ViT on JFT-4B", 294.0, 0.821, 468.0, 0.392, 2.37e8, 0.890, 4.517),
    },
    checks=[
        Check(
            {"sparsity": 0.75, "N": 1e8, "D": 1e12},
            {"a": 20.0, "b": 1.5, "c": 30.0, "alpha": 0.25, "B": 400.0, "beta": 0.5, "E": 1.6},
            1.9254,  # (20 / 8 + 30) / 100 + 400 / 1e6 + 1.6
        )
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"sparsity": 0.0},
            coef={"E": "E", "A": "a + c", "B": "B", "alpha": "alpha", "beta": "beta"},
        )
    ],
    falls_in=("sparsity", "N", "D"),
    aliases=("frantar",),
    meaning={
        "a": "part of the parameter term that sparsity removes, loss times parameters^alpha",
        "b": "exponent of the share of weights kept, no unit",
        "c": "part of the parameter term that stays, loss times parameters^alpha",
        "alpha": "exponent of nonzero parameters, no unit",
        "B": "size of the data term, loss times (unit of data)^beta",
        "beta": "exponent of data, no unit",
        "E": "irreducible loss, in the unit of the loss",
    },
)
def sparse(
    sparsity, N, D, *, a: Positive, b: Exponent, c: Positive, alpha: Exponent, B: Positive, beta: Exponent, E: Floor
):
    r"""L(S, N, D) = \left( a (1 - S)^{b} + c \right) N^{-\alpha} + B D^{-\beta} + E

    Use it for models pruned while they train, to the same number N of weights that stay from larger and larger
    dense ones. It falls in sparsity because a sparser model began larger. Not for mixtures of experts
    (moe_joint), nor above about 90 %, where nothing was measured. When sparsity moves during training, give
    chinchilla the mean over the steps (average_params).
    """
    return (a * (1.0 - sparsity) ** b + c) * N**-alpha + B * D**-beta + E


def _hossain(where, note, e, a, b, c, alpha, beta, gamma):
    return Published(
        {"e": e, "a": a, "b": b, "c": c, "alpha": alpha, "beta": beta, "gamma": gamma},
        where=where,
        tag="verified-secondary",
        params="active",
        flops="6ND",
        loss="nats/token",
        note=f"{note}; experimental: one secondary source, and the three sets share no loss scale",
    )


@law(
    cite=HOSSAIN,
    published={
        "moe": _hossain("tables VII to IX, mixtures", "mixtures of experts", 0.57, 8.26, 6324.82, 3.57, 0.08, 0.40, 1.19),
        "pruned": _hossain(
            "tables VII to IX, pruned", "their refit of sparse (frantar)", 0.15, 86.03, 7.90, 29.26, 0.28, 0.08, 2.0
        ),
        "dense": _hossain(
            "tables VII to IX, dense",
            "chinchilla as printed; gamma acts on no dense model",
            1.69,
            406.4,
            410.7,
            0.0,
            0.34,
            0.28,
            0.01,
        ),
    },
    checks=[
        Check(
            {"sparsity": 0.75, "N": 1e8, "D": 1e12},
            {"e": 1.6, "a": 20.0, "b": 400.0, "c": 4.0, "alpha": 0.25, "beta": 0.5, "gamma": 1.5},
            0.37182135623730951,  # 1.6 / 8 + (20 / sqrt(2) + 3) / 100 + 400 / 1e6
        )
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"sparsity": 0.0},
            coef={"E": "e", "A": "a", "B": "b", "alpha": "alpha", "beta": "beta"},
        )
    ],
    falls_in=("N", "D"),
    aliases=("hossain",),
    meaning={
        "e": "irreducible loss of a dense model, in the unit of the loss",
        "a": "size of the parameter term of a dense model, loss times parameters^alpha",
        "b": "size of the data term, loss times tokens^beta",
        "c": "what sparsity adds to the parameter term, loss times parameters^alpha",
        "alpha": "exponent of parameters, active ones as well as the share that is active, no unit",
        "beta": "exponent of tokens, no unit",
        "gamma": "exponent of the active share in the floor, no unit",
    },
)
def dense_sparse(
    sparsity, N, D, *, e: Floor, a: Positive, b: Positive, c: Positive, alpha: Exponent, beta: Exponent, gamma: Exponent
):
    r"""L(S, N, D) = e (1 - S)^{\gamma} + \left( a (1 - S)^{\alpha} + c S \right) N^{-\alpha} + b D^{-\beta}

    Use it to compare dense, pruned and mixed models of N active parameters in one form. Experimental: it rests on
    few runs, and its floor vanishes with the active share. Not for forecasts at a sparsity beyond the data;
    sparse and moe_joint, each for its own kind, keep a floor.
    """
    kept = 1.0 - sparsity
    return e * kept**gamma + (a * kept**alpha + c * sparsity) * N**-alpha + b * D**-beta


def average_params(counts, steps=None):
    r"""\bar N = \sum_t N_t \Delta_t / \sum_t \Delta_t: the mean number of nonzero parameters over training.

    Jin et al. (2025, arXiv:2501.12486): with this mean as N, ``chinchilla`` describes sparse and dense training
    alike, and compute is 6 N D. Their coefficients are in no source that could be read, so none are shipped.

    Args:
        counts: nonzero parameters during each stretch of training, in order.
        steps: how long each stretch lasts, in any unit; equally long when left out.
    """
    return float(np.average(np.asarray(counts, dtype=float), weights=steps))
