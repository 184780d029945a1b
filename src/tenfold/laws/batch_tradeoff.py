r"""Steps against examples: what a larger batch saves in time and costs in data."""

from tenfold.core import Check, Cite, Like, Published, Reduction, law, maths
from tenfold.laws.batch_size import ZHANG

MCCANDLISH = Cite(
    "McCandlish et al.", 2018, "An Empirical Model of Large-Batch Training", "arXiv:1812.06162",
    "section 2: steps and examples to a target",
)  # fmt: skip
CRITICAL = "batch at which both steps and data are twice the least, tokens"
SEQUENCE = 512.0  # tokens, in the runs of Zhang et al.


def _steps(size, least, slope, target):
    """A fit a + b / B of theirs, with B in sequences."""
    return Published(
        {"S_min": least, "B_crit": SEQUENCE * slope / least},
        where=f"our fit of their steps to loss {target}, {size} model, nine batches: least squares of logarithms",
        tag="refit",
        loss="nats/token",
        span={"batch": (64 * SEQUENCE, 16384 * SEQUENCE)},
        note="their critical batch is B_crit / 5 + 1.2 * 256 sequences of 512 tokens",
        cite=ZHANG,
    )


@law(
    cite=MCCANDLISH,
    output="steps",
    published={
        "zhang-85m": _steps("85 M", 1293.8, 2.8343e6, 3.42),
        "zhang-151m": _steps("151 M", 1752.4, 5.6775e6, 3.24),
        "zhang-302m": _steps("302 M", 2095.3, 1.1383e7, 3.07),
        "zhang-604m": _steps("604 M", 2459.9, 1.9450e7, 2.92),
        "zhang-1200m": _steps("1.2 B", 3897.3, 4.3381e7, 2.736),
    },
    checks=[Check({"batch": 5e5}, {"S_min": 3000.0, "B_crit": 2e6}, 15000.0)],
    reduces_to=[
        Reduction(
            "power_offset", when={}, coef={"E": "S_min", "A": "S_min * B_crit", "alpha": "1"}, inputs={"x": "batch"}
        )
    ],
    falls_in=("batch",),
    aliases=("gradient_noise",),
    meaning={"S_min": "steps to the target with an endless batch", "B_crit": CRITICAL},
)
def steps_batch(batch, *, S_min: Like("output", low=0.03, high=1.0), B_crit: Like("batch", low=0.1, high=30.0)):
    r"""S(B) = S_{\min} \left( 1 + B_{crit} / B \right)

    Use it for steps to one target loss at several batches, the rate tuned at each. Steps and tokens E = B S
    then trade as (S / S_min - 1)(E / E_min - 1) = 1, with B_crit = E_min / S_min. Not for steps to different
    targets: the critical batch grows as the loss falls (one fit a target). tokens_batch is the same law in
    tokens.
    """
    # one factor: written as a sum, S_min would stand in a term of its own and in another, which the fast solver refuses
    return S_min * maths.exp(maths.log1p(B_crit / batch))


@law(
    cite=MCCANDLISH,
    output="tokens",
    checks=[Check({"batch": 1e6}, {"E_min": 3e9, "B_crit": 2e6}, 4.5e9)],
    meaning={"E_min": "tokens to the target with a tiny batch", "B_crit": CRITICAL},
)
def tokens_batch(batch, *, E_min: Like("output", low=0.03, high=1.0), B_crit: Like("batch", low=0.1, high=30.0)):
    r"""E(B) = E_{\min} \left( 1 + B / B_{crit} \right)

    Use it for tokens to one target loss at several batches, the rate tuned at each. It says that the smallest
    batch wastes no data; where small batches lose too, for want of tuning of beta2 and rate, fit only the
    larger ones. Not across targets. steps_batch is the same law in steps.
    """
    return E_min * maths.exp(maths.log1p(batch / B_crit))
