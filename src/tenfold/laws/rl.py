r"""Reinforcement learning after pre-training: reward and error against compute."""

from tenfold.core import Check, Cite, Domain, Interval, Like, Reduction, Unit, law, maths

SCALERL = Cite(
    "Khatri et al.", 2025, "The Art of Scaling Reinforcement Learning Compute for LLMs", "arXiv:2510.13786", "eq. 1"
)
TAN = Cite(
    "Tan et al.",
    2025,
    "Scaling Behaviors of LLM Reinforcement Learning Post-Training: An Empirical Study in Mathematical Reasoning",
    "arXiv:2509.25300",
    "eq. of the efficiency; function class PowLawMul of the authors' repository",
)
Steep = Interval(0.05, 10.0, start=(0.3, 4.0))
Pivot = Domain("positive", lower=0.0, transform="log", start=(1e-6, 1e12))
SLOPE = {
    "k_max": "exponent of compute for an endless model, no unit",
    "N0": "size at which the exponent is half of that, parameters",
}


@law(
    cite=SCALERL,
    output="reward",
    checks=[Check({"x": 4e4}, {"R0": 0.2, "A": 0.6, "B": 2.0, "C_mid": 1e4}, 0.2 + 0.4 * 16 / 17)],
    aliases=("scalerl",),
    meaning={
        "R0": "reward at the start, in the unit of the output",
        "A": "reward that endless compute reaches, in the unit of the output",
        "B": "steepness: exponent of compute, no unit",
        "C_mid": "compute at which half of the gain is made, in the unit of x",
    },
)
def rl_sigmoid(x, *, R0: Unit, A: Unit, B: Steep, C_mid: Like("x", low=0.3, high=10.0)):
    r"""R(x) = R_0 + \frac{A - R_0}{1 + (C_{mid} / x)^{B}}

    Use it for the pass rate of one run against its compute (GPU-hours or FLOP, as measured), beyond the first
    noisy stretch; fix R0 at the measured start. The ceiling A and the steepness B trade off until the curve
    has visibly bent, and A is known to some .02 at best between seeds: compare ceilings first, then B. Not
    for losses without a ceiling (power_offset). No constants are shipped, for R0 is not published.
    """
    done = -maths.softplus(B * (maths.log(C_mid) - maths.log(x)))
    left = -maths.softplus(B * (maths.log(x) - maths.log(C_mid)))
    return R0 * maths.exp(left) + A * maths.exp(done)


@law(
    cite=TAN,
    output="error",
    checks=[
        Check({"N": 1e10, "C": 1e19}, {"C0": 1e-2, "r": 1.6, "k_max": 0.8, "N0": 3e10}, 0.1)  # (1e14 / 1e19)^.2
    ],
    reduces_to=[
        Reduction("power", when={"r": 0.0, "N0": 0.0}, coef={"A": "C0**k_max", "alpha": "k_max"}, inputs={"x": "C"})
    ],
    falls_in=("C",),
    meaning={
        "C0": "compute at which a model of one parameter has error one, FLOP / parameters^r",
        "r": "how that compute grows with size, no unit",
        **SLOPE,
    },
)
def rl_power(
    N,
    C,
    *,
    C0: Pivot,
    r: Interval(0.0, 4.0, start=(0.2, 3.0)),
    k_max: Interval(1e-3, 2.0, start=(0.02, 1.0)),
    N0: Like("N", low=0.1, high=10.0),
):
    r"""L(N, C) = \left( C_0 N^{r} / C \right)^{k(N)}, \; k(N) = k_{\max} \frac{N}{N + N_0}

    Use it for the error 1 - pass@1 of several sizes during RL, against the compute spent on it: straight
    lines in a log-log plot whose slope saturates with size. Its intercepts follow from C0 and r; where they
    do not, fit power to each size and rl_slope to the slopes. Not near a ceiling, which it does not know
    (rl_sigmoid), nor for data reused more than some 25 times. No constants are shipped.
    """
    slope = k_max * N / (N + N0)
    return maths.exp(slope * (maths.log(C0) + r * maths.log(N) - maths.log(C)))


@law(
    cite=TAN,
    output="score",
    checks=[Check({"N": 1e10}, {"k_max": 0.25, "N0": 4e10}, 0.05)],
    meaning=SLOPE,
)
def rl_slope(N, *, k_max: Interval(1e-3, 2.0, start=(0.02, 1.0)), N0: Like("N", low=0.1, high=10.0)):
    r"""k(N) = k_{\max} \frac{N}{N + N_0}

    Use it for the exponents with which the error of models of several sizes falls during RL, one power fit a
    size. Not for the errors themselves (rl_power). Far below N0 only the ratio k_max / N0 is known. No
    constants are shipped.
    """
    return k_max * N / (N + N0)
