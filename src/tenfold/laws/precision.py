r"""Precision: training in few bits makes a model count as a smaller one."""

from math import log

import numpy as np

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, Reduction, law, maths

KUMAR = Cite("Kumar et al.", 2024, "Scaling Laws for Precision", "arXiv:2411.04330", "eq. 3, appendix K")
BASE = {"E": 2.7648, "A": 4.299e3, "B": 1.806e4, "alpha": 0.4965, "beta": 0.4965}
SPAN = {"N": (3e7, 2.2e8), "D": (1.5e9, 2.6e10)}
COUNTED = {"params": "non-embedding", "loss": "nats/token"}
LEAST = 1e-3  # where the formula leaves fewer than a thousandth of the parameters, a thousandth is taken
Sharpness = Domain("positive", lower=0.0, transform="log", start=(0.3, 6.0))
Nothing = Interval(-10.0, 10.0, start=(-1.0, 3.0))
MEANING = {
    "E": "irreducible loss, in the unit of the loss",
    "A": "size of the parameter term, loss times parameters^alpha",
    "B": "size of the data term, loss times tokens^beta",
    "alpha": "exponent of parameters, no unit",
    "beta": "exponent of tokens, no unit",
}


def _part(what, name):
    return {
        f"gamma_{name}": f"bits of {what} in which what is lost to low precision falls by a factor e",
        f"p_{name}": f"bits of {what} at which nothing is left; gamma_{name} times the offset n_{name} of the paper",
    }


def kept(bits, gamma, p):
    """The share of parameters that a precision leaves, 1 - exp(-(bits - p)/gamma), never below a thousandth."""
    return -maths.expm1(-maths.maximum((bits - p) / gamma, LEAST))


@law(
    cite=KUMAR,
    published={
        "kumar": Published(
            BASE | {"gamma_w": 2.6745, "p_w": 2.6745 * 0.3037},
            where="table 2: integer weights, quantised in the forward pass; alpha and beta tied; p is gamma n",
            span=SPAN | {"bits_w": (3.0, 16.0)},
            note="loss on Dolma; fitted together with activations and key-value cache",
            **COUNTED,
        ),
        "floating-point": Published(
            BASE | {"gamma_w": 2.8111, "p_w": 2.8111 * 0.1240},
            where="appendix N: floating-point weights, the other constants as in table 2",
            span=SPAN | {"bits_w": (3.0, 16.0)},
            note="the bits are shared between exponent and mantissa as is usual for each type",
            **COUNTED,
        ),
    },
    checks=[  # 1 - e^-(4 - p)/2 = 1/2, so 2e4 parameters count as 1e4
        Check(
            {"N": 2e4, "D": 1e12, "bits_w": 4.0},
            {"E": 1.5, "A": 20.0, "B": 3e3, "alpha": 0.5, "beta": 0.25, "gamma_w": 2.0, "p_w": 4 - 2 * log(2.0)},
            4.7,
        )
    ],
    reduces_to=[
        Reduction(
            "compressed",
            when={},
            coef={name: name for name in BASE},
            inputs={"capacity": f"-expm1(-maximum((bits_w - p_w) / gamma_w, {LEAST}))"},
        ),
        Reduction("chinchilla", when={"bits_w": float("inf")}, coef={name: name for name in BASE}),
    ],
    falls_in=("N", "D", "bits_w"),
    meaning=MEANING | _part("weights", "w"),
)
def precision_weights(
    N, D, bits_w, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent, gamma_w: Sharpness, p_w: Nothing,
):  # fmt: skip
    r"""L = E + A N_{\mathrm{eff}}^{-\alpha} + B D^{-\beta}, N_{\mathrm{eff}} = N (1 - e^{-(P_w - p_w)/\gamma_w})

    Use it for models trained with quantised weights, several sizes at several widths of the weights. best_bits
    gives the width that is best at a fixed memory. Not for weights quantised after training (ptq_loss), nor
    when activations are quantised too (precision). When the law of capacity against bits is in doubt, fit
    compressed for each format instead. The width p_w at which nothing is left is missing in the formula
    of the paper's text and present in its fits as n_w = p_w / \gamma_w; without it every conclusion shifts.
    """
    return E + A * maths.exp(-alpha * maths.log(N * kept(bits_w, gamma_w, p_w))) + B * D**-beta


