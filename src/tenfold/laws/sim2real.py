r"""From simulation to reality: the error after fine-tuning on real data, in the amount of simulated data."""

from tenfold.core import Check, Cite, Exponent, Positive, law

MIKAMI = Cite(
    "Mikami et al.", 2021, "A Scaling Law for Synthetic-to-Real Transfer: How Much Is Your Pre-training Effective?",
    "arXiv:2108.11018", "section on the full law, eq. in both data sizes",
)  # fmt: skip
COEF = {"delta": 8.0, "gamma": 0.02, "alpha": 0.25, "beta": 0.125}


@law(
    cite=MIKAMI,
    output="error",
    checks=[Check({"D": 1e12, "U": 1e8}, COEF, 0.016800000000000002)],  # 8 (.02 + .001) / 10
    falls_in=("D", "U"),
    meaning={
        "delta": "size of the law, error times samples^beta over the unit of gamma",
        "gamma": "transfer gap: what no amount of simulated data removes, samples^-alpha",
        "alpha": "exponent of the simulated data, no unit",
        "beta": "exponent of the real data, no unit",
    },
)
def sim2real(D, U, *, delta: Positive, gamma: Positive, alpha: Exponent, beta: Exponent):
    r"""L(D, U) = \delta (\gamma + D^{-\alpha}) U^{-\beta}

    Use it for models pre-trained on D simulated or computed samples (the column tokens) and fine-tuned on U real ones
    (unique_tokens): more simulation stops paying far above \gamma^{-1/\alpha}. At one U it is power_offset, with
    the gap for a floor. Not for fine-tuning that has nearly enough real data, where pre-training stops mattering
    (transfer_loss). No constants are shipped.
    """
    return delta * (gamma + D**-alpha) * U**-beta
