r"""Full precision first, then quantised: the best share of the tokens for the second phase, and the loss."""

from math import log

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, Reduction, law, maths

DREMOV = Cite(
    "Dremov et al.", 2025, "Compute-Optimal Quantization-Aware Training", "arXiv:2509.22935",
    "abstract; the formulas as quoted in public notes on the paper",
)  # fmt: skip
LEAST = 0.05  # of ln S: below one token a byte the formula has no meaning, and close above it the share is nil
Delay = Domain("positive", lower=0.0, transform="log", start=(1.0, 30.0))
Steepness = Interval(0.0, 5.0, start=(0.05, 1.5))
OWN = {
    "E": 1.5, "A": 2e3, "B": 1e3, "alpha": 0.5, "beta": 0.3,
    "theta": 0.4, "kappa": 0.125,
    "phi": 1.6e3, "chi": 0.25, "psi": 0.375, "omega": 0.45,
    "lam": 40.0, "mu": 0.2, "nu": 0.1875, "xi": 0.15, "rho": 0.35,
}  # fmt: skip


@law(
    cite=DREMOV,
    output="qat_share",
    published={
        "dremov": Published(
            {"a": 6.7297},
            where="the one constant of the formula; mean absolute error .091",
            tag="verified-secondary",
            span={"bits_w": (1.0, 6.0)},
            note="757 runs of 86M to 2.2B parameters, 2.3B to 1.4T tokens, at 1, 2, 4 and 6 bits",
        )
    },
    checks=[Check({"M": 100.0, "bits_w": 4.0}, {"a": 5.298317366548036}, 0.36787944117144233)],  # S = 200, a = ln 200
    meaning={"a": "how late the quantised phase pays: the share is 1/e at e^a tokens per parameter byte, no unit"},
)
def qat_share(M, bits_w, *, a: Delay):
    r"""f = e^{-a / \ln S}, S = \frac{8 D}{N P_w}

    Use it for how to split a budget of tokens between training in full precision and training with quantised
    weights afterwards: f is the share of the second phase of least loss, S the tokens per parameter byte, M = D / N.
    It grows with tokens and falls with bits; a constant tenth is wrong for long training. Not for S near 1 and
    below, where it is taken as nothing. For the loss at any share fit qat_phases.
    """
    return maths.exp(-a / maths.maximum(maths.log(8.0 * M / bits_w), LEAST))


@law(
    cite=DREMOV,
    checks=[  # 4e8 parameters in 2 bits are 1e8 bytes: 16 tokens a byte quantised, 64 in full precision
        Check({"N": 4e8, "D": 8e9, "bits_w": 2.0, "q": 0.2}, OWN, 3.3488846009245776),
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"theta": 0.0, "phi": 0.0, "lam": 0.0},
            coef={name: name for name in ("E", "A", "B", "alpha", "beta")},
        )
    ],
    falls_in=("D",),
    meaning={
        "E": "irreducible loss at full precision, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "B": "size of the data term, loss times tokens^beta",
        "alpha": "exponent of parameters, no unit",
        "beta": "exponent of tokens, no unit",
        "theta": "loss that quantisation adds however long the training, at 0 bits, in the unit of the loss",
        "kappa": "how fast theta falls, halvings a bit",
        "phi": "size of what too little quantised training adds, at 0 bits, loss times parameters^psi",
        "chi": "how fast phi falls, halvings a bit",
        "psi": "exponent of parameters in that term, no unit",
        "omega": "exponent of quantised tokens a byte in that term, no unit",
        "lam": "size of the term of both phases, at 0 bits, loss times parameters^nu",
        "mu": "how fast lam falls, halvings a bit",
        "nu": "exponent of parameters in the term of both phases, no unit",
        "xi": "exponent of full-precision tokens a byte in it, no unit",
        "rho": "exponent of quantised tokens a byte in it, no unit",
    },
)
def qat_phases(
    N, D, bits_w, q, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent,
    theta: Positive, kappa: Steepness,
    phi: Positive, chi: Steepness, psi: Exponent, omega: Exponent,
    lam: Positive, mu: Steepness, nu: Exponent, xi: Exponent, rho: Exponent,
):  # fmt: skip
    r"""L = L_0 + \theta b^\kappa + \phi b^\chi N^{-\psi} S_q^{-\omega} + \lambda b^\mu N^{-\nu} S_f^{-\xi} S_q^{-\rho}

    Use it for runs that train D (1 - q) tokens in full precision and then D q with weights of P bits, over several
    sizes, tokens, widths and shares q. L_0 is chinchilla, b = 2^{-P}; S_q = 8 q D / (N P) and
    S_f = 8 (1 - q) D / (N P) are the tokens per parameter byte of the phases. Sixteen coefficients need hundreds
    of runs: not for fewer, nor for q of 0 or 1. No constants are shipped: none are public. For one phase and one
    width try qat, for the best share alone qat_share.
    """
    quantised, full = 8.0 * q * D / (N * bits_w), 8.0 * (1.0 - q) * D / (N * bits_w)
    left = theta * maths.exp(-kappa * log(2.0) * bits_w)
    short = phi * maths.exp(-chi * log(2.0) * bits_w) * N**-psi * quantised**-omega
    both = lam * maths.exp(-mu * log(2.0) * bits_w) * N**-nu * full**-xi * quantised**-rho
    return E + A * N**-alpha + B * D**-beta + left + short + both
