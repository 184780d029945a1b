r"""Shape laws of the Gemstones: width, depth and tokens, each a power law of its own."""

from math import exp

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law

MCLEISH = Cite(
    "McLeish et al.", 2025, "Gemstones: A Model Suite for Multi-Faceted Scaling Laws", "arXiv:2502.06857",
    "section 'Approach 3' of the authors' repository, depth_width.py",
)  # fmt: skip
SPAN = {"W": (256.0, 3072.0), "H": (3.0, 80.0), "N": (4.8e7, 2.0e9)}
COUNTED = {"params": "total", "flops": "counted", "loss": "nats/token"}


def _released(where, exponents, logs, floor, tokens):
    """A file of the repository: exponents and logarithms of the sizes in the order width, depth, size, tokens."""
    names = ("w", "h", "n", "d")
    coef = {"E": exp(floor)}
    coef |= {f"A_{name}": exp(value) for name, value in zip(names, logs, strict=True)}
    coef |= {f"alpha_{name}": value for name, value in zip(names, exponents, strict=True)}
    where = f"parameters_delta-3 of the authors' repository, {where}"
    return Published(coef, where=where, span={**SPAN, "D": (1e10, tokens)}, **COUNTED)


MEANING = {
    "E": "irreducible loss, in the unit of the loss",
    "A_w": "size of the width term, loss times width^alpha_w",
    "alpha_w": "exponent of width, no unit",
    "A_h": "size of the depth term, loss times layers^alpha_h",
    "alpha_h": "exponent of depth, no unit",
    "A_d": "size of the data term, loss times tokens^alpha_d",
    "alpha_d": "exponent of tokens, no unit",
}
WITH_PARAMS = MEANING | {
    "A_n": "size of the parameter term, loss times parameters^alpha_n",
    "alpha_n": "exponent of parameters, no unit",
}
OWN = {"E": 1.6, "A_w": 8.0, "alpha_w": 0.5, "A_h": 2.0, "alpha_h": 1.5, "A_d": 400.0, "alpha_d": 0.25}


@law(
    cite=MCLEISH,
    checks=[Check({"W": 1024.0, "H": 16.0, "D": 1e12}, OWN, 2.28125)],  # 1.6 + 8/32 + 2/64 + 400/1000
    falls_in=("W", "H", "D"),
    aliases=("gemstones",),
    meaning=MEANING,
)
def width_depth(
    W, H, D, *, E: Floor, A_w: Positive, alpha_w: Exponent, A_h: Positive, alpha_h: Exponent, A_d: Positive,
    alpha_d: Exponent,
):  # fmt: skip
    r"""L(W, H, D) = E + A_w W^{-\alpha_w} + A_h H^{-\alpha_h} + A_d D^{-\alpha_d}

    Use it for runs whose width and depth were varied apart, to see which of the two a budget should buy. The
    released fit drove the floor to zero, so its coefficients are not shipped; expect the same on less than a
    decade of either axis, and compare with width_depth_params. Not for a family of one shape, where width and
    depth rise together: there fit chinchilla.
    """
    return E + A_w * W**-alpha_w + A_h * H**-alpha_h + A_d * D**-alpha_d


@law(
    cite=MCLEISH,
    published={
        "gemstones-hot": _released(
            "hot_100b+: constant rate, all tokens",
            (0.205280776, 0.4741415976, 0.372096494, 0.5116481093),
            (1.0738807871, -0.2097602665, 6.2174536361, 10.9040518165),
            0.3966401522,
            3.5e11,
        ),
        "gemstones-cooldown": _released(
            "cool_end: after the rate has fallen",
            (0.3540096969, 0.464087269, 0.3941362557, 0.5364845902),
            (1.5262220266, -0.1780173948, 6.3319550722, 11.5393125864),
            0.5874913187,
            1.1e11,
        ),
        "gemstones-half-rate": _released(
            "lr_ablation_hot: half the rate",
            (0.3843608161, 0.5124435014, 0.4096142991, 0.5401321511),
            (1.5997194721, -0.2355685527, 6.6464813725, 11.8187276871),
            0.6638094371,
            1.0e11,
        ),
    },
    checks=[
        Check({"W": 1024.0, "H": 16.0, "N": 1e8, "D": 1e12}, {**OWN, "A_n": 6.0, "alpha_n": 0.125}, 2.88125)
    ],  # 6 / 10 more
    reduces_to=[
        Reduction("width_depth", when={"A_n": 0.0}, coef={name: name for name in OWN}),
        Reduction(
            "chinchilla",
            when={"A_w": 0.0, "A_h": 0.0},
            coef={"E": "E", "A": "A_n", "B": "A_d", "alpha": "alpha_n", "beta": "alpha_d"},
        ),
    ],
    falls_in=("W", "H", "N", "D"),
    meaning=WITH_PARAMS,
)
def width_depth_params(
    W, H, N, D, *, E: Floor, A_w: Positive, alpha_w: Exponent, A_h: Positive, alpha_h: Exponent,
    A_n: Positive, alpha_n: Exponent, A_d: Positive, alpha_d: Exponent,
):  # fmt: skip
    r"""L(W, H, N, D) = E + A_w W^{-\alpha_w} + A_h H^{-\alpha_h} + A_n N^{-\alpha_n} + A_d D^{-\alpha_d}

    Use it for many shapes at each size, to separate what shape costs from what size brings. Not for a handful of
    shapes: parameters follow from width and depth, so nine coefficients share two axes and tokens, and shapes
    outside the fitted range are guesses. With less, width_depth or chinchilla.
    """
    return E + A_w * W**-alpha_w + A_h * H**-alpha_h + A_n * N**-alpha_n + A_d * D**-alpha_d


def _two_terms(where, tokens, alpha, beta, a, b, floor):
    return Published(
        {"E": exp(floor), "A": exp(a), "B": exp(b), "alpha": alpha, "beta": beta},
        where=f"parameters_delta-3 of the authors' repository, {where}",
        span={"N": SPAN["N"], "D": (1e10, tokens)},
        note="one suite, five answers: how runs and checkpoints are chosen moves the optimal size from C^.63 to C^.71",
        cite=MCLEISH,
        **COUNTED,
    )


# Published sets of chinchilla.
CHINCHILLA = {
    "gemstones-hot": _two_terms(
        "hot: constant rate", 1.0e11, 0.2928686863, 0.712872206, 5.3613398367, 15.415994531, 0.7622636901
    ),
    "gemstones-all": _two_terms(
        "hot_100b+: longer too", 3.5e11, 0.2591125694, 0.5972679073, 4.9008415415, 12.850969215, 0.6681624725
    ),
    "gemstones-cooldown": _two_terms(
        "cool_end: decayed", 1.1e11, 0.3002728205, 0.580241077, 5.4197160371, 12.5138998709, 0.7297863295
    ),
    "gemstones-half-rate": _two_terms(
        "lr_ablation_hot", 1.0e11, 0.325466724, 0.6512643658, 5.8381509809, 14.3073167443, 0.7911246624
    ),
    "gemstones-like-chinchilla": _two_terms(
        "hot_sampled_like_chinchilla", 1.0e11, 0.275106095, 0.4580953782, 4.8385936211, 10.0267685734, 0.7095285231
    ),
}
