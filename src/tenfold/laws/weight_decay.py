r"""Weight decay from the time over which AdamW averages its updates, and from width."""

from dataclasses import replace

from tenfold.core import Check, Cite, Exponent, Positive, Published, Reduction, law

POWER_LINES = Cite(
    "Bergsma et al.",
    2025,
    "Power Lines: Scaling Laws for Weight Decay and Batch Size in LLM Pre-training",
    "arXiv:2505.13738",
    "abstract: the best timescale against tokens per parameter",
)
WIDTH = Cite(
    "Fan et al.",
    2025,
    "Robust Layerwise Scaling Rules by Proper Weight Decay Tuning",
    "arXiv:2510.15262",
    "abstract: weight decay as the square root of width",
)
MU = "AdamW under muP, 111 M to 3.3 B parameters, linear decay to zero; the rate is the muP-adjusted peak"
TAU = {"tau": 1.084, "alpha": 0.527}


@law(
    cite=POWER_LINES,
    output="timescale",
    published={
        "power-lines": Published(TAU, where="fit over tokens per parameter, R2 .975", tag="verified-secondary", note=MU)
    },
    checks=[Check({"M": 16.0}, {"tau": 2.0, "alpha": 0.25}, 1.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "tau", "alpha": "alpha"}, inputs={"x": "M"})],
    falls_in=("M",),
    meaning={
        "tau": "best timescale at one token per parameter, share of the run",
        "alpha": "exponent of tokens per parameter, no unit",
    },
)
def timescale(M, *, tau: Positive, alpha: Exponent):
    r"""\tau(M) = \tau_1 M^{-\alpha}

    Use it for the best averaging time of AdamW, tau = B / (eta lambda D), as a share of the run. Once tuned
    at a few ratios it sets the weight decay at any batch, rate and length (weight_decay). Not above the
    critical batch (batch_d), and not for decay that is not multiplied by the rate.
    """
    return tau * M**-alpha


@law(
    cite=replace(POWER_LINES, where="abstract, with the definition of the timescale"),
    output="weight_decay",
    published={
        "power-lines": Published(
            TAU, where="the timescale solved for the decay, lambda = B / (eta tau D)", tag="verified-secondary", note=MU
        )
    },
    checks=[
        Check({"batch": 1e6, "lr": 0.01, "N": 1e9, "D": 1.6e10}, {"tau": 0.5, "alpha": 0.25}, 0.025)
    ],  # 1e6 / (.01 * 1.6e10) * 16^.25 / .5
    falls_in=("lr", "N", "D"),
    meaning={
        "tau": "best timescale at one token per parameter, share of the run",
        "alpha": "exponent of tokens per parameter, no unit",
    },
)
def weight_decay(batch, lr, N, D, *, tau: Positive, alpha: Exponent):
    r"""\lambda(B, \eta, N, D) = \frac{B}{\tau_1 \eta D} \left( \frac{D}{N} \right)^{\alpha}

    Use it to set the decay of AdamW (multiplied by the rate) when batch, rate or length change: it keeps the
    timescale at its best value. Fit it on tuned decays. Not above the critical batch, where the decay no
    longer grows with the batch, nor across widths under muP (wd_width).
    """
    return batch / (tau * lr * D) * (D / N) ** alpha


@law(
    cite=WIDTH,
    output="weight_decay",
    checks=[Check({"W": 1024.0}, {"k": 0.003, "gamma": 0.5}, 0.096)],
    meaning={
        "k": "decay at width one",
        "gamma": "0 keeps the decay, .5 keeps the size of matrix layers, 1 keeps rate times decay; no unit",
    },
)
def wd_width(W, *, k: Positive, gamma: Exponent):
    r"""\lambda(W) = k W^{\gamma}

    Use it to carry the decay of matrix-like weights to another width while the rate goes as 1 / W: fix
    gamma, at .5 by the cited paper, or fit it on tuned decays. Not for vectors (biases, norms), which get no
    decay, and not at changed data or batch (weight_decay). No constants are shipped.
    """
    return k * W**gamma
