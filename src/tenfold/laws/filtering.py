r"""Data filtering: error of a pool of data whose samples are worth less each time they are seen again."""

from math import log

from tenfold.core import Check, Cite, Domain, Floor, Interval, Positive, Reduction, law, maths

GOYAL = Cite(
    "Goyal et al.", 2024, "Scaling Laws for Data Filtering: Data Curation cannot be Compute Agnostic", "arXiv:2404.07177",
    "theorem 1, and the authors' code, objective.py",
)  # fmt: skip
EPOCHS = 32
HalfLife = Domain("positive", lower=0.0, transform="log", start=(0.5, 20.0))
Utility = Interval(0.0, 2.0, start=(0.01, 0.6))


@law(
    cite=GOYAL,
    # three epochs and a half, the utility halved in each: .1 + 40 (1e8)^-.25 2^-.125 (3/2)^-.0625 (7/6)^-.03125
    checks=[Check({"D": 3.5e8, "U": 1e8}, {"E": 0.1, "A": 40.0, "b": 0.25, "tau": 1.0}, 0.4559044769015462)],
    reduces_to=[
        Reduction("power_offset", when={"U": "maximum(U, D)"}, coef={"E": "E", "A": "A", "alpha": "b"}, inputs={"x": "D"})
    ],
    output="error",
    falls_in=("D", "U"),
    meaning={
        "E": "error that no amount of this kind of data passes, fraction",
        "A": "error above that at one sample, fraction times samples^b",
        "b": "utility of the pool on first sight, an exponent; larger is better data, no unit",
        "tau": "repetitions after which the utility has halved, epochs; larger is more diverse data",
    },
)
def data_pool(D, U, *, E: Floor, A: Positive, b: Utility, tau: HalfLife):
    r"""y = E + A n_0^{-b} \prod_{e \ge 1} (n_e / n_{e-1})^{-b 2^{-e/\tau}}, n_e = \min((e + 1) U, D)

    Use it to choose how hard to filter: fit each pool of U samples on runs that see D, then rank pools, and unions
    of pools, at the budget at hand. Theorem 1: m pools of one size have together m U samples, the half-life m tau
    and the mean of the b. Both are counted in one unit, samples or tokens. Epochs beyond the 32nd count as part of
    it, which overstates them a little. Not for one pass over the data (power_offset), nor for several model sizes
    (data_constrained). No constants are shipped.
    """
    # With m_e = ln(n_e / n_0) = min(ln(D/U), ln(e + 1)) the exponents add up to the sum of q^e (m_e - m_(e-1)), and by
    # parts to (1 - q) sum q^e m_e, plus q^31 m_31 for the open end: one logarithm for all epochs, by Horner's rule.
    q = maths.exp(-log(2.0) / tau)
    longest = maths.maximum(maths.log(D / U), 0.0)
    total = 0.0
    for epoch in range(EPOCHS - 2, 0, -1):
        total = q * (total + maths.minimum(longest, log(epoch + 1.0)))
    gained = total * -maths.expm1(-log(2.0) / tau) + maths.exp(-log(2.0) * (EPOCHS - 1) / tau) * longest
    return E + A * maths.exp(-b * (maths.log(maths.minimum(U, D)) + gained))