@law(
    cite=Cite("Kumar et al.", 2024, "Scaling Laws for Precision", "arXiv:2411.04330", "eq. 4, appendix K"),
    published={
        "kumar": Published(
            BASE
            | {"gamma_w": 2.6745, "p_w": 2.6745 * 0.3037}
            | {"gamma_a": 2.2102, "p_a": 2.2102 * 1.4072}
            | {"gamma_kv": 0.9578, "p_kv": 0.9578 * 2.4185},
            where="table 2: integer types in the forward pass; alpha and beta tied; p is gamma n; a is printed as i",
            span=SPAN | {"bits_w": (3.0, 16.0), "bits_a": (4.0, 16.0), "bits_kv": (4.0, 16.0)},
            note="loss on Dolma; runs with activations or cache at 3 bits or fewer were unstable and left out",
            **COUNTED,
        )
    },
    checks=[  # 1/2, 4/5 and 1/4 of the parameters are left: 1e5 count as 1e4
        Check(
            {"N": 1e5, "D": 1e12, "bits_w": 4.0, "bits_a": 6.0, "bits_kv": 5.0},
            {
                "E": 1.5, "A": 20.0, "B": 3e3, "alpha": 0.5, "beta": 0.25,
                "gamma_w": 2.0, "p_w": 4 - 2 * log(2.0),
                "gamma_a": 3.2, "p_a": 6 - 3.2 * log(5.0),
                "gamma_kv": 4.5, "p_kv": 5 - 4.5 * log(4.0 / 3.0),
            },
            4.7,
        )
    ],
    reduces_to=[
        Reduction(
            "precision_weights",
            when={"bits_a": float("inf"), "bits_kv": float("inf")},
            coef={name: name for name in (*BASE, "gamma_w", "p_w")},
        )
    ],
    falls_in=("N", "D", "bits_w", "bits_a", "bits_kv"),
    meaning=MEANING | _part("weights", "w") | _part("activations", "a") | _part("the key-value cache", "kv"),
)  # fmt: skip
def precision(
    N, D, bits_w, bits_a, bits_kv, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent,
    gamma_w: Sharpness, p_w: Nothing, gamma_a: Sharpness, p_a: Nothing, gamma_kv: Sharpness, p_kv: Nothing,
):  # fmt: skip
    r"""L = E + A N_{\mathrm{eff}}^{-\alpha} + B D^{-\beta}, N_{\mathrm{eff}} = N \prod_x (1 - e^{-(P_x - p_x)/\gamma_x})

    Use it for models trained in low precision throughout: weights, activations and key-value cache each at
    widths of their own, independent in their effect. The runs must vary all three. Not for activations or
    cache at 3 bits and fewer, where training was unstable, nor for weights quantised afterwards (ptq_loss).
    With only the weights quantised use precision_weights. best_bits and best_allocation give the width, size
    and data that a budget buys.
    """
    left = kept(bits_w, gamma_w, p_w) * kept(bits_a, gamma_a, p_a) * kept(bits_kv, gamma_kv, p_kv)
    return E + A * maths.exp(-alpha * maths.log(N * left)) + B * D**-beta


def retention(coef, bits):
    """The share of parameters that count when every part of the model with coefficients in ``coef`` has ``bits`` bits."""
    bits = np.asarray(bits, dtype=float)
    return np.prod([kept(bits, gamma, p) for gamma, p in _parts(coef)], axis=0)


def _parts(coef):
    """gamma and p of every part of the model that has both."""
    return [(coef[f"gamma_{x}"], coef[f"p_{x}"]) for x in ("w", "a", "kv") if f"p_{x}" in coef]


def best_bits(coef):
    r"""The width that leaves most effective parameters at a fixed N times bits: argmax of retention(P) / P.

    It is the best width at a fixed memory (coefficients of precision_weights) and at a fixed training budget whose
    cost is proportional to N D P (of precision): then the loss depends on N_eff and D alone, and an effective parameter
    costs P / retention(P), whatever the exponents are. With one part it is
    :math:`\gamma (-1 - W_{-1}(-e^{-1 - p/\gamma}))`, and nothing at all when p is not positive.
    """
    parts = _parts(coef)
    if len(parts) == 1 and parts[0][1] <= 0:
        return 0.0  # the gain from fewer bits never ends

    def slope(bits):  # d log retention / d log P - 1, falling from infinity to -1
        with np.errstate(over="ignore"):
            return sum(bits / gamma / np.expm1((bits - p) / gamma) for gamma, p in parts) - 1.0

    low = max(0.0, *(p for _, p in parts))
    width = 1.0
    while slope(low + width) > 0:
        width *= 2.0
    start, end = low, low + width
    for _ in range(100):
        middle = 0.5 * (start + end)
        start, end = (middle, end) if slope(middle) > 0 else (start, middle)
    return float(0.5 * (start + end))


def best_allocation(coef, compute):
    r"""Size, tokens and bits of least loss when a run costs (6/16) N D P FLOP (section 4.3), coefficients of precision.

    The width is that of best_bits; size and tokens follow from chinchilla with effective parameters. The paper's own
    closed form for a fixed width (eq. 6) does not keep N D P constant; this one does.
    """
    bits = best_bits(coef)
    left = float(retention(coef, bits))
    total = coef["alpha"] + coef["beta"]
    g = (coef["alpha"] * coef["A"] / (coef["beta"] * coef["B"])) ** (1.0 / total)
    product = compute / (6.0 / 16.0 * bits) * left  # N_eff D
    effective = g * product ** (coef["beta"] / total)
    return {"N": effective / left, "D": product / effective, "bits": bits}
