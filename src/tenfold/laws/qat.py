r"""Quantisation-aware training: the loss that training with quantised weights or activations adds."""

from math import log

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law, maths

TITLE = "Scaling Law for Quantization-Aware Training"
CHEN = Cite("Chen et al.", 2025, TITLE, "arXiv:2505.14302", "eq. 5")
BASE = {"E": 1.9279, "A": 237.7042, "B": 596.2490, "alpha": 0.3022, "beta": 0.3022}
ADDED = {
    "k": "size of the added loss, loss times parameters^gamma_N over tokens^gamma_D, at groups of two weights",
    "gamma_D": "exponent with which it grows in tokens, no unit",
    "gamma_G": "exponent with which it grows in the binary logarithm of the group size, no unit",
    "gamma_N": "exponent with which it falls in parameters, no unit",
}
BITS = {
    "w4a4": (0.1582, 0.0745, 0.7779, 0.2186, "weights and activations at 4 bits"),
    "w4a16": (0.2522, 0.1610, 0.3533, 0.3589, "weights at 4 bits"),
    "w16a4": (0.1004, 0.0331, 0.9812, 0.1816, "activations at 4 bits"),
    "w4a4-fc2-8": (0.3519, 0.0964, 0.3407, 0.2637, "weights and activations at 4 bits, the input of FC2 at 8"),
    "w16a4-fc2-8": (0.1273, 0.0827, 0.4491, 0.2347, "activations at 4 bits, the input of FC2 at 8"),
}


def _published(base):
    return {
        name: Published(
            base | {"k": k, "gamma_D": gamma_D, "gamma_G": gamma_G, "gamma_N": gamma_N},
            where=f"table of fitted constants, {what}",
            loss="nats/token",
            span={"N": (7.4e7, 9.73e8), "D": (1e10, 2e11), "group": (32.0, 256.0)},
            note="gamma_G is .4471 in the text" if name == "w16a4-fc2-8" else "",
        )
        for name, (k, gamma_D, gamma_G, gamma_N, what) in BITS.items()
    }


def _added(N, D, group, k, gamma_D, gamma_G, gamma_N):
    coarse = maths.maximum(maths.log(group) / log(2.0), 1e-30)  # groups of one weight add nothing
    return k * D**gamma_D * coarse**gamma_G * N**-gamma_N


OWN = {"k": 0.6, "gamma_D": 0.25, "gamma_G": 0.5, "gamma_N": 0.375}  # 1e12^.25 * 4^.5 / 1e8^.375 = 2 at groups of 16


@law(
    cite=CHEN,
    output="degradation",
    published=_published({}),
    checks=[Check({"N": 1e8, "D": 1e12, "group": 16.0}, OWN, 1.2)],
    falls_in=("N",),
    meaning=ADDED,
)
def qat_error(N, D, group, *, k: Positive, gamma_D: Exponent, gamma_G: Exponent, gamma_N: Exponent):
    r"""\delta = k D^{\gamma_D} (\log_2 G)^{\gamma_G} N^{-\gamma_N}

    Use it for the loss that training at fixed low widths adds to the loss at 16 bits, for several sizes, tokens
    and sizes G of the groups of weights that share a scale. A fit holds for its own widths: fit each of them.
    Not for weights quantised after training (ptq), where the added loss grows much faster with tokens. For the
    loss itself use qat; for several widths in one law precision_weights.
    """
    return _added(N, D, group, k, gamma_D, gamma_G, gamma_N)


@law(
    cite=CHEN,
    published=_published(BASE),
    checks=[  # 1.5 + 20 / 10 + 600 / 100 + .6 * 1e4 * 2 / 1e3
        Check(
            {"N": 1e8, "D": 1e12, "group": 16.0},
            OWN | {"E": 1.5, "A": 20.0, "B": 600.0, "alpha": 0.125, "beta": 1 / 6, "gamma_D": 1 / 3},
            21.5,
        )
    ],
    reduces_to=[Reduction("chinchilla", when={"k": 0.0}, coef={name: name for name in BASE})],
    falls_in=("N",),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "B": "size of the data term, loss times tokens^beta",
        "alpha": "exponent of parameters, no unit",
        "beta": "exponent of tokens, no unit",
        **ADDED,
    },
)
def qat(
    N, D, group, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent,
    k: Positive, gamma_D: Exponent, gamma_G: Exponent, gamma_N: Exponent,
):  # fmt: skip
    r"""L = E + A N^{-\alpha} + B D^{-\beta} + k D^{\gamma_D} (\log_2 G)^{\gamma_G} N^{-\gamma_N}

    Use it for the loss of models trained at fixed low widths, for several sizes, tokens and group sizes: chinchilla
    plus qat_error. Include runs at 16 bits, as groups of one weight, which add nothing: without them the two parts
    are told apart only by the group size. Not for a phase in full
    precision first (qat_phases), nor for weights quantised after training (ptq_loss).
    """
    return E + A * N**-alpha + B * D**-beta + _added(N, D, group, k, gamma_D, gamma_G, gamma_N)
